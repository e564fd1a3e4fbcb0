"""Phase inhibit: active inhibitory units times weights."""

import numpy as np

from eideploy.backends.digital.core.phase import Core, Operation, Phase
from eideploy.numeric.fixed import Int


class Inhibit(Phase):
    """Subtracts W_EI s_I from NUM and adds W_EI (gain s_I) to DEN, unit by active unit."""

    name = "inhibit"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.inhibit)
        self.next_row = 0
        self.has_ahead = False
        self.row, self.s = self._fetch()  # in the last cycle of accumulate
        self._take_unit()

    def issue(self) -> Operation | None:
        """Work on one group of the unit at hand."""
        stage, memories = self.core.stage, self.core.memories
        if not self.has_ahead:
            self.ahead, self.has_ahead = self._fetch(), True
        if self.lane is None:
            self._advance()
            return None
        position, group_i = divmod(self.row, stage.groups_i)
        unit = group_i * self.core.program.target.core.sums_i + self.lane
        weights = memories.weight[stage.inhibitory_base + unit * stage.groups_e + self.group]
        weights = weights[: self.core.lanes]
        s = int(self.s[self.lane])
        gained = 0 if stage.is_readout else s * int(memories.gain[stage.gain_base + unit])
        row = stage.accumulator_base + position * stage.groups_e + self.group
        self.group += 1
        if self.group == stage.groups_e:
            self.s[self.lane] = 0
            self._advance()
        return row, weights * s, weights * gained

    def retire(self, operation: Operation) -> None:
        """Subtract and add a row; note whether a divisor became positive."""
        row, subtracted, added = operation
        self.core.memories.num[row] -= subtracted
        self.core.memories.den[row] += added
        self.core.divisible |= bool(added.any())

    def _advance(self) -> None:
        """Go to the next active unit of the row, or to the next row."""
        if not self.s.any():
            if not len(self.ahead[1]):
                self.done = True
                return
            (self.row, self.s), self.has_ahead = self.ahead, False
        self._take_unit()

    def _take_unit(self) -> None:
        active = np.flatnonzero(self.s)
        self.lane = int(active[0]) if active.size else None
        self.group = 0

    def _fetch(self) -> tuple[int, Int]:
        """Read and clear the next row of s_I; beyond the last one, nothing."""
        stage, row = self.core.stage, self.next_row
        if row == stage.positions * stage.groups_i:
            return row, np.zeros(0, np.int64)
        self.next_row += 1
        values = self.core.memories.inhibition[stage.inhibition_base + row]
        s = values.copy()
        values[:] = 0
        return row, s
