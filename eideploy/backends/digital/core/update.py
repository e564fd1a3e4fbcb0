"""Phases minimum, update and output: divisors, neurons, logits."""

from eideploy.backends.digital.core.phase import Core, Operation, Phase
from eideploy.circuit import Neurons


class Minimum(Phase):
    """Finds the least positive DEN << align, a row a cycle."""

    name = "minimum"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.minimum)
        self.row = 0

    def issue(self) -> Operation | None:
        """Read a row of DEN."""
        stage, memories = self.core.stage, self.core.memories
        den = memories.den[stage.accumulator_base + self.row]
        align = memories.align[stage.lane_base + self.row % stage.groups_e]
        self.row += 1
        self.done = self.row == stage.positions * stage.groups_e
        return den.tolist(), align.tolist()

    def retire(self, operation: Operation) -> None:
        """Compare the row's least positive entry with the register."""
        aligned = [den << align for den, align in zip(*operation, strict=True) if den > 0]
        self.core.least = min(
            (x for x in (*aligned, self.core.least) if x is not None), default=None
        )


class Update(Phase):
    """Divides, integrates, fires and resets R neurons at a time; writes spikes in rows of P."""

    name = "update"

    def __init__(self, core: Core) -> None:
        lif, division = core.program.circuit.node(core.stage.lif), core.layer.division
        assert isinstance(lif, Neurons)
        timing = core.program.target.divider[division.divider.method]
        super().__init__(core, drain=core.program.update_latency(core.stage))
        self.model, self.division = lif.integer_model, division
        self.current_bits = core.layer.integer_current.current_bits
        self.quotient = division.divider.scalar
        self.interval, self.wait = timing.interval, 0
        self.at_once = core.program.target.core.update_lanes
        self.position = self.first = 0  # the next neuron to issue
        self.num: list[int] = []  # the row that was read and cleared
        self.den: list[int] = []
        self.spikes = [0] * core.lanes  # the row that is gathered

    def issue(self) -> Operation | None:
        """Give the divider R neurons every `interval` cycles."""
        if self.wait:
            self.wait -= 1
            return None
        stage = self.core.stage
        lane = self.first % self.core.lanes
        if lane == 0:
            self._read_row(self.position * stage.groups_e + self.first // self.core.lanes)
        neurons = range(self.first, min(self.first + self.at_once, stage.n_e))
        values = [(self.num[n % self.core.lanes], self.den[n % self.core.lanes]) for n in neurons]
        operation = self.position, neurons, values
        self.first += self.at_once
        if self.first >= stage.n_e:
            self.first, self.position = 0, self.position + 1
        self.done = self.position == stage.positions
        self.wait = self.interval - 1
        return operation

    def retire(self, operation: Operation) -> None:
        """Write the membranes, and the spikes once a row of them is complete."""
        position, neurons, values = operation
        stage, lanes = self.core.stage, self.core.lanes
        for neuron, (num, den) in zip(neurons, values, strict=True):
            lane = neuron % lanes
            self.spikes[lane] = self._fire(position, neuron, num, den)
            if lane == lanes - 1 or neuron == stage.n_e - 1:
                bank = stage.spike_base + self.core.at % 2 * stage.spike_bank
                row = bank + position * stage.groups_e + neuron // lanes
                self.core.memories.spike[row] = self.spikes
                self.spikes = [0] * lanes

    def _read_row(self, row: int) -> None:
        memories, row = self.core.memories, self.core.stage.accumulator_base + row
        self.num, self.den = memories.num[row].tolist(), memories.den[row].tolist()
        if not self.core.stage.is_static or self.core.is_last:
            memories.num[row] = memories.den[row] = 0

    def _fire(self, position: int, neuron: int, num: int, den: int) -> int:
        """Integrate the divided current in one membrane; return its spikes (A6..A10)."""
        stage, memories = self.core.stage, self.core.memories
        parameter = stage.parameter_base + neuron
        pitch = -(-stage.n_e // self.at_once) * self.at_once
        word = stage.membrane_base + position * pitch + neuron
        v = 0 if self.core.is_first else int(memories.membrane[word])
        current = self._current(neuron, num, den) + int(memories.bias[parameter])
        own = {name: int(getattr(memories, name)[parameter]) for name in self.model.per_neuron}
        if self.model.has_synapse:
            s = 0 if self.core.is_first else int(memories.synapse[word])
            current, _ = self.model.scalar_filtered(s, current, own)
            memories.synapse[word] = current
        memories.membrane[word], spike, _ = self.model.scalar(v, current, own)
        return spike

    def _current(self, neuron: int, num: int, den: int) -> int:
        """Return the divided current; zero where no divisor of the stage is positive."""
        stage, memories = self.core.stage, self.core.memories
        fraction = int(memories.fraction[stage.parameter_base + neuron])
        floor = int(memories.floor[stage.parameter_base + neuron])
        if not self.division.divider.reads_divisor:
            den = floor
        elif not self.core.divisible:
            return 0
        elif den == 0 and self.division.zero_policy == "floor":
            den = floor
        elif den == 0:
            group, lane = divmod(neuron, self.core.lanes)
            fraction += int(memories.align[stage.lane_base + group, lane])
            assert self.core.least is not None  # some DEN is positive
            den = self.core.least
        magnitude = self.quotient(abs(num), den, fraction)
        limited = min(magnitude, (1 << (self.current_bits - 1)) - 1)
        return -limited if num < 0 else limited


class Output(Phase):
    """Puts out a logit a cycle, and clears the readout's accumulators."""

    name = "output"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.output)
        self.neuron = 0
        self.row: list[int] = []

    def issue(self) -> Operation | None:
        """Take the next logit of the row; read and clear a row with its first."""
        stage, memories = self.core.stage, self.core.memories
        group, lane = divmod(self.neuron, self.core.lanes)
        if lane == 0:
            self.row = memories.num[stage.accumulator_base + group].tolist()
            memories.num[stage.accumulator_base + group] = 0
        self.neuron += 1
        self.done = self.neuron == stage.n_e
        return self.row[lane]

    def retire(self, operation: Operation) -> None:
        """Put out a logit."""
        self.core.logits.append(operation)
