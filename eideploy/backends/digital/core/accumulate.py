"""Phase accumulate: events times weights."""

from eideploy.backends.digital.core.phase import Core, Operation, Phase
from eideploy.backends.digital.core.scan import Row, Scanner, Tap, taps_of


class Accumulate(Phase):
    """Scans the sources and adds their events to s_I (folded: DEN) and NUM."""

    name = "accumulate"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.accumulate)
        self.scanner = Scanner(core.program, core.stage, core.memories.spike, core.port, core.at)
        self.row: Row | None = None
        self.ahead: Row | None = None
        self.has_ahead = self.has_row = False
        self.taps: list[Tap] = []
        self.group = self.value = 0
        self._fetch()  # in the last cycle of setup
        self._take_event()

    def issue(self) -> Operation | None:
        """Work on one tap and group of the event at hand."""
        if not self.has_ahead:
            self._fetch()
        if not self.taps:
            self._take_event()
            return None
        stage = self.core.stage
        oy, ox, index = self.taps[0]
        group, self.group = self.group, self.group + 1
        position = oy * stage.width + ox
        weights = self.core.memories.weight[stage.weight_base + index * stage.rows + group]
        operation = position, group, weights * self.value
        if self.group == stage.rows:
            self.group = 0
            del self.taps[0]
            if not self.taps:
                self._take_event()
        return operation

    def retire(self, operation: Operation) -> None:
        """Add a row of products to s_I or DEN, or, shifted, to NUM; with Q lanes to s_I and NUM."""
        memories, stage, lanes = self.core.memories, self.core.stage, self.core.lanes
        position, group, products = operation
        in_turn = stage.is_folded or not self.core.program.target.core.lanes_i
        first = group < stage.groups_i  # of W_IE, or of the denominator
        if first and not stage.is_folded:
            row = stage.inhibition_base + position * stage.groups_i + group
            memories.inhibition[row] += products if in_turn else products[lanes:]
        if in_turn and not first:
            group -= stage.groups_i
        if group >= stage.groups_e or (in_turn and first and not stage.is_folded):
            return
        row, products = stage.accumulator_base + position * stage.groups_e + group, products[:lanes]
        if stage.is_folded and first:
            memories.den[row] += products
            self.core.divisible |= bool(products.any())
        else:
            memories.num[row] += products << memories.shift[stage.lane_base + group]

    def _fetch(self) -> None:
        """Fetch a row of spikes or a word; ahead then lies a row, or the last one of a window."""
        row = self.scanner.fetch()
        if row is not ...:
            self.ahead, self.has_ahead = row, True

    def _take_event(self) -> None:
        """Take the row's next event; of a row that has none left, the next row."""
        if self.has_ahead and not (self.row and self.row.events):
            self.row, self.has_row, self.has_ahead = self.ahead, True, False
        self.taps, self.group, self.value = [], 0, 0
        if self.row is None:
            self.done = self.has_row
        elif self.row.events:
            channel, self.value = self.row.events.pop(0)
            self.taps = taps_of(self.core.stage, self.row, channel)
