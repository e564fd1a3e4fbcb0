"""Phase accumulate: events times weights."""

from eideploy.backends.digital.core.phase import Core, Operation, Phase
from eideploy.backends.digital.core.scan import Row, Scanner, Tap, taps_of


class Accumulate(Phase):
    """Scans the sources and adds their events to s_I (folded: DEN) and NUM, P lanes a cycle."""

    name = "accumulate"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.accumulate)
        self.scanner = Scanner(core.program, core.stage, core.memories.spike, core.port, core.at)
        self.row = self.scanner.fetch()  # in the last cycle of setup
        self.ahead: Row | None = None
        self.has_ahead = False
        self.taps: list[Tap] = []
        self.group = self.value = 0
        self._take_event()

    def issue(self) -> Operation | None:
        """Work on one tap and group of the event at hand."""
        if not self.has_ahead:
            self.ahead, self.has_ahead = self.scanner.fetch(), True
        if not self.taps:
            self._take_event()
            return None
        stage, memories = self.core.stage, self.core.memories
        oy, ox, index = self.taps[0]
        group, self.group = self.group, self.group + 1
        position = oy * stage.width + ox
        weight = stage.weight_base + index * (stage.groups_i + stage.groups_e) + group
        first = group < stage.groups_i  # of W_IE, or of the denominator
        if not first:
            group -= stage.groups_i
        row = (
            stage.inhibition_base + position * stage.groups_i + group
            if first and not stage.is_folded
            else stage.accumulator_base + position * stage.groups_e + group
        )
        operation = first, row, memories.weight[weight] * self.value, stage.lane_base + group
        if self.group == stage.groups_i + stage.groups_e:
            self.group = 0
            del self.taps[0]
            if not self.taps:
                self._take_event()
        return operation

    def retire(self, operation: Operation) -> None:
        """Add a row of products to s_I or DEN, or, shifted, to NUM."""
        memories = self.core.memories
        first, row, products, lane_row = operation
        if first and self.core.stage.is_folded:
            memories.den[row] += products
            self.core.divisible |= bool(products.any())
        elif first:
            memories.inhibition[row] += products
        else:
            memories.num[row] += products << memories.shift[lane_row]

    def _take_event(self) -> None:
        """Take the row's next event; of a row that has none left, the next row."""
        if self.row is not None and not self.row.events and self.has_ahead:
            self.row, self.has_ahead = self.ahead, False
        self.taps, self.group, self.value = [], 0, 0
        if self.row is None:
            self.done = True
        elif self.row.events:
            channel, self.value = self.row.events.pop(0)
            self.taps = taps_of(self.core.stage, self.row, channel)
