"""A trained network as the mapper takes it: currents of populations, weights in ampere.

Strengths become gains of dendrites: a dendrite's largest mask, 15 of base currents 1:2:4:8, is to
give its largest strength.
"""

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Population, Projection, Role
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.config import ChipConfig
from eideploy.backends.dynapse2.training import synapses as syn
from eideploy.backends.dynapse2.training.plan import BASE_RATIOS, INPUT, Link, Plan
from eideploy.backends.dynapse2.training.synapses import Synapses
from eideploy.backends.dynapse2.training.training import coding_of

PLAYED: dict[str, Role] = {
    INPUT: "input",
    "inhibitory": "inhibitory",
    "excitatory": "excitatory",
    "output_inhibitory": "inhibitory",
    "output": "output",
}


def chip_network(config: ChipConfig, plan: Plan, synapses: Synapses) -> ChipNetwork:
    """Return the network of trained synapses."""
    group = syn.groups(plan, synapses)
    mask, step = syn.masks(synapses.strength, group), syn.steps(synapses.strength, group)
    gains: dict[tuple[str, str], float] = {}
    for number, link in enumerate(plan.links):
        rows = synapses.link == number
        if rows.any():
            least = float(step[group[rows][0]])
            gains[plan.tied[link.target], link.receptor] = plan.gain(link.receptor, least)
    populations = tuple(
        Population(
            name=name,
            size=size,
            role=PLAYED[name],
            currents={} if name == INPUT else _currents(plan, name, gains),
        )
        for name, size in plan.sizes.items()
    )
    return ChipNetwork(
        populations=populations,
        projections=tuple(
            Projection(
                name=f"{link.source} to {link.target}, {link.receptor}",
                source=link.source,
                target=link.target,
                dendrite=link.receptor,
                weight=_matrix(plan, link, synapses, synapses.link == number, mask * plan.base),
            )
            for number, link in enumerate(plan.links)
        ),
        classes=plan.output_class,
        coding=coding_of(config),
        base_currents={p.name: np.array(BASE_RATIOS) * plan.base for p in populations[1:]},
    )


def _currents(plan: Plan, name: str, gains: dict[tuple[str, str], float]) -> dict[str, float]:
    own = {
        f"{r}_gain": gains[plan.tied[name], r] for r in RECEPTORS if (plan.tied[name], r) in gains
    }
    return {**plan.currents, **own}


def _matrix(plan: Plan, link: Link, synapses: Synapses, rows: Array, weight: Array) -> Array:
    matrix = np.zeros((plan.sizes[link.target], plan.sizes[link.source]))
    target = synapses.target[rows] + plan.inputs - plan.start[link.target]
    matrix[target, synapses.source[rows] - plan.start[link.source]] = weight[rows]
    return matrix
