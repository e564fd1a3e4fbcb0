"""What the chips hold: CAM, SRAM, biases, latches, and the tables that name neurons and events.

This is all that a simulator of the chip, the files and the loader know of a network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.chip.spec import UNUSED, ChipSpec

NOT_MONITORED = -1
NO_CLASS = -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Cams:
    """Synapses, each (chips, cores, neurons, cams).

    dendrite  the spec's code of the dendrite; none: unused
    mask      bit i adds base current W_i
    tag       of the events that are heard
    """

    dendrite: Array
    mask: Array
    tag: Array
    stp: Array
    precise_delay: Array
    mismatched_delay: Array

    def __post_init__(self) -> None:
        freeze(
            self,
            dendrite=np.uint16,
            mask=np.uint8,
            tag=np.uint16,
            stp=np.bool_,
            precise_delay=np.bool_,
            mismatched_delay=np.bool_,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Srams:
    """Destinations, each (chips, cores, neurons, destinations).

    cores         bit k sends to core k of the destination chip; 0: unused
    x_hop, y_hop  from the neuron's chip
    """

    cores: Array
    x_hop: Array
    y_hop: Array
    tag: Array

    def __post_init__(self) -> None:
        freeze(self, cores=np.uint8, x_hop=np.int8, y_hop=np.int8, tag=np.uint16)


@dataclass(frozen=True, kw_only=True, eq=False)
class Inputs:
    """The events that a virtual source is sent as, one row (rows,) a source and destination.

    population    index into Configuration.populations
    index         of the source in it
    x_hop, y_hop  of the event, from the board's entry chip; chip: where it arrives
    """

    population: Array
    index: Array
    chip: Array
    cores: Array
    x_hop: Array
    y_hop: Array
    tag: Array

    def __post_init__(self) -> None:
        freeze(
            self,
            population=np.int32,
            index=np.int32,
            chip=np.int32,
            cores=np.uint8,
            x_hop=np.int8,
            y_hop=np.int8,
            tag=np.uint16,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Neurons:
    """The network's neurons on the chip, one row (rows,) each, by population and index.

    monitor_tag   of the event that the host sees, unique on its chip; -1: not monitored
    output_class  the class that the neuron's spikes vote for; -1: none
    """

    population: Array
    index: Array
    chip: Array
    core: Array
    neuron: Array
    monitor_tag: Array
    output_class: Array

    def __post_init__(self) -> None:
        freeze(self, **dict.fromkeys(self.__dataclass_fields__, np.int32))


@dataclass(frozen=True, kw_only=True, eq=False)
class Configuration:
    """All chips of a board.

    populations  names, inputs among them; sizes: how many neurons or sources each has
    biases       (chips, cores, biases, 2): coarse and fine, in the order of bias_names
    bias_set     (chips, cores, biases): whether the code is ours, else samna's is kept
    latches      by the spec's names: (chips, cores, neurons)
    """

    bias_names: tuple[str, ...]
    populations: tuple[str, ...]
    sizes: tuple[int, ...]
    cams: Cams
    srams: Srams
    biases: Array
    bias_set: Array
    latches: Mapping[str, Array]
    inputs: Inputs
    neurons: Neurons
    coding: Coding

    def __post_init__(self) -> None:
        freeze(self, biases=np.uint8, bias_set=np.bool_)
        object.__setattr__(self, "latches", {k: _flags(v) for k, v in self.latches.items()})

    @property
    def chips(self) -> int:
        """How many chips are configured."""
        return int(self.cams.tag.shape[0])

    @cached_property
    def used(self) -> Array:
        """Which neurons the network has: (chips, cores, neurons)."""
        has_neuron = np.zeros(self.cams.tag.shape[:3], np.bool_)
        has_neuron[self.neurons.chip, self.neurons.core, self.neurons.neuron] = True
        return has_neuron

    def bias(self, name: str) -> Array:
        """Return coarse and fine of a bias on every core: (chips, cores, 2)."""
        return np.asarray(self.biases[:, :, self.bias_names.index(name)])


def empty_cams(spec: ChipSpec, chips: int) -> dict[str, Array]:
    """Return writable arrays of unused CAMs, by the fields of Cams."""
    shape = (chips, spec.chip.cores, spec.chip.neurons, spec.chip.cams)
    unused = spec.dendrites[UNUSED].code
    return {
        "dendrite": np.full(shape, unused, np.uint16),
        "mask": np.zeros(shape, np.uint8),
        "tag": np.zeros(shape, np.uint16),
        "stp": np.zeros(shape, np.bool_),
        "precise_delay": np.zeros(shape, np.bool_),
        "mismatched_delay": np.zeros(shape, np.bool_),
    }


def empty_srams(spec: ChipSpec, chips: int) -> dict[str, Array]:
    """Return writable arrays of unused SRAM entries, by the fields of Srams."""
    shape = (chips, spec.chip.cores, spec.chip.neurons, spec.chip.destinations)
    return {
        "cores": np.zeros(shape, np.uint8),
        "x_hop": np.zeros(shape, np.int8),
        "y_hop": np.zeros(shape, np.int8),
        "tag": np.zeros(shape, np.uint16),
    }


def _flags(value: Array) -> Array:
    flags = np.array(value, np.bool_)
    flags.flags.writeable = False
    return flags
