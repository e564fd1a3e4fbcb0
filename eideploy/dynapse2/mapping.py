"""A network onto the chips of a board: place, tags, masks, CAM and SRAM, in this order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eideploy.dynapse2 import assemble, misfits
from eideploy.dynapse2.arrays import Array
from eideploy.dynapse2.biases import Dac, load_dac
from eideploy.dynapse2.configuration import Cams, Configuration, Srams
from eideploy.dynapse2.defects import Defects, load_defects
from eideploy.dynapse2.fill import Stop, fill_cams, fill_srams, stops
from eideploy.dynapse2.needs import Needs, needs_of, out_of_reach
from eideploy.dynapse2.network import ChipNetwork
from eideploy.dynapse2.place import Wish, place
from eideploy.dynapse2.ranges import check
from eideploy.dynapse2.realise import Core, realise
from eideploy.dynapse2.seats import Seats, room, seat
from eideploy.dynapse2.spec import ChipSpec
from eideploy.dynapse2.synapses import Synapses, gather, offsets
from eideploy.dynapse2.tags import Heard, assign, heard

Monitor = Literal["outputs", "all"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mapped:
    """A network on a board, and how it came there.

    cores   by core number, chip after chip: what each holds; those without neurons have none
    """

    network: ChipNetwork
    spec: ChipSpec
    configuration: Configuration
    synapses: Synapses
    cores: dict[int, Core]


def map_network(
    network: ChipNetwork,
    spec: ChipSpec,
    *,
    monitor: Monitor = "all",
    dac: Dac | None = None,
    defects: Defects | None = None,
) -> Mapped:
    """Return the network on the board.

    Keeps    every synapse, but for those whose weight is nearest to no current at all
    Changes  weights into sums of base currents, currents into codes
    Monitor  outputs always; with "all" every neuron that has a destination left

    Raises:
        CapacityError: naming every misfit: neuron, what it takes, what is offered.
        FormatError: a damaged defect map or bias table.
    """
    dac = dac or load_dac(spec)
    defects = defects or load_defects(spec)
    found: misfits.Misfits = {kind: [] for kind in misfits.FIXES}
    needs = needs_of(network, spec, dac)
    synapses = gather(network)
    sizes = [p.size for p in network.neurons]
    first = _first(network)
    found["currents"] = out_of_reach(network, spec, dac)
    total = int(sum(p.size for p in network.populations))
    over = misfits.fan_in(synapses, network, np.full(total, spec.chip.cams))
    taken = synapses.per_target(total)[first]
    places, found["cores"] = place(_wishes(network, needs, taken, spec), room(spec, defects))
    if places is None:
        found["synapses"] = over
        misfits.refuse(found, spec)
    assert places is not None  # else it was refused
    seats = seat(places, sizes, taken, spec, defects)
    offered = np.zeros(total, np.int64)
    offered[first] = seats.cams
    found["synapses"] = misfits.fan_in(synapses, network, offered)
    number = np.full(total, -1)
    number[first] = np.arange(len(first))
    target = number[synapses.target]
    groups = heard(synapses.channel, target, seats)
    tags, found["tags"] = assign(groups, seats, defects)
    outputs = np.repeat([p.role == "output" for p in network.neurons], sizes)
    if any(found.values()):
        _check_destinations(network, synapses, groups, tags, first, outputs, spec, found)
        misfits.refuse(found, spec)
    tag = _tag_of(synapses, target, groups, tags, seats)
    on_board = _renumbered(synapses, target)
    cores = _realise_all(on_board, tag, needs, seats, network, spec, dac)
    cams, short = fill_cams(on_board, tag, list(cores.values()), seats, spec, defects)
    found["synapses"] = short
    sends = _sends(groups, tags, cams, spec)
    own = [sends.get(int(c), []) for c in synapses.channel_of[first]]
    found["destinations"] = misfits.destinations(network, list(map(len, own)), outputs, spec)
    misfits.refuse(found, spec)
    wanted = np.full(len(first), monitor == "all")
    srams, monitored = fill_srams(own, seats, outputs, wanted, spec)
    biases, bias_set = assemble.biases(cores, spec)
    configuration = Configuration(
        bias_names=spec.bias_names,
        populations=tuple(p.name for p in network.populations),
        sizes=tuple(p.size for p in network.populations),
        cams=Cams(**cams),
        srams=Srams(**srams),
        biases=biases,
        bias_set=bias_set,
        latches=assemble.latches(network, seats, sizes, spec),
        inputs=assemble.inputs(network, synapses, sends, spec),
        neurons=assemble.neurons(network, seats, monitored),
        coding=network.coding,
    )
    check(configuration, spec, where="the mapped network")
    return Mapped(
        network=network, spec=spec, configuration=configuration, synapses=on_board, cores=cores
    )


def _first(network: ChipNetwork) -> Array:
    """Return the network's numbers of all neurons, population after population."""
    start = offsets(network)
    listed = [np.arange(p.size) + start[p.name] for p in network.neurons]
    return np.concatenate(listed) if listed else np.zeros(0, np.int64)


def _wishes(
    network: ChipNetwork, needs: dict[str, Needs], taken: Array, spec: ChipSpec
) -> list[Wish]:
    wishes, start = [], 0
    for population in network.neurons:
        own = np.minimum(taken[start : start + population.size], spec.chip.cams)
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


def _renumbered(synapses: Synapses, target: Array) -> Synapses:
    """Return the synapses with their targets numbered among neurons alone."""
    return Synapses(**{**vars(synapses), "target": target})


def _tag_of(
    synapses: Synapses,
    target: Array,
    groups: Sequence[Heard],
    tags: Sequence[dict[int, int]],
    seats: Seats,
) -> Array:
    """Return the tag that every synapse hears: (synapses,)."""
    chips = int(seats.chip.max(initial=0)) + 1
    cores = int(seats.core.max(initial=0)) + 1
    table = np.full((synapses.channels, chips, cores), -1)
    for group, by_core in zip(groups, tags, strict=True):
        for core, tag in by_core.items():
            table[group.channel, group.chip, core] = tag
    found: Array = table[synapses.channel, seats.chip[target], seats.core[target]]
    return found


def _realise_all(
    synapses: Synapses,
    tag: Array,
    needs: dict[str, Needs],
    seats: Seats,
    network: ChipNetwork,
    spec: ChipSpec,
    dac: Dac,
) -> dict[int, Core]:
    names = np.repeat([p.name for p in network.neurons], [p.size for p in network.neurons])
    core_of = seats.chip * spec.chip.cores + seats.core
    spare = _spare(synapses, tag, seats, spec)
    return {
        int(core): realise(
            synapses,
            np.flatnonzero(core_of[synapses.target] == core),
            [needs[str(name)] for name in dict.fromkeys(names[core_of == core])],
            spare,
            network,
            spec,
            dac,
        )
        for core in np.unique(core_of)
    }


def _spare(synapses: Synapses, tag: Array, seats: Seats, spec: ChipSpec) -> Array:
    """Return how many CAMs every neuron has for repeats, whichever tags they hear: (neurons,)."""
    size = len(seats.chip)
    high = np.bincount(synapses.target, tag >= spec.chip.tags // 2, minlength=size)
    total = synapses.per_target(size)
    left = [
        seats.cams - total,
        seats.low + seats.both - (total - high.astype(np.int64)),
        seats.high + seats.both - high.astype(np.int64),
    ]
    found: Array = np.maximum(np.min(left, axis=0), 0)
    return found


def _sends(
    groups: Sequence[Heard],
    tags: Sequence[dict[int, int]],
    cams: dict[str, Array],
    spec: ChipSpec,
) -> dict[int, list[Stop]]:
    """Return where every channel's events go: to the cores where a CAM hears them."""
    listening = np.zeros((spec.chips, spec.chip.cores, spec.chip.tags), np.bool_)
    chip, core, *_ = used = np.nonzero(cams["mask"])
    listening[chip, core, cams["tag"][used]] = True
    return stops(groups, tags, listening)


def _check_destinations(
    network: ChipNetwork,
    synapses: Synapses,
    groups: Sequence[Heard],
    tags: Sequence[dict[int, int]],
    first: Array,
    outputs: Array,
    spec: ChipSpec,
    found: misfits.Misfits,
) -> None:
    """Add the misfits of destinations as if every synapse found its CAM."""
    everywhere = np.ones((spec.chips, spec.chip.cores, spec.chip.tags), np.bool_)
    sends = stops(groups, tags, everywhere)
    counts = [len(sends.get(int(c), [])) for c in synapses.channel_of[first]]
    found["destinations"] = misfits.destinations(network, counts, outputs, spec)
