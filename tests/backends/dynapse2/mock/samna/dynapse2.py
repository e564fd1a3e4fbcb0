"""Configuration tree, cereal JSON, and a board on which what hears AMPA spikes once."""

import copy
import enum
import json
import os
from pathlib import Path
from typing import ClassVar

SIZE = json.loads(os.environ["MOCK_SAMNA"])  # chips, cores, neurons, cams, destinations, biases
LATCHES = (
    "so_dc", "so_adaptation", "soif_kill", "coho_ca_mem", "ho_enable", "ho_so_de", "deam_ampa",
    "denm_nmda", "de_conductance", "deam_alpha", "denm_alpha", "de_mux", "soif_type", "ho_active",
)  # fmt: skip
DELAY_US = 100


class Dendrite(enum.IntEnum):
    none = 0
    shunt = 128
    nmda = 256
    gaba = 512
    ampa = 1024


class ParameterType(enum.IntEnum):
    p = 0
    n = 1


class ResetType(enum.Enum):
    PowerCycle = 1


class Strict:
    """Fields that exist, of the type and in the range that they have; anything else raises."""

    FIELDS: ClassVar = {}

    def __init__(self):
        for name, (start, _) in self.FIELDS.items():
            object.__setattr__(self, name, copy.deepcopy(start))

    def __setattr__(self, name, value):
        if name not in self.FIELDS:
            raise AttributeError(f"{type(self).__name__} has no {name}")
        if not self.FIELDS[name][1](value):
            raise TypeError(f"{type(self).__name__}.{name} = {value!r}")
        object.__setattr__(self, name, copy.deepcopy(value))


def whole(low, high):
    return lambda value: type(value) is int and low <= value <= high


def flag(value):
    return type(value) is bool


def flags(value):
    return len(value) == 4 and all(map(flag, value))


class Dynapse2Synapse(Strict):
    FIELDS: ClassVar = {
        "dendrite": (Dendrite.none, lambda v: isinstance(v, Dendrite)),
        "stp": (False, flag),
        "weight": ([False] * 4, flags),
        "precise_delay": (False, flag),
        "mismatched_delay": (False, flag),
        "tag": (0, whole(0, 2047)),
    }


class Dynapse2Destination(Strict):
    FIELDS: ClassVar = {
        "core": ([False] * 4, flags),
        "x_hop": (0, whole(-7, 7)),
        "y_hop": (0, whole(-7, 7)),
        "tag": (0, whole(0, 2047)),
    }


class NormalGridEvent(Strict):
    FIELDS: ClassVar = {
        "event": (None, lambda v: isinstance(v, Dynapse2Destination)),
        "timestamp": (0, whole(0, 2**32 - 1)),
    }


class Parameter(Strict):
    FIELDS: ClassVar = {
        "type": ("P", lambda v: v in ("N", "P")),
        "coarse_value": (1, whole(0, 5)),
        "fine_value": (80, whole(0, 255)),
        "_address": (77, whole(0, 10**6)),
        "_cookie": (5, whole(0, 10**6)),
        "_initial_type": (ParameterType.p, lambda v: isinstance(v, ParameterType)),
        "_switchable_type": (False, flag),
    }


class Neuron(Strict):
    FIELDS: ClassVar = {
        "synapses": (
            [Dynapse2Synapse() for _ in range(SIZE["cams"])],
            lambda v: len(v) == SIZE["cams"] and all(isinstance(s, Dynapse2Synapse) for s in v),
        ),
        "destinations": (
            [Dynapse2Destination() for _ in range(SIZE["destinations"])],
            lambda v: (
                len(v) == SIZE["destinations"]
                and all(isinstance(d, Dynapse2Destination) for d in v)
            ),
        ),
        **{f"latch_{name}": (False, flag) for name in LATCHES},
    }

    def __getattribute__(self, name):
        found = object.__getattribute__(self, name)
        # as samna: an array that is read is a copy
        return copy.deepcopy(found) if name in ("synapses", "destinations") else found


class BusId(enum.Enum):
    sADC = 3  # noqa: N815 - as samna names it


SADC = (
    "soif_mem", "soif_refractory", "soad_dpi", "soca_dpi", "deam_edpi", "deam_idpi", "denm_edpi",
    "denm_idpi", "dega_idpi", "desc_idpi", "sy_w42", "sy_w21", "soho_sogain", "soho_degain",
)  # fmt: skip


def get_sadc_description(number):
    return f"C{number // len(SADC)} {SADC[number % len(SADC)].upper()}"


class SadcEnables(Strict):
    FIELDS: ClassVar = dict.fromkeys(SADC, (False, flag))


class Core:
    def __init__(self):
        self.neurons = [Neuron() for _ in range(SIZE["neurons"])]
        self.parameters = {name: Parameter() for name in SIZE["biases"]}
        self.sadc_enables = SadcEnables()
        self.neuron_monitoring_on, self.monitored_neuron = False, 0


class Chip:
    def __init__(self):
        self.cores = [Core() for _ in range(SIZE["cores"])]
        names = "PG_BUF_N", "LBWR_VB_P"
        self.shared_parameters01 = {name: Parameter() for name in names}
        self.shared_parameters23 = {name: Parameter() for name in names}
        names = "R2R_BUFFER_AMPB", "R2R_BUFFER_CCB"
        self.global_parameters = {name: Parameter() for name in names}


class Dynapse2Configuration:
    def __init__(self):
        self.chips = [Chip() for _ in range(SIZE["chips"])]

    def to_json(self):
        return json.dumps({"value0": {"chips": [_chip(chip) for chip in self.chips]}}, indent=4)


class Model:
    def __init__(self, board):
        self.board, self.configuration = board, Dynapse2Configuration()

    def reset(self, kind, mask):
        assert isinstance(kind, ResetType)
        assert mask == (1 << SIZE["used"]) - 1
        self.configuration = Dynapse2Configuration()

    def get_configuration(self):
        return copy.deepcopy(self.configuration)

    def set_sadc_sample_period_ms(self, period):
        self.period = period

    def get_sadc_values(self, chip):
        """Answer a number of its own for each channel that is enabled, if the bus is."""
        cores = self.configuration.chips[chip].cores
        on = self.board.enabled and self.period
        return [
            (1000 + 100 * c + k) * bool(on and getattr(core.sadc_enables, name))
            for c, core in enumerate(cores)
            for k, name in enumerate(SADC)
        ]

    def apply_configuration(self, configuration):
        self.configuration = copy.deepcopy(configuration)
        with Path(os.environ["MOCK_LOG"]).open("a") as file:
            file.write(json.dumps(json.loads(configuration.to_json())) + "\n")


class Board:
    def __init__(self, serial):
        self.serial, self.model, self.queue, self.time = serial, Model(self), [], 5000
        self.enabled = False

    def enable_output(self, bus, on):
        assert isinstance(bus, BusId)
        self.enabled = on

    def reset_fpga(self):
        pass

    def configure_opal_kelly(self, bitfile):
        return bitfile.endswith(".bit")

    def get_model(self):
        return self.model

    def read_events(self):
        found, self.queue = self.queue, []
        return found

    def grid_bus_write_events(self, events):
        for event in events:
            self.time = max(self.time + 10, event.timestamp)
            if event.event.y_hop == -1:
                self._send(event.event.tag, event.event.x_hop + 1, -1, self.time)
            else:
                self._hear(event)

    def _hear(self, event):
        sent = event.event
        x, y = SIZE["entry"][0] + sent.x_hop, SIZE["entry"][1] + sent.y_hop
        number = y * SIZE["columns"] + x
        for k, core in enumerate(self.model.configuration.chips[number].cores):
            for neuron in core.neurons if sent.core[k] else ():
                heard = any(
                    s.dendrite == Dendrite.ampa and s.tag == sent.tag for s in neuron.synapses
                )
                if heard and not neuron.latch_soif_kill:
                    for entry in neuron.destinations:
                        if any(entry.core) and entry.x_hop == -7:
                            self._send(entry.tag, -6 + x, 0, event.timestamp + DELAY_US)

    def _send(self, tag, x_hop, y_hop, at):
        event = NormalGridEvent()
        event.event = Dynapse2Destination()
        event.event.tag, event.event.x_hop, event.event.y_hop = tag, x_hop, y_hop
        event.timestamp = at
        self.queue.append(event)


def _array(values):
    return {f"value{i}": value for i, value in enumerate(values)}


def _chip(chip):
    groups = {
        "globalParameters": chip.global_parameters,
        "sharedParameters01": chip.shared_parameters01,
        "sharedParameters23": chip.shared_parameters23,
    }
    shared = {
        group: [{"key": k, "value": _parameter(v)} for k, v in parameters.items()]
        for group, parameters in groups.items()
    }
    cores = _array([_core(core) for core in chip.cores])
    return {"cores": cores, **shared, "paramGen0Powerdown": False}


def _core(core):
    return {
        "neurons": _array([_neuron(neuron) for neuron in core.neurons]),
        "neuronMonitoringOn": core.neuron_monitoring_on,
        "monitoredNeuron": core.monitored_neuron,
        "parameters": [{"key": k, "value": _parameter(v)} for k, v in core.parameters.items()],
        "sadcEnables": {"SoifMem": False},
        "_id": 3,
    }


def _parameter(p):
    return {
        "type": ord(p.type), "coarseValue": p.coarse_value, "fineValue": p.fine_value,
        "_address": p._address, "_cookie": p._cookie, "_initialType": int(p._initial_type),
        "_switchableType": p._switchable_type,
    }  # fmt: skip


def _neuron(neuron):
    latches = {
        "latch" + name.title().replace("_", ""): getattr(neuron, f"latch_{name}")
        for name in LATCHES
    }
    return {
        "synapses": _array([_synapse(s) for s in neuron.synapses]),
        "destinations": _array([_destination(d) for d in neuron.destinations]),
        **latches,
    }


def _synapse(s):
    return {
        "dendrite": int(s.dendrite), "stp": s.stp, "weight": _array(s.weight),
        "preciseDelay": s.precise_delay, "mismatchedDelay": s.mismatched_delay, "tag": s.tag,
    }  # fmt: skip


def _destination(d):
    return {"core": _array(d.core), "xHop": d.x_hop, "yHop": d.y_hop, "tag": d.tag}
