"""Run samples through the float and the integer circuit, and compare them layer by layer."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, Neurons
from eideploy.errors import DataError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import integer_input, run_integer
from eideploy.execute.observe import batches
from eideploy.execute.trace import Trace
from eideploy.validate.activity import Activity, ActivityTally

SPIKES = frozenset({"spikes"})
COARSE = 0.02  # of the input that rounding may change: 5 bits of evenly spread values add 0.016


@dataclass(frozen=True, kw_only=True)
class LayerComparison:
    """One hidden layer over all samples and steps; every figure but the name is a fraction.

    rate               of neurons that spike in a step (integer)
    mismatch           of spikes that differ from the float circuit's
    zero_divisors      of divisors that were zero
    saturated_current  of divided currents that were clipped
    saturated_membrane of membranes that were clipped
    """

    name: str
    rate: float
    mismatch: float
    zero_divisors: float
    saturated_current: float
    saturated_membrane: float


@dataclass(frozen=True, kw_only=True)
class InputComparison:
    """The input's grid over all samples and steps.

    step, levels  what a level is worth, and the largest: both at once are the full scale
    saturated     fraction of values other than 0 that lie beyond the full scale
    rounding      root mean square of what rounding adds to the others, as a fraction of theirs
    """

    step: float
    levels: int
    saturated: float
    rounding: float

    @property
    def is_coarse(self) -> bool:
        """Whether rounding changes the input by more than 5 bits and evenly spread values do."""
        return self.rounding > COARSE


@dataclass(frozen=True, kw_only=True)
class CycleSummary:
    """Cycles per inference, and the mean share of every stage.

    unit       "cycles", or what the program counts otherwise
    clock_hz   that the target's spec states; None where it states none
    median_ms  the median by that clock
    """

    least: int
    median: float
    most: int
    by_stage: dict[str, float]
    clock_hz: int | None
    median_ms: float | None
    unit: str = "cycles"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The integer program beside the float circuit; accuracies are None without labels.

    What agrees says something only of networks that do something: see both activities.
    """

    samples: int
    float_accuracy: float | None
    integer_accuracy: float | None
    agreement: float
    input: InputComparison
    layers: tuple[LayerComparison, ...]
    first_diverging: str | None
    cycles: CycleSummary
    activity: Activity
    float_activity: Activity


def compare(
    circuit: Circuit,
    program: Program,
    samples: Array,
    labels: Array | None,
    *,
    on_batch: Callable[[Trace], None] = lambda _: None,
    keep: frozenset[str] = frozenset(),
) -> Comparison:
    """Compare `program` with the float `circuit` it came from.

    Args:
        circuit: the float circuit.
        program: what it was compiled to.
        samples: (B, ...) or (B, T, ...) in the network's input range.
        labels: (B,) classes, or None.
        on_batch: called after every batch with the integer program's trace of it.
        keep: kinds that this trace shall hold.

    Raises:
        DataError: samples that do not fit the input; more or fewer labels.
    """
    if labels is not None and np.shape(labels) != (len(samples),):
        raise DataError(
            f"the labels have shape {np.shape(labels)}, there are {len(samples)} samples",
            where="labels",
            fix="give one class for every sample, (B,), or None",
        )
    tally = _Tally(program)
    for batch in batches(samples):
        on_batch(tally.add(circuit, batch, keep))
    return tally.comparison(labels)


class _Tally:
    """Sums over batches."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.activity, self.float_activity = ActivityTally(), ActivityTally()
        self.float_classes: list[Array] = []
        self.integer_classes: list[Array] = []
        self.cycles: list[Array] = []
        self.stage_cycles: Counter[str] = Counter()
        self.rounded, self.given = 0.0, 0.0  # sums of squares
        self.counts: dict[str, Counter[str]] = {
            kind: Counter() for kind in ("differ", "spikes", "saturated", "zeros", "entries")
        }

    def add(self, circuit: Circuit, batch: Array, keep: frozenset[str]) -> Trace:
        """Run one batch through both, and return the integer program's trace."""
        reference = run_float(circuit, batch, keep=SPIKES)
        trace = run_integer(self.program.circuit, batch, keep=SPIKES | CYCLE_KINDS | keep)
        self._look_at_input(batch)
        self.activity.add(trace, batch)
        self.float_activity.add(reference, batch)
        self.float_classes.append(reference.logits.argmax(1))
        self.integer_classes.append(trace.totals.argmax(1))
        for name, spikes in trace.spikes.items():
            self.counts["differ"][name] += int((spikes != reference.spikes[name]).sum())
            self.counts["spikes"][name] += int(spikes.sum())
        for kind in ("saturated", "zeros", "entries"):
            self.counts[kind].update(getattr(trace, kind))
        cycles = count_cycles(self.program, trace)
        self.cycles.append(cycles.per_inference)
        self.stage_cycles.update({k: int(v.sum()) for k, v in cycles.per_stage.items()})
        return trace

    def _look_at_input(self, batch: Array) -> None:
        node = integer_input(self.program.circuit)
        x = batch.astype(np.float64)
        levels = np.rint(x / node.step)
        is_within = levels <= node.top
        self.rounded += float(((levels * node.step - x)[is_within] ** 2).sum())
        self.given += float((x[is_within] ** 2).sum())

    def comparison(self, labels: Array | None) -> Comparison:
        """Return the fractions."""
        ours, theirs = np.concatenate(self.integer_classes), np.concatenate(self.float_classes)
        lifs = self.program.circuit.of(Neurons)
        layers = tuple(self._layer(lif) for lif in lifs)
        cycles, clock_hz = np.concatenate(self.cycles), self.program.target.clock_hz
        median = float(np.median(cycles))
        return Comparison(
            samples=len(ours),
            float_accuracy=None if labels is None else float((theirs == labels).mean()),
            integer_accuracy=None if labels is None else float((ours == labels).mean()),
            agreement=float((ours == theirs).mean()),
            input=self._input(),
            layers=layers,
            first_diverging=next((layer.name for layer in layers if layer.mismatch > 0), None),
            activity=self.activity.activity(),
            float_activity=self.float_activity.activity(),
            cycles=CycleSummary(
                least=int(cycles.min()),
                median=median,
                most=int(cycles.max()),
                by_stage={k: v / len(ours) for k, v in self.stage_cycles.items()},
                clock_hz=clock_hz,
                median_ms=1000 * median / clock_hz if clock_hz else None,
                unit=self.program.unit,
            ),
        )

    def _input(self) -> InputComparison:
        node = integer_input(self.program.circuit)
        return InputComparison(
            step=node.step,
            levels=node.top,
            saturated=self._fraction("saturated", node.name),
            rounding=(self.rounded / self.given) ** 0.5 if self.given else 0.0,
        )

    def _layer(self, lif: Neurons) -> LayerComparison:
        current = self.program.circuit.node(lif.inputs[0])
        return LayerComparison(
            name=lif.name,
            rate=self._fraction("spikes", lif.name),
            mismatch=self._fraction("differ", lif.name),
            zero_divisors=self._fraction("zeros", current.name),
            saturated_current=self._fraction("saturated", current.name),
            saturated_membrane=self._fraction("saturated", lif.name),
        )

    def _fraction(self, kind: str, name: str) -> float:
        return self.counts[kind][name] / max(1, self.counts["entries"][name])
