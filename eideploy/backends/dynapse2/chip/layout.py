"""Where the neurons of a network lie and which tags they hear: place, seats, tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip import misfits
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.defects import Defects
from eideploy.backends.dynapse2.chip.fill import stops
from eideploy.backends.dynapse2.chip.needs import Needs
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.place import Places, Room, Wish, exchanged, place
from eideploy.backends.dynapse2.chip.seats import Seats, room, seat
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses, gather, offsets
from eideploy.backends.dynapse2.chip.tags import Heard, assign, heard


@dataclass(frozen=True, kw_only=True, eq=False)
class Layout:
    """Neurons are numbered among themselves, population after population.

    synapses    their targets so numbered; tag: (synapses,) that each hears
    channel_of  (neurons,): the channel that each sends on; -1: none
    outputs     (neurons,): whether each is an output
    groups      who hears a channel, by chip; tags: of each, by core
    """

    seats: Seats
    synapses: Synapses
    tag: Array
    channel_of: Array
    outputs: Array
    groups: Sequence[Heard]
    tags: Sequence[Mapping[int, int]]


def lay_out(
    network: ChipNetwork,
    spec: ChipSpec,
    needs: Mapping[str, Needs],
    defects: Defects,
    unfit: misfits.Misfits,
) -> Layout:
    """Return the layout; `unfit` holds what is known not to fit already.

    Raises:
        CapacityError: naming all misfits that can be known before the masks are.
    """
    synapses, first = gather(network), _first(network)
    sizes = [p.size for p in network.neurons]
    offered = np.full(len(synapses.channel_of), spec.chip.cams)
    fan_in = synapses.per_target(len(offered))[first]
    offers, wishes = room(spec, defects), _wishes(network, needs, fan_in, spec)
    places, unfit["cores"] = place(wishes, offers)
    if places is None:
        unfit["synapses"] = misfits.fan_in(synapses, network, offered)
        misfits.refuse(unfit, spec)
    assert places is not None  # else it was refused
    number = np.full(len(offered), -1)
    number[first] = np.arange(len(first))
    own = Synapses(**{**vars(synapses), "target": number[synapses.target]})
    outputs = np.repeat([p.role == "output" for p in network.neurons], sizes)
    channel_of = synapses.channel_of[first]

    def laid(where: Places) -> tuple[Layout, misfits.Misfits]:
        seats = seat(where, sizes, fan_in, spec, defects)
        offered[first] = seats.cams
        misfit: misfits.Misfits = {"synapses": misfits.fan_in(synapses, network, offered)}
        groups = heard(own.channel, own.target, seats)
        tags, misfit["tags"] = assign(groups, seats, defects)
        counts = _as_if_all_were_heard(groups, tags, channel_of, spec)
        misfit["destinations"] = misfits.destinations(network, counts, outputs, spec)
        layout = Layout(
            seats=seats,
            synapses=own,
            tag=_tag_of(own, groups, tags, seats),
            channel_of=channel_of,
            outputs=outputs,
            groups=groups,
            tags=tags,
        )
        return layout, misfit

    layout, faults = laid(places)
    if any(faults.values()):
        for other in exchanged(places, _sources(layout, offers), wishes, offers):
            tried, other_faults = laid(other)
            if not any(other_faults.values()):
                layout, faults = tried, other_faults
                break
    unfit |= faults
    if not any(unfit[kind] for kind in ("cores", "currents", "synapses", "tags")):
        unfit["destinations"] = []  # masks may leave some synapses, and their destinations, out
    misfits.refuse(unfit, spec)
    return layout


def _sources(layout: Layout, offers: Room) -> Array:
    """Return how many sources the neurons of every core hear: (cores of all chips,)."""
    counts = np.zeros(len(offers.slots), np.int64)
    for group in layout.groups:
        counts[group.chip * offers.per_chip + group.cores] += 1
    return counts


def _as_if_all_were_heard(
    groups: Sequence[Heard], tags: Sequence[Mapping[int, int]], channel_of: Array, spec: ChipSpec
) -> list[int]:
    """Return how many destinations every neuron has if each synapse finds its CAM: (neurons,)."""
    everywhere = np.ones((spec.chips, spec.chip.cores, spec.chip.tags), np.bool_)
    sends = stops(groups, tags, everywhere)
    return [len(sends.get(int(c), [])) for c in channel_of]


def _first(network: ChipNetwork) -> Array:
    """Return the network's numbers of all neurons, population after population."""
    start = offsets(network)
    listed = [np.arange(p.size) + start[p.name] for p in network.neurons]
    return np.concatenate(listed) if listed else np.zeros(0, np.int64)


def _wishes(
    network: ChipNetwork, needs: Mapping[str, Needs], fan_in: Array, spec: ChipSpec
) -> list[Wish]:
    wishes, start = [], 0
    for population in network.neurons:
        own = np.minimum(fan_in[start : start + population.size], spec.chip.cams)
        start += population.size
        heard_by = [p.target for p in network.projections if p.source == population.name]
        wishes.append(
            Wish(
                needs=needs[population.name],
                demand=(own[:, None] >= np.arange(spec.chip.cams + 1)).sum(0),
                reserved=int(population.role == "output"),
                targets=tuple(dict.fromkeys(heard_by)),
            )
        )
    return wishes


def _tag_of(
    synapses: Synapses,
    groups: Sequence[Heard],
    tags: Sequence[Mapping[int, int]],
    seats: Seats,
) -> Array:
    """Return the tag that every synapse hears: (synapses,)."""
    at = seats.chip[synapses.target], seats.core[synapses.target]
    chips = int(seats.chip.max(initial=0)) + 1
    cores = int(seats.core.max(initial=0)) + 1
    table = np.full((synapses.channels, chips, cores), -1)
    for group, by_core in zip(groups, tags, strict=True):
        for core, tag in by_core.items():
            table[group.channel, group.chip, core] = tag
    return np.asarray(table[synapses.channel, *at])
