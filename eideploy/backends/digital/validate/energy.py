"""Operations and memory accesses of an inference on the digital core, times a published table.

An estimate by counting, no measurement: the table is of 45 nm at 0.9 V, per 32-bit operation or
8 kB memory (M. Horowitz, "Computing's energy problem", ISSCC 2014); wires, clock and leakage
are not in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eideploy.backends.digital.counts import Cycles, StageCycles
from eideploy.backends.digital.program import Program, Stage

PICOJOULES = {
    "8-bit products": 0.2,
    "32-bit products": 3.1,
    "32-bit additions": 0.1,
    "32 bits of memory": 5.0,
}
SOURCE = "45 nm, 0.9 V: Horowitz, ISSCC 2014"


@dataclass(frozen=True, kw_only=True)
class Energy:
    """Counts by what they are of (PICOJOULES), and nanojoules, of one inference on average."""

    counts: Mapping[str, float]
    nanojoules: Mapping[str, float]

    @property
    def total(self) -> float:
        """Nanojoules in all."""
        return sum(self.nanojoules.values())


def estimate(program: Program, cycles: Cycles) -> Energy:
    """Count what the core does for one inference, averaged over the samples that `cycles` is of."""
    samples = len(cycles.per_inference)
    counts = dict.fromkeys(PICOJOULES, 0.0)
    for stage in program.stages:
        for name, count in _counts(program, stage, cycles.stages[stage.name]).items():
            counts[name] += count / samples
    return Energy(
        counts=counts,
        nanojoules={name: count * PICOJOULES[name] / 1000 for name, count in counts.items()},
    )


def _counts(program: Program, stage: Stage, done: StageCycles) -> dict[str, float]:
    """Return the counts of a stage, over all samples and steps."""
    core, widths = program.target.core, program.target.widths
    steps, batch = done.events.shape
    runs = steps * batch
    lanes, lanes_i = core.lanes, 0 if stage.is_folded else core.lanes_i
    sums = widths.accumulator + widths.divisor  # bits of a lane's pair
    accumulated = int(done.row_operations.sum())
    inhibited = int(done.active.sum()) * stage.groups_e
    rows_e, rows_i = stage.positions * stage.groups_e * runs, stage.inhibition_rows * runs
    neurons = 0 if stage.is_readout else stage.positions * stage.n_e * runs
    # Of the rows of weights, those whose products are added to a sum of each kind.
    part_e, part_i = stage.groups_e / stage.rows, stage.groups_i / stage.rows
    first = lanes * widths.divisor if stage.is_folded else core.sums_i * widths.inhibition
    bits = (
        (accumulated + inhibited) * (lanes + core.lanes_i) * widths.weight
        + 2 * accumulated * (part_i * first + part_e * lanes * widths.accumulator)
        + 2 * inhibited * lanes * sums
        + rows_i * core.sums_i * widths.inhibition
        + rows_e * lanes * sums
        + neurons * (2 * widths.membrane + widths.threshold + widths.bias + widths.fraction)
    )
    has_table = not stage.is_readout and program.division.divider.table.size > 0
    return {
        "8-bit products": accumulated * (lanes + lanes_i),
        "32-bit products": 2 * inhibited * lanes + neurons * has_table,
        "32-bit additions": accumulated * (lanes + lanes_i) + 2 * inhibited * lanes + 4 * neurons,
        "32 bits of memory": bits / 32,
    }
