"""Everything by which a network exceeds a board, in one error."""

from collections.abc import Mapping, Sequence

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Population
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses, offsets
from eideploy.errors import CapacityError

Misfits = dict[str, list[str]]  # by kind, a key of FIXES
FIXES: Mapping[str, str] = {
    "synapses": "train with fewer synapses a neuron (every CAM of both inhibitions counts)",
    "cores": "use fewer neurons, let populations share biases, or a board with more chips",
    "destinations": "let neurons project to fewer chips, or fewer output neurons",
    "tags": "use fewer sources a core, or let sources have the same synapses",
    "currents": "choose currents that the biases reach",
}


def refuse(misfits: Misfits, spec: ChipSpec) -> None:
    """Raise CapacityError naming all misfits, if there are any."""
    listed = [line for lines in misfits.values() for line in lines]
    if listed:
        fixes = [FIXES[kind] for kind, lines in misfits.items() if lines]
        head = f"the network does not fit the target {spec.name}"
        raise CapacityError(
            f"{head}: {listed[0]}"
            if len(listed) == 1
            else f"{head}, {len(listed)} misfits:" + "".join(f"\n    - {line}" for line in listed),
            where=str(spec.source),
            fix="; ".join(fixes),
        )


def fan_in(synapses: Synapses, network: ChipNetwork, offered: Array) -> list[str]:
    """Return, a line a population, which neurons have more synapses than the CAMs offered.

    offered  (neurons and sources,) CAMs of each
    """
    total = synapses.per_target(len(offered))
    start = offsets(network)
    return [
        line
        for population in network.neurons
        if (line := _fan_in(population, start[population.name], total, offered, synapses))
    ]


def _fan_in(
    population: Population, start: int, total: Array, offered: Array, synapses: Synapses
) -> str | None:
    rows = slice(start, start + population.size)
    over = total[rows] > offered[rows]
    if not over.any():
        return None
    worst = int((total[rows] - offered[rows]).argmax())
    own = synapses.receptor[synapses.target == start + worst]
    parts = [f"{int((own == i).sum())} {name}" for i, name in enumerate(RECEPTORS) if i in own]
    return (
        f"neuron {worst} of population {population.name} takes {total[start + worst]} CAMs "
        f"({', '.join(parts)}), it has {offered[start + worst]}; {int(over.sum())} of "
        f"{population.size} neurons take more than they have"
    )


def destinations(
    network: ChipNetwork, counts: Sequence[int], required: Array, spec: ChipSpec
) -> list[str]:
    """Return, a line a population, which neurons need more SRAM entries than there are.

    counts  (neurons,): entries to other neurons; required: (neurons,), one more for the host
    """
    lines, start = [], 0
    needed = np.asarray(counts, np.int64) + required
    for population in network.neurons:
        own = needed[start : start + population.size]
        if (own > spec.chip.destinations).any():
            lines.append(
                f"neuron {int(own.argmax())} of population {population.name} sends to {own.max()} "
                f"destinations, it has {spec.chip.destinations}; "
                f"{int((own > spec.chip.destinations).sum())} of {population.size} neurons do"
            )
        start += population.size
    return lines
