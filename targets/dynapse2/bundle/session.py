"""The patch on a live board, and trials on it; `se2` is the module samna.dynapse2."""

import os
import time

from patchfile import LoadError, bits

MARKERS = 3  # events of one kind at the end of a trial: a single one can get lost
MARKER_HOP = -1  # in x and y: the event comes back with y other than a neuron's
LEAD_US, TAIL_US = 100_000, 20_000  # before a trial's first event, after its last
TOO_LATE_US = 2**31  # timestamps beyond are not to be trusted
SETTLE_S = float(os.environ.get("EIDEPLOY_SETTLE_S", "1.0"))  # after a configuration is sent
PATIENCE_S = 10.0


def apply(configuration, patch, se2):
    """Set CAM, SRAM, latches and biases of a Dynapse2Configuration.

    Raises:
        LoadError: fewer chips, or other counts or names, than the patch is for.
    """
    dendrites = {code: getattr(se2.Dendrite, name) for name, code in patch.dendrites.items()}
    if len(configuration.chips) < patch.chips:
        raise LoadError(
            f"the patch is for {patch.chips} chips, here are {len(configuration.chips)}"
        )
    for (chip, core), codes in patch.codes.items():
        live = configuration.chips[chip].cores[core]
        set_biases(live, codes)
        for number in range(patch.size["neurons"]):
            _apply_neuron(live.neurons[number], patch.neuron((chip, core, number)), dendrites, se2)


def set_biases(core, codes):
    """Set coarse and fine of a core's parameters."""
    for name, (coarse, fine) in codes.items():
        if name not in core.parameters:
            raise LoadError(f"samna knows no parameter {name}")
        core.parameters[name].coarse_value = coarse
        core.parameters[name].fine_value = fine


def _apply_neuron(neuron, content, dendrites, se2):
    synapses, destinations, latches = content
    counts = len(neuron.synapses), len(neuron.destinations)
    if counts != (len(synapses), len(destinations)):
        raise LoadError(f"samna's neuron has {counts} synapses and destinations")
    made = []
    for code, mask, tag, *flags in synapses:
        synapse = se2.Dynapse2Synapse()
        synapse.dendrite, synapse.weight, synapse.tag = dendrites[code], bits(mask), tag
        synapse.stp, synapse.precise_delay, synapse.mismatched_delay = map(bool, flags)
        made.append(synapse)
    neuron.synapses = made  # the whole list: samna hands out copies of arrays
    neuron.destinations = [destination(se2, *row) for row in destinations]
    for name, on in latches.items():
        setattr(neuron, f"latch_{name}", on)


def destination(se2, cores, x_hop, y_hop, tag):
    """Return a Dynapse2Destination."""
    made = se2.Dynapse2Destination()
    made.core, made.x_hop, made.y_hop, made.tag = bits(cores), x_hop, y_hop, tag
    return made


def open_board(samna, *, bitfile, serial):
    """Return the first unopened board, or the one of a serial number, its FPGA programmed."""
    found = [
        device
        for device in samna.device.get_unopened_devices()
        if serial is None or device.serial_number == serial
    ]
    if not found:
        raise LoadError("no board is there" + (f" of serial number {serial}" if serial else ""))
    board = samna.device.open_device(found[0])
    board.reset_fpga()
    if bitfile and not board.configure_opal_kelly(str(bitfile)):
        raise LoadError(f"the board does not take the bitfile {bitfile}")
    time.sleep(SETTLE_S)
    board.reset_fpga()
    return board


class Session:
    """A board after a reset; `model` is samna's."""

    def __init__(self, board, patch, se2):
        self.board, self.patch, self.se2 = board, patch, se2
        self.model = board.get_model()
        self.model.reset(se2.ResetType.PowerCycle, (1 << patch.chips) - 1)
        time.sleep(SETTLE_S)
        self.configuration = self.model.get_configuration()
        self.commit()

    def commit(self):
        """Send the configuration."""
        self.model.apply_configuration(self.configuration)
        time.sleep(SETTLE_S)

    def load(self):
        """Put the patch on the chips."""
        apply(self.configuration, self.patch, self.se2)
        self.commit()

    def drain(self):
        """Empty all capacitors: leaks to their largest, a while, and back."""
        names, code = self.patch.head["drain"]["names"], self.patch.head["drain"]["code"]
        for (chip, core), codes in self.patch.codes.items():
            leaks = dict.fromkeys((name for name in names if name in codes), code)
            set_biases(self.configuration.chips[chip].cores[core], leaks)
        self.model.apply_configuration(self.configuration)
        time.sleep(SETTLE_S)
        for (chip, core), codes in self.patch.codes.items():
            set_biases(self.configuration.chips[chip].cores[core], codes)
        self.model.apply_configuration(self.configuration)
        time.sleep(SETTLE_S)
        self.board.read_events()

    def trial(self, spikes):
        """Send spikes (microseconds, population, index); return those of neurons, the same way.

        Raises:
            LoadError: a source that the network does not have; no answer; a clock about to wrap.
        """
        start = self.now() + LEAD_US
        ends = start + max((at for at, *_ in spikes), default=0) + TAIL_US
        if ends >= TOO_LATE_US:
            raise LoadError("the board's clock is about to wrap: reset it and begin anew")
        sources = self.patch.inputs()
        sizes, known = self.patch.head["populations"], {name for name, _ in sources}
        events = []
        for at, population, index in sorted(spikes):
            if population not in known or not 0 <= index < sizes[population]:
                raise LoadError(f"the network has no source {population}[{index}]")
            for cores, x_hop, y_hop, tag in sources.get((population, index), ()):
                events.append(self._event(start + at, cores, x_hop, y_hop, tag))
        self.board.grid_bus_write_events(events + self._markers(ends))
        return [(at - start, *who) for at, *who in self._spikes(ends) if at >= start]

    def now(self):
        """Return the board's time in microseconds, by a marker that comes back at once."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            self.board.grid_bus_write_events(self._markers(0))
            for event in self.board.read_events():
                if self._is_marker(event):
                    return event.timestamp
        raise LoadError(f"no marker came back in {PATIENCE_S} s")

    def _spikes(self, ends):
        """Yield time, population, index and class until a marker of time `ends` comes back."""
        outputs, y_hop = self.patch.outputs(), self.patch.head["monitor"]["y_hop"]
        deadline = time.monotonic() + PATIENCE_S + ends * 1e-6
        while time.monotonic() < deadline:
            for event in self.board.read_events():
                if self._is_marker(event) and event.timestamp >= ends:
                    return
                seen = event.event.x_hop, event.event.tag
                if event.event.y_hop == y_hop and seen in outputs:
                    yield (event.timestamp, *outputs[seen])
        raise LoadError("the trial's end never came back")

    def _is_marker(self, event):
        monitor = self.patch.head["monitor"]
        return event.event.tag == monitor["marker"] and event.event.y_hop != monitor["y_hop"]

    def _markers(self, at):
        cores = (1 << self.patch.size["cores"]) - 1
        tag = self.patch.head["monitor"]["marker"]
        event = self._event(at, cores, MARKER_HOP, MARKER_HOP, tag)
        return [event] * MARKERS

    def _event(self, at, cores, x_hop, y_hop, tag):
        made = self.se2.NormalGridEvent()
        made.event = destination(self.se2, cores, x_hop, y_hop, tag)
        made.timestamp = int(at)
        return made


def decide(spikes, classes):
    """Return the class with most spikes of its neurons, the lowest of several."""
    votes = [0] * classes
    for *_, output_class in spikes:
        if output_class >= 0:
            votes[output_class] += 1
    return max(range(classes), key=lambda c: (votes[c], -c))
