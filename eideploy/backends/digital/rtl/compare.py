"""The core's trace against the integer simulator's and the cycle formula."""

from dataclasses import asdict, dataclass

import numpy as np

from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.program import Program
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


def _differing(found: Array, expected: Array) -> int:
    return int(np.count_nonzero(found.reshape(expected.shape) != expected))
