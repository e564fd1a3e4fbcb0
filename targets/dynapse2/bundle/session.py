"""The patch on a live board, and trials on it; `se2` is the module samna.dynapse2."""

import os
import time

from patchfile import LoadError, bits

PIECE = 1024  # events that are sent at once; between them what came back is read
MARKERS = 3  # events of one kind at the end of a trial: a single one can get lost
RESEND_S = 0.5  # after which a marker that has not come back is sent again
SADC_MS = 5  # between its samples
SADC = (  # channels of a core
    "soif_mem",
    "soif_refractory",
    "soad_dpi",
    "soca_dpi",
    "deam_edpi",
    "deam_idpi",
    "denm_edpi",
    "denm_idpi",
    "dega_idpi",
    "desc_idpi",
    "sy_w42",
    "sy_w21",
    "soho_sogain",
    "soho_degain",
)
STAGES = ("biases", "latches", "CAM", "SRAM")  # in this order, each sent by itself
MARKER_HOP = -1  # in x and y: the event comes back with y other than a neuron's
LEAD_US, TAIL_US = 100_000, 20_000  # before a trial's first event, after its last
TOO_LATE_US = 2**31  # timestamps beyond are not to be trusted
SETTLE_S = float(os.environ.get("EIDEPLOY_SETTLE_S", "1.0"))  # after a configuration is sent
PATIENCE_S = 10.0
SAMNA = "the configuration of samna"
NEWER = "compare its names with docs/dynapse2.md of eideploy: the library may be another version"
LINE = "check that the board is powered and connected, then give the same command again"


def apply(configuration, patch, se2, stages=STAGES):
    """Set biases, latches, CAM and SRAM of a Dynapse2Configuration, or some of these.

    Raises:
        LoadError: fewer chips, or other counts or names, than the patch is for.
    """
    dendrites = {code: getattr(se2.Dendrite, name) for name, code in patch.dendrites.items()}
    if len(configuration.chips) < patch.chips:
        raise LoadError(
            f"the patch is for {patch.chips} chips, here are {len(configuration.chips)}",
            where="the board",
            fix="connect a board of so many chips, or compile for a spec with fewer",
        )
    if "biases" in stages:
        for chip in range(patch.chips):
            set_shared(configuration.chips[chip], patch.head.get("chip_biases", {}))
    for (chip, core), codes in patch.codes.items():
        live = configuration.chips[chip].cores[core]
        if "biases" in stages:
            set_biases(live, codes)
        for number in range(patch.size["neurons"]):
            content = patch.neuron((chip, core, number))
            _apply_neuron(live.neurons[number], content, dendrites, se2, stages)


def set_shared(chip, listed):
    """Set parameters that cores share, by the name of their map in samna."""
    for group, codes in listed.items():
        if codes and not hasattr(chip, group):
            raise LoadError(f"samna's chip has no {group}", where=SAMNA, fix=NEWER)
        for name, (coarse, fine) in codes.items():
            parameters = getattr(chip, group)
            if name not in parameters:
                raise LoadError(f"samna has no parameter {name} in {group}", where=SAMNA, fix=NEWER)
            parameters[name].coarse_value = coarse
            parameters[name].fine_value = fine


def set_biases(core, codes):
    """Set coarse and fine of a core's parameters."""
    for name, (coarse, fine) in codes.items():
        if name not in core.parameters:
            raise LoadError(f"samna has no parameter {name}", where=SAMNA, fix=NEWER)
        core.parameters[name].coarse_value = coarse
        core.parameters[name].fine_value = fine


def _apply_neuron(neuron, content, dendrites, se2, stages):
    synapses, destinations, latches = content
    counts = len(neuron.synapses), len(neuron.destinations)
    if counts != (len(synapses), len(destinations)):
        raise LoadError(
            f"samna's neuron has {counts[0]} synapses and {counts[1]} destinations, the patch "
            f"{len(synapses)} and {len(destinations)}",
            where=SAMNA,
            fix=NEWER,
        )
    if "CAM" in stages:  # whole lists: samna hands out copies of arrays
        neuron.synapses = [_synapse(se2, dendrites, *row) for row in synapses]
    if "SRAM" in stages:
        neuron.destinations = [destination(se2, *row) for row in destinations]
    for name, on in latches.items() if "latches" in stages else ():
        setattr(neuron, f"latch_{name}", on)


def _synapse(se2, dendrites, code, mask, tag, *flags):
    made = se2.Dynapse2Synapse()
    made.dendrite, made.weight, made.tag = dendrites[code], bits(mask), tag
    made.stp, made.precise_delay, made.mismatched_delay = map(bool, flags)
    return made


def destination(se2, cores, x_hop, y_hop, tag):
    """Return a Dynapse2Destination."""
    made = se2.Dynapse2Destination()
    made.core, made.x_hop, made.y_hop, made.tag = bits(cores), x_hop, y_hop, tag
    return made


def open_board(samna, *, bitfile, serial):
    """Return the first unopened DYNAP-SE2, or the one of a serial number, its FPGA programmed."""
    listed = samna.device.get_unopened_devices()
    found = [
        device
        for device in listed
        if (is_dynapse2(device) if serial is None else device.serial_number == serial)
    ]
    if not found:
        raise _missing(listed, serial)
    board = samna.device.open_device(found[0])
    board.reset_fpga()
    if bitfile and not board.configure_opal_kelly(str(bitfile)):
        raise LoadError(
            "the board does not take the bitfile",
            where=bitfile,
            fix="name the bitfile of DYNAP-SE2 boards, e.g. Dynapse2Stack.bit",
        )
    time.sleep(SETTLE_S)
    board.reset_fpga()
    return board


def _missing(listed, serial):
    """Return the error of a board that samna does not list."""
    names = ", ".join(f"{type_name(d) or 'unnamed'} {d.serial_number}" for d in listed)
    switch_on = "connect the board, switch it on, and close other programs that use it"
    named = "" if serial is None else f" of serial number {serial}"
    return LoadError(
        f"no DYNAP-SE2{named} is connected",
        where=f"the devices that samna lists: {names or 'none'}",
        fix=f"{switch_on}, or name one of the listed by --serial" if listed else switch_on,
    )


def type_name(device):
    """Return the name of a device's type, empty where samna gives none."""
    return str(getattr(device, "device_type_name", ""))


def is_dynapse2(device):
    """Return whether a device is a board of DYNAP-SE2, and no other chip of the vendor."""
    return "dynapse2" in type_name(device).lower().replace("-", "").replace("_", "")


class Session:
    """A board after a reset; `model` is samna's."""

    def __init__(self, board, patch, se2):
        self.board, self.patch, self.se2 = board, patch, se2
        self.model, self._last = board.get_model(), 0
        self.converts = False  # whether the sADC is open
        self.watched = {}  # neurons that are monitored, by (chip, core)
        self.begin()

    def begin(self):
        """Reset the chips, and take their configuration."""
        self.model.reset(self.se2.ResetType.PowerCycle, (1 << self.patch.chips) - 1)
        time.sleep(SETTLE_S)
        self.configuration = self.model.get_configuration()
        self.commit("what it has after a reset")

    def commit(self, what):
        """Send the configuration; samna says whether it was taken."""
        if self.model.apply_configuration(self.configuration) is False:
            raise LoadError(
                f"the board refuses its configuration: {what}", where="the board", fix=LINE
            )
        time.sleep(SETTLE_S)

    def load(self):
        """Put the patch on the chips, stage by stage."""
        for stage in STAGES:
            apply(self.configuration, self.patch, self.se2, (stage,))
            self.commit(stage)
        for (chip, core), neuron in self.watched.items():
            live = self.configuration.chips[chip].cores[core]
            live.monitored_neuron, live.neuron_monitoring_on = neuron, True
        if self.watched:
            self.commit("monitored neurons")

    def open_sadc(self):
        """Let the watched cores' currents be converted.

        Raises:
            LoadError: the board has no sADC, as an emulated one.
        """
        if not hasattr(self.model, "get_sadc_values"):
            raise LoadError(
                "the board has no sADC", where="--sadc", fix="leave it out on an emulated board"
            )
        for chip, core in self.watched:
            enables = self.configuration.chips[chip].cores[core].sadc_enables
            for channel in SADC:
                setattr(enables, channel, True)
        self.commit("channels of the sADC")
        self.model.set_sadc_sample_period_ms(SADC_MS)
        self.board.enable_output(self.se2.BusId.sADC, True)  # noqa: FBT003 - samna's own
        self.converts = True

    def sadc(self):
        """Yield chip, channel and value of everything that the sADC converts on watched chips."""
        for chip in sorted({chip for chip, _ in self.watched}):
            for number, value in enumerate(self.model.get_sadc_values(chip)):
                if value:
                    yield chip, self.se2.get_sadc_description(number), value

    def restart(self):
        """Set the board's clock to zero, which resets all, and put the patch back."""
        self.board.reset_fpga()
        time.sleep(SETTLE_S)
        self.begin()
        self.load()
        if self.converts:
            self.open_sadc()

    def drain(self):
        """Empty all capacitors: leaks to their largest, a while, and back."""
        names, code = self.patch.head["drain"]["names"], self.patch.head["drain"]["code"]
        for (chip, core), codes in self.patch.codes.items():
            leaks = dict.fromkeys((name for name in names if name in codes), code)
            set_biases(self.configuration.chips[chip].cores[core], leaks)
        self.commit("leaks to drain by")
        for (chip, core), codes in self.patch.codes.items():
            set_biases(self.configuration.chips[chip].cores[core], codes)
        self.commit("leaks after draining")
        self.board.read_events()

    def trial(self, spikes):
        """Send spikes (microseconds, population, index); return those of neurons, the same way.

        Raises:
            LoadError: a source that the network does not have; no answer; a clock that wraps.
        """
        lasts = LEAD_US + max((at for at, *_ in spikes), default=0) + TAIL_US
        now = self.now()
        if now + lasts >= TOO_LATE_US:
            self.restart()
            now = self.now()
        start, ends = now + LEAD_US, now + lasts
        if ends >= TOO_LATE_US:
            raise LoadError(
                "the board's clock would wrap during the trial, and a reset does not help",
                where=f"a trial of {lasts / 1e6:.0f} s",
                fix=f"shorten it: a trial ends before {TOO_LATE_US / 1e6:.0f} s",
            )
        sources = self.patch.inputs()
        sizes, known = self.patch.head["populations"], {name for name, _ in sources}
        events = []
        for at, population, index in sorted(spikes):
            if population not in known or not 0 <= index < sizes[population]:
                raise LoadError(
                    f"the network has no source {population}[{index}]",
                    where="the spikes",
                    fix="choose from "
                    + ", ".join(f"{name}[0..{sizes[name] - 1}]" for name in sorted(known)),
                )
            for cores, x_hop, y_hop, tag in sources.get((population, index), ()):
                events.append(self._event(start + at, cores, x_hop, y_hop, tag))
        return [(at - start, *who) for at, *who in self._spikes(events, ends) if at >= start]

    def send(self, events):
        """Send events, by the call that newer boards have, or the older one."""
        if hasattr(self.board, "input_interface_write_events"):
            self.board.input_interface_write_events(0, events)
        else:
            self.board.grid_bus_write_events(events)

    def now(self):
        """Return the board's time in microseconds, by a marker that comes back at once."""
        deadline, again = time.monotonic() + PATIENCE_S, 0.0
        while time.monotonic() < deadline:
            if time.monotonic() >= again:
                self.send(self._markers(0))
                again = time.monotonic() + RESEND_S
            for event in self.board.read_events():
                if self._is_marker(event):
                    self._last = event.timestamp
                    return event.timestamp
        raise LoadError(
            f"no marker came back in {PATIENCE_S:g} s", where="the board's clock", fix=LINE
        )

    def _spikes(self, events, ends):
        """Send events; yield time, population, index and class until a marker of `ends` is back."""
        for first in range(0, len(events), PIECE):
            self.send(events[first : first + PIECE])
            yield from self._seen(self.board.read_events())
        self.send(self._markers(ends))
        due = time.monotonic() + (ends - self._last) * 1e-6
        again = due + RESEND_S
        while time.monotonic() < due + PATIENCE_S:
            if time.monotonic() >= again:  # all of them got lost
                self.send(self._markers(ends))
                again = time.monotonic() + RESEND_S
            found = self.board.read_events()
            yield from self._seen(found)
            if any(self._is_marker(event) and event.timestamp >= ends for event in found):
                return
        raise LoadError(
            f"the trial's end did not come back in {PATIENCE_S:g} s", where="the board", fix=LINE
        )

    def _seen(self, events):
        """Yield time, population, index and class of the events that are neurons' spikes."""
        outputs = self.patch.outputs() if events else {}
        y_hop = self.patch.head["monitor"]["y_hop"]
        for event in events:
            seen = event.event.x_hop, event.event.tag
            if event.event.y_hop == y_hop and seen in outputs:
                yield (event.timestamp, *outputs[seen])

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
