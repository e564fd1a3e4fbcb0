"""CAM and SRAM from tags and masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, empty_cams, empty_srams
from eideploy.backends.dynapse2.chip.defects import Defects
from eideploy.backends.dynapse2.chip.masks import FULL
from eideploy.backends.dynapse2.chip.realise import Core
from eideploy.backends.dynapse2.chip.seats import Seats
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses
from eideploy.backends.dynapse2.chip.tags import Heard


@dataclass(frozen=True, kw_only=True)
class Stop:
    """Where an event goes: a chip, bits of its cores, a tag."""

    chip: int
    cores: int
    tag: int


def fill_cams(
    synapses: Synapses,
    tag: Array,
    cores: Sequence[Core],
    seats: Seats,
    spec: ChipSpec,
    defects: Defects,
) -> tuple[dict[str, Array], list[str]]:
    """Return the CAMs, and the neurons whose synapses find none that hears their tags.

    tag  (synapses,)
    """
    filled = empty_cams(spec, spec.chips)
    codes = np.array([spec.dendrites[name].code for name in RECEPTORS])
    faults: list[str] = []
    for core in cores:
        times = core.masks.cams
        row = np.repeat(core.rows, times)
        mask = np.full(len(row), FULL)
        last = np.cumsum(times)[times > 0] - 1
        rest = core.masks.mask[times > 0]
        mask[last] = np.where(rest > 0, rest, FULL)
        target = synapses.target[row]
        order = np.lexsort((tag[row], synapses.receptor[row], target))
        row, mask, target = row[order], mask[order], target[order]
        slot = _slots(target, tag[row], seats, spec, defects, faults)
        has_slot = slot >= 0
        row, mask, target, slot = row[has_slot], mask[has_slot], target[has_slot], slot[has_slot]
        place = seats.chip[target], seats.core[target], seats.slot[target], slot
        filled["dendrite"][place] = codes[synapses.receptor[row]]
        filled["mask"][place] = mask
        filled["tag"][place] = tag[row]
    return filled, faults


def _slots(
    target: Array, tag: Array, seats: Seats, spec: ChipSpec, defects: Defects, faults: list[str]
) -> Array:
    """Return the CAM of every synapse, sorted by target; -1: none is left."""
    starts = np.searchsorted(target, target)
    slot = np.arange(len(target)) - starts
    slot[slot >= spec.chip.cams] = -1
    if not defects.cams.any():
        return slot
    for neuron in np.unique(target):
        rows = np.flatnonzero(target == neuron)
        bad = defects.cams[seats.chip[neuron], seats.core[neuron], seats.slot[neuron]]
        if not bad.any():
            continue
        half = (tag[rows] >= spec.chip.tags // 2).astype(np.int64)
        slot[rows] = _match(half, bad)
        if (lost := int((slot[rows] < 0).sum())) > 0:
            faults.append(
                f"neuron {seats.slot[neuron]} of core {seats.core[neuron]}, chip "
                f"{seats.chip[neuron]}, takes {len(rows)} CAMs, {half.sum()} of them for tags of "
                f"the high half; {lost} find no CAM that works for their tags"
            )
    return slot


def _match(half: Array, bad: Array) -> Array:
    """Return a CAM for every tag half: those that hear it alone before those that hear both."""
    cam_of = np.full(len(half), -1)
    either = list(np.flatnonzero(~bad.any(1)))
    for which in (0, 1):
        alone = list(np.flatnonzero(~bad[:, which] & bad[:, 1 - which]))
        for i in np.flatnonzero(half == which):
            pool = alone or either
            cam_of[i] = pool.pop(0) if pool else -1
    return cam_of


def stops(
    groups: Sequence[Heard], tags: Sequence[Mapping[int, int]], listening: Array
) -> dict[int, list[Stop]]:
    """Return where the events of every channel go; `listening` (chips, cores, tags)."""
    by_channel: dict[int, list[Stop]] = {}
    for group, by_core in zip(groups, tags, strict=True):
        bits: dict[int, int] = {}
        for core, tag in by_core.items():
            if listening[group.chip, core, tag]:
                bits[tag] = bits.get(tag, 0) | 1 << core
        by_channel.setdefault(group.channel, []).extend(
            Stop(chip=group.chip, cores=cores, tag=tag) for tag, cores in sorted(bits.items())
        )
    return by_channel


def fill_srams(
    sends: Sequence[Sequence[Stop]],
    seats: Seats,
    required: Array,
    wanted: Array,
    spec: ChipSpec,
) -> tuple[dict[str, Array], Array]:
    """Return the SRAM entries and the monitor tags (neurons,).

    A neuron's first entry sends to the host where it is `required`, or `wanted` and one is left.
    """
    filled = empty_srams(spec, spec.chips)
    monitor = np.full(len(sends), NOT_MONITORED)
    every = 2**spec.chip.cores - 1
    for i, listed in enumerate(sends):
        chip, core, slot = int(seats.chip[i]), int(seats.core[i]), int(seats.slot[i])
        x, y = spec.position(chip)
        rows = []
        if required[i] or (wanted[i] and len(listed) < spec.chip.destinations):
            monitor[i] = core * spec.chip.neurons + slot
            rows.append((every, spec.monitor.x_hop, spec.monitor.y_hop, monitor[i]))
        for stop in listed:
            to_x, to_y = spec.position(stop.chip)
            rows.append((stop.cores, to_x - x, to_y - y, stop.tag))
        for entry, row in enumerate(rows[: spec.chip.destinations]):
            for key, value in zip(("cores", "x_hop", "y_hop", "tag"), row, strict=True):
                filled[key][chip, core, slot, entry] = value
    return filled, monitor
