"""A network onto the chips of a board: place, tags, masks, CAM and SRAM, in this order."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip import assemble, misfits
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import Dac, load_dac
from eideploy.backends.dynapse2.chip.configuration import Cams, Configuration, Srams
from eideploy.backends.dynapse2.chip.defects import Defects, load_defects
from eideploy.backends.dynapse2.chip.fill import Stop, fill_cams, fill_srams, stops
from eideploy.backends.dynapse2.chip.layout import Layout, lay_out
from eideploy.backends.dynapse2.chip.needs import Needs, needs_of, out_of_reach
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.ranges import check
from eideploy.backends.dynapse2.chip.realise import Core, realise
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses
from eideploy.options.choices import Monitor


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
    needs = needs_of(network, spec, dac)
    unfit: misfits.Misfits = {kind: [] for kind in misfits.FIXES}
    unfit["currents"] = out_of_reach(network, spec, dac)
    layout = lay_out(network, spec, needs, defects, unfit)
    cores = _realise_all(layout, needs, network, spec, dac)
    cams, unfit["synapses"] = fill_cams(
        layout.synapses, layout.tag, list(cores.values()), layout.seats, spec, defects
    )
    sends = _sends(layout, cams, spec)
    own = [sends.get(int(channel), []) for channel in layout.channel_of]
    unfit["destinations"] = misfits.destinations(network, list(map(len, own)), layout.outputs, spec)
    misfits.refuse(unfit, spec)
    wanted = np.full(len(own), monitor == "all")
    srams, monitored = fill_srams(own, layout.seats, layout.outputs, wanted, spec)
    biases, bias_set = assemble.biases(cores, spec)
    configuration = Configuration(
        bias_names=spec.bias_names,
        populations=tuple(p.name for p in network.populations),
        sizes=tuple(p.size for p in network.populations),
        cams=Cams(**cams),
        srams=Srams(**srams),
        biases=biases,
        bias_set=bias_set,
        latches=assemble.latches(network, layout.seats, spec),
        inputs=assemble.inputs(network, layout.synapses, sends, spec),
        neurons=assemble.neurons(network, layout.seats, monitored),
        coding=network.coding,
    )
    check(configuration, spec, where="the mapped network")
    return Mapped(
        network=network,
        spec=spec,
        configuration=configuration,
        synapses=layout.synapses,
        cores=cores,
    )


def _realise_all(
    layout: Layout,
    needs: Mapping[str, Needs],
    network: ChipNetwork,
    spec: ChipSpec,
    dac: Dac,
) -> dict[int, Core]:
    synapses, seats = layout.synapses, layout.seats
    names = np.repeat([p.name for p in network.neurons], [p.size for p in network.neurons])
    core_of = seats.chip * spec.chip.cores + seats.core
    spare = _spare(layout, spec)
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


def _spare(layout: Layout, spec: ChipSpec) -> Array:
    """Return how many CAMs every neuron has for repeats, whichever tags they hear: (neurons,)."""
    synapses, seats = layout.synapses, layout.seats
    size = len(seats.chip)
    high = np.bincount(synapses.target, layout.tag >= spec.chip.tags // 2, minlength=size)
    total = synapses.per_target(size)
    left = [
        seats.cams - total,
        seats.low + seats.both - (total - high.astype(np.int64)),
        seats.high + seats.both - high.astype(np.int64),
    ]
    return np.asarray(np.maximum(np.min(left, axis=0), 0))


def _sends(
    layout: Layout,
    cams: dict[str, Array],
    spec: ChipSpec,
) -> dict[int, list[Stop]]:
    """Return where every channel's events go: to the cores where a CAM hears them."""
    listening = np.zeros((spec.chips, spec.chip.cores, spec.chip.tags), np.bool_)
    chip, core, *_ = used = np.nonzero(cams["mask"])
    listening[chip, core, cams["tag"][used]] = True
    return stops(layout.groups, layout.tags, listening)
