"""The parts of a configuration that tables hold: biases, latches, input events, neurons."""

from collections.abc import Mapping, Sequence

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import NO_CLASS, Inputs, Neurons
from eideploy.backends.dynapse2.chip.fill import Stop
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.realise import Core
from eideploy.backends.dynapse2.chip.seats import Seats
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses, offsets


def biases(cores: Mapping[int, Core], spec: ChipSpec) -> tuple[Array, Array]:
    """Return coarse and fine of every bias, and whether it is set."""
    codes = np.zeros((spec.chips * spec.chip.cores, len(spec.biases), 2), np.uint8)
    ours = np.zeros(codes.shape[:2], np.bool_)
    for number, core in cores.items():
        for role, code in core.codes.items():
            at = spec.bias_names.index(spec.bias_of[role])
            codes[number, at] = code.coarse, code.fine
            ours[number, at] = True
        for at, bias in enumerate(spec.biases.values()):
            if bias.code is not None:
                codes[number, at], ours[number, at] = bias.code, True
    shape = (spec.chips, spec.chip.cores, len(spec.biases))
    return codes.reshape(*shape, 2), ours.reshape(shape)


def latches(network: ChipNetwork, seats: Seats, spec: ChipSpec) -> dict[str, Array]:
    """Return the latches: neurons that are not used are killed, constant current where asked."""
    shape = (spec.chips, spec.chip.cores, spec.chip.neurons)
    latches = {name: np.zeros(shape, np.bool_) for name in spec.latches}
    place = seats.chip, seats.core, seats.slot
    sizes = [p.size for p in network.neurons]
    latches["so_dc"][place] = np.repeat([p.currents["dc"] > 0 for p in network.neurons], sizes)
    latches["soif_kill"][...] = True
    latches["soif_kill"][place] = False
    return latches


def inputs(
    network: ChipNetwork, synapses: Synapses, sends: Mapping[int, Sequence[Stop]], spec: ChipSpec
) -> Inputs:
    """Return the events that every source of an input is sent as."""
    start = offsets(network)
    entry_x, entry_y = spec.position(spec.board.entry)
    rows = [
        (number, index, stop)
        for number, population in enumerate(network.populations)
        if population.role == "input"
        for index in range(population.size)
        for stop in sends.get(int(synapses.channel_of[start[population.name] + index]), [])
    ]
    at = [spec.position(stop.chip) for *_, stop in rows]
    return Inputs(
        population=np.array([number for number, *_ in rows], np.int64),
        index=np.array([index for _, index, _ in rows], np.int64),
        chip=np.array([stop.chip for *_, stop in rows], np.int64),
        cores=np.array([stop.cores for *_, stop in rows], np.int64),
        x_hop=np.array([x - entry_x for x, _ in at], np.int64),
        y_hop=np.array([y - entry_y for _, y in at], np.int64),
        tag=np.array([stop.tag for *_, stop in rows], np.int64),
    )


def neurons(network: ChipNetwork, seats: Seats, monitored: Array) -> Neurons:
    """Return the table of neurons."""
    listed = [(i, p) for i, p in enumerate(network.populations) if p.role != "input"]
    sizes = [p.size for _, p in listed]
    outputs = np.repeat([p.role == "output" for _, p in listed], sizes)
    classes = np.full(len(outputs), NO_CLASS)
    classes[outputs] = network.classes
    return Neurons(
        population=np.repeat([i for i, _ in listed], sizes),
        index=np.concatenate([np.arange(n) for n in sizes] or [np.zeros(0, np.int64)]),
        chip=seats.chip,
        core=seats.core,
        neuron=seats.slot,
        monitor_tag=monitored,
        output_class=classes,
    )
