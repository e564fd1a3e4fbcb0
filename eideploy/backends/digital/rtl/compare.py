"""The core's trace against the integer simulator's and the cycle formula."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.program import Program, Stage
from eideploy.backends.digital.rtl.trace import PHASES, RtlTrace
from eideploy.circuit import Array
from eideploy.execute.trace import Trace


@dataclass(frozen=True, kw_only=True)
class Differences:
    """How many spikes, membranes, logits and cycle counts of (stage, phase, step) differ.

    order  1 if rows were not written in the order of their addresses
    """

    samples: int
    spikes: int
    membranes: int
    logits: int
    cycle_counts: int
    order: int

    @property
    def total(self) -> int:
        """How much differs in all."""
        return sum(n for name, n in asdict(self).items() if name != "samples")

    def __add__(self, other: "Differences") -> "Differences":
        """Return the differences of two batches."""
        mine, theirs = asdict(self), asdict(other)
        return Differences(**{name: mine[name] + theirs[name] for name in mine})


def differences(program: Program, found: RtlTrace, expected: Trace) -> Differences:
    """Compare a batch; `expected` holds every kind of execute.trace.KEEP_ALL."""
    cycles = count_cycles(program, expected)
    counts = sum(
        int((found.phases[stage.name][phase] != cycles.stages[stage.name].phases[phase]).sum())
        for stage in program.stages
        for phase in PHASES
    )
    return Differences(
        samples=len(found.totals),
        spikes=sum(_differing(z, expected.spikes[lif]) for lif, z in found.spikes.items()),
        membranes=sum(_differing(v, expected.membranes[lif]) for lif, v in found.membranes.items()),
        logits=int((found.totals != expected.totals).sum()),
        cycle_counts=counts,
        order=int(not found.in_order),
    )


def first_difference(program: Program, found: RtlTrace, expected: Trace) -> str:
    """Return the first number that differs, by sample, time step and layer; "" if none does."""
    places: list[tuple[tuple[int, int, int, int], str]] = []
    for number, stage in enumerate(program.stages):
        for kind, (name, is_, to_be) in enumerate(_numbers(program, stage, found, expected)):
            differ = np.argwhere((is_ != to_be.reshape(is_.shape)).swapaxes(0, 1))
            if len(differ):
                sample, step, *neuron = differ[0].tolist()
                place = step, sample, *neuron
                values = f"{is_[place]}, not {to_be.reshape(is_.shape)[place]}"
                said = f"{stage.name}, {name}{_neuron(neuron)}: {values}"
                at = f"sample {sample}, time step {step}, layer {said}"
                places.append(((sample, step, number, kind), at))
    return min(places)[1] if places else ""


def _numbers(
    program: Program, stage: Stage, found: RtlTrace, expected: Trace
) -> Iterator[tuple[str, Array, Array]]:
    """Yield what a core has of a stage, (T, B, ...), by name, and what it should have."""
    if stage.is_readout:
        is_, to_be = (_in_last_step(program, each) for each in (found.totals, expected.totals))
        yield "logits", is_, to_be
    else:
        for name in ("membranes", "spikes"):
            yield name, getattr(found, name)[stage.lif], getattr(expected, name)[stage.lif]
    counted = count_cycles(program, expected).stages[stage.name].phases
    for phase in PHASES:
        cycles = found.phases[stage.name][phase]
        yield f"cycles of {phase}", cycles, np.broadcast_to(counted[phase], cycles.shape)


def _in_last_step(program: Program, totals: Array) -> Array:
    """Return totals (B, classes) as (T, B, classes), where the other steps have none."""
    steps = np.zeros((program.circuit.steps, *totals.shape), totals.dtype)
    steps[-1] = totals
    return steps


def _neuron(place: Sequence[int]) -> str:
    """Say which neuron, by its channel and position; "" for what is of no neuron."""
    if not place:
        return ""
    channel, *position = place
    return f" of {channel}" + (f" at {tuple(position)}" if any(position) else "")


def _differing(found: Array, expected: Array) -> int:
    return int(np.count_nonzero(found.reshape(expected.shape) != expected))
