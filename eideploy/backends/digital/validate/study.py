"""What a build does to samples: every number of its report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.program import Program, Use
from eideploy.backends.digital.validate.compare import Comparison, InputComparison, compare
from eideploy.backends.digital.validate.layers import (
    KEEP_FLOAT,
    KEEP_INTEGER,
    LayerStudy,
    Share,
    layer_studies,
)
from eideploy.backends.digital.validate.raster import Inference, raster
from eideploy.circuit import Array, Circuit
from eideploy.circuit.limits import limits
from eideploy.circuit.proof import prove
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import Trace
from eideploy.numeric.fixed import Int
from eideploy.validate.distribution import rounded

LOOKED_AT = 64  # samples whose currents and divisors are looked at
CYCLE_BINS = 24


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Fractions of samples; without labels those of the networks are None.

    constant  whether a network gave the same logits for all samples
    """

    float: Share | None
    integer: Share | None
    agreement: Share
    constant: bool


@dataclass(frozen=True, kw_only=True)
class Width:
    """The bits that a number of a layer needs, by proof, and those that the target offers.

    saturates  whether it is clipped there by declaration
    """

    layer: str
    number: str
    needed: int
    offered: int
    saturates: bool = False


@dataclass(frozen=True, kw_only=True)
class CycleHistogram:
    """How many inferences take how many cycles."""

    edges: Sequence[float]
    counts: Sequence[int]


@dataclass(frozen=True, kw_only=True)
class StageCycles:
    """The mean cycles of a stage's phases, an inference."""

    name: str
    phases: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class CycleStudy:
    """Cycles an inference."""

    least: int
    median: float
    mean: float
    most: int
    histogram: CycleHistogram
    stages: tuple[StageCycles, ...]


@dataclass(frozen=True, kw_only=True)
class Study:
    """What samples show of a program beside the float circuit.

    confusion  how many samples of a class (row) the program takes for each; None without labels
    looked_at  samples that currents, divisors and the inference are of
    """

    samples: int
    accuracy: Accuracy
    confusion: Sequence[Sequence[int]] | None
    first_diverging: str | None
    looked_at: int
    input: InputComparison
    layers: tuple[LayerStudy, ...]
    widths: tuple[Width, ...]
    cycles: CycleStudy
    resources: tuple[Use, ...]
    inference: Inference


def study(
    circuit: Circuit,
    program: Program,
    samples: Array,
    labels: Array | None,
    *,
    advance: Callable[[int, str], None],
) -> Study:
    """Run samples through the float circuit and the program, and return what they show.

    Raises:
        DataError: samples that do not fit the input.
    """
    tally = _Tally(program, advance)
    comparison = compare(circuit, program, samples, labels, on_batch=tally.add)
    some = samples[: min(LOOKED_AT, len(samples))]
    reference = run_float(circuit, some, keep=KEEP_FLOAT)
    trace = run_integer(program.circuit, some, keep=KEEP_INTEGER)
    label = None if labels is None else int(labels[0])
    return Study(
        samples=comparison.samples,
        accuracy=_accuracy(comparison),
        confusion=None if labels is None else _confusion(tally.classes, labels, program),
        first_diverging=comparison.first_diverging,
        looked_at=len(some),
        input=comparison.input,
        layers=layer_studies(comparison.layers, circuit, program, reference, trace),
        widths=_widths(program),
        cycles=tally.cycle_study(comparison),
        resources=program.uses,
        inference=raster(circuit, program, samples[0], label, reference, trace),
    )


class _Tally:
    """Classes and cycles of every sample, batch by batch."""

    def __init__(self, program: Program, advance: Callable[[int, str], None]) -> None:
        self.program, self.advance = program, advance
        self.decided: list[Array] = []
        self.cycles: list[Int] = []
        self.phases: dict[str, dict[str, int]] = {}

    def add(self, trace: Trace) -> None:
        """Take a batch's trace, which `compare` has kept CYCLE_KINDS in."""
        assert trace.spikes  # CYCLE_KINDS were kept
        self.decided.append(trace.totals.argmax(1))
        cycles = count_cycles(self.program, trace)
        self.cycles.append(cycles.per_inference)
        for name, stage in cycles.stages.items():
            sums = self.phases.setdefault(name, dict.fromkeys(stage.phases, 0))
            for phase, value in stage.phases.items():
                sums[phase] += int(value.sum())
        self.advance(len(trace.totals), "")

    @property
    def classes(self) -> Array:
        """What the program says, (B,)."""
        return np.concatenate(self.decided)

    def cycle_study(self, comparison: Comparison) -> CycleStudy:
        """Return the cycles of all samples."""
        cycles = np.concatenate(self.cycles)
        counts, edges = np.histogram(cycles, CYCLE_BINS)
        return CycleStudy(
            least=comparison.cycles.least,
            median=comparison.cycles.median,
            mean=float(cycles.mean()),
            most=comparison.cycles.most,
            histogram=CycleHistogram(edges=rounded(edges), counts=[int(n) for n in counts]),
            stages=tuple(
                StageCycles(name=name, phases={k: n / len(cycles) for k, n in phases.items()})
                for name, phases in self.phases.items()
            ),
        )


def _accuracy(comparison: Comparison) -> Accuracy:
    return Accuracy(
        float=comparison.float_accuracy,
        integer=comparison.integer_accuracy,
        agreement=comparison.agreement,
        constant=comparison.activity.constant or comparison.float_activity.constant,
    )


def _confusion(classes: Array, labels: Array, program: Program) -> list[list[int]]:
    """Return how many samples of a class (row) the program takes for each (column)."""
    count = program.circuit.shapes[program.circuit.output.name][0]
    size = max(count, int(labels.max()) + 1)
    flat = np.bincount(labels.astype(np.int64) * size + classes, minlength=size * size)
    return [[int(n) for n in row] for row in flat.reshape(size, size)]


def _widths(program: Program) -> tuple[Width, ...]:
    """Return the proven bits of every accumulator beside those offered, and what may saturate."""
    offered, numbers = program.target.widths, prove(program.circuit)
    rows: list[Width] = []
    for name, reach in limits(program.circuit).items():
        pairs = {
            "NUM": (reach.accumulator_bits, offered.accumulator),
            "s_I": (reach.inhibition_bits, offered.inhibition),
            "DEN": (reach.divisor_bits if reach.divisor else None, offered.divisor),
        }
        rows += [
            Width(layer=name, number=number, needed=needed, offered=bits)
            for number, (needed, bits) in pairs.items()
            if needed is not None
        ]
    saturating = [
        Width(layer=name, number=n.role, needed=n.bits, offered=n.saturates, saturates=True)
        for name, of_node in numbers.items()
        for n in of_node
        if n.saturates is not None
    ]
    return (*rows, *saturating)
