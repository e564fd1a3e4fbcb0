"""Every neuron's chip, core and slot, and what its synapses may use there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.defects import Defects
from eideploy.backends.dynapse2.chip.place import Places, Room
from eideploy.backends.dynapse2.chip.spec import ChipSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class Seats:
    """Where the neurons lie, one row (neurons,) each, population after population.

    low, high, both  working CAMs of the neuron for tags of the low half only, of the high half
                     only, of either
    """

    chip: Array
    core: Array
    slot: Array
    low: Array
    high: Array
    both: Array

    def __post_init__(self) -> None:
        freeze(self, **dict.fromkeys(self.__dataclass_fields__, np.int64))

    @property
    def cams(self) -> Array:
        """Working CAMs of every neuron."""
        return np.asarray(self.low + self.high + self.both)


def room(spec: ChipSpec, defects: Defects) -> Room:
    """Return how many neurons of every core have at least so many working CAMs, and its tags."""
    working = _working(defects).sum(-1).reshape(-1, spec.chip.neurons)
    usable = ~defects.neurons.reshape(-1, spec.chip.neurons)
    least = np.arange(spec.chip.cams + 1)
    slots = ((working[:, :, None] >= least) & usable[:, :, None]).sum(1)
    return Room(
        slots=slots,
        tags=(~defects.tags).sum(-1).reshape(-1),
        per_chip=spec.chip.cores,
        destinations=spec.chip.destinations,
    )


def seat(
    places: Places, sizes: Sequence[int], cams: Array, spec: ChipSpec, defects: Defects
) -> Seats:
    """Return the seats of all neurons; `cams` (neurons,) is what each takes.

    A population's neurons fill its cores in order. In a core without defects slots follow the
    neurons' order; else the neuron with most synapses gets the slot with most working CAMs.
    """
    starts = np.cumsum([0, *sizes])
    core_of = np.concatenate(
        [np.repeat(np.arange(len(row)), row) for row in places.counts] or [np.zeros(0, np.int64)]
    )
    assert len(core_of) == starts[-1]
    slot_of = np.zeros(len(core_of), np.int64)
    working = _working(defects).sum(-1).reshape(-1, spec.chip.neurons)
    usable = ~defects.neurons.reshape(-1, spec.chip.neurons)
    for core in np.unique(core_of):
        neurons, slots = np.flatnonzero(core_of == core), np.flatnonzero(usable[core])
        if (working[core][slots[: len(neurons)]] < cams[neurons]).any():
            neurons = neurons[np.argsort(-cams[neurons], kind="stable")]
            slots = slots[np.argsort(-working[core][slots], kind="stable")]
        slot_of[neurons] = slots[: len(neurons)]
    chip, core = core_of // spec.chip.cores, core_of % spec.chip.cores
    bad = defects.cams[chip, core, slot_of]
    return Seats(
        chip=chip,
        core=core,
        slot=slot_of,
        low=(~bad[..., 0] & bad[..., 1]).sum(1),
        high=(bad[..., 0] & ~bad[..., 1]).sum(1),
        both=(~bad).all(-1).sum(1),
    )


def _working(defects: Defects) -> Array:
    """Return which CAMs hear tags of one half at least."""
    return ~np.asarray(defects.cams.all(-1))
