"""The synapses of a training: drawn at random, pruned by size to the CAMs there are, quantised."""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.training.plan import MOST, PROXY_GAIN, Link, Plan

LEAST = 1e-30  # step of a dendrite whose strengths are all 0
CLIPPED = 0.995  # quantile of a dendrite's strengths that the largest mask stands for


@dataclass
class Synapses:
    """Synapses by target neuron, each (synapses,); strength is what a spike adds (units.py, D2).

    link   index into the plan's links; source: inputs first; target: neuron
    first, second  means of the gradient and of its square, as the optimiser has them
    """

    link: Array
    source: Array
    target: Array
    strength: Array
    first: Array
    second: Array

    def keep(self, chosen: Array) -> None:
        """Drop all but the chosen."""
        for name, value in vars(self).items():
            setattr(self, name, value[chosen])


def draw(plan: Plan, rng: np.random.Generator) -> Synapses:
    """Return synapses from random sources, their strengths exponential about the link's drive."""
    parts = []
    for number, link in enumerate(plan.links):
        rows, columns = plan.sizes[link.target], link.begin
        ranks = rng.random((rows, plan.sizes[link.source])).argsort(1)[:, :columns]
        source = np.sort(ranks, 1) + plan.start[link.source]
        mean = link.drive / (columns * link.rate * _tau(plan, link))
        target = np.arange(rows) + plan.start[link.target] - plan.inputs
        strength = rng.exponential(mean, (rows, columns))
        parts.append(
            (
                np.full(rows * columns, number),
                source.ravel(),
                np.repeat(target, columns),
                strength.ravel(),
            )
        )
    number_of, source, target, strength = (np.concatenate(c) for c in zip(*parts, strict=True))
    order = np.argsort(target, kind="stable")
    nothing = np.zeros(len(order))
    return Synapses(
        link=number_of[order],
        source=source[order],
        target=target[order],
        strength=strength[order],
        first=nothing,
        second=nothing.copy(),
    )


def receptors(plan: Plan, synapses: Synapses) -> Array:
    """Return the index into RECEPTORS of every synapse."""
    of_link = np.array([RECEPTORS.index(link.receptor) for link in plan.links])
    return np.asarray(of_link[synapses.link])


def prune(plan: Plan, synapses: Synapses, share: float) -> None:
    """Keep the strongest of every neuron's link: `share` 0 of what it began with, 1 to its end."""
    chosen = np.ones(len(synapses.link), np.bool_)
    for number, link in enumerate(plan.links):
        rows = np.flatnonzero(synapses.link == number)
        size = plan.sizes[link.target]
        have = len(rows) // size
        left = max(link.keep, round(link.begin - (link.begin - link.keep) * share))
        if left < have:
            block = rows.reshape(size, have)
            weakest = np.argsort(synapses.strength[block], 1, kind="stable")[:, : have - left]
            chosen[np.take_along_axis(block, weakest, 1)] = False
    synapses.keep(chosen)


def groups(plan: Plan, synapses: Synapses) -> Array:
    """Return the number of what shares a dendrite's gain: biases of a core, and dendrite."""
    names = [(plan.tied[link.target], link.receptor) for link in plan.links]
    known = list(dict.fromkeys(names))
    return np.asarray(np.array([known.index(name) for name in names])[synapses.link])


def steps(strength: Array, group: Array) -> Array:
    """Return the strength of the least mask, by group."""
    largest = [np.quantile(strength[group == g], CLIPPED) for g in range(group.max() + 1)]
    return np.maximum(np.array(largest) / MOST, LEAST)


def gains(plan: Plan, step: Array) -> Array:
    """Return the gain currents of all dendrites with these steps: (receptors, neurons) ampere."""
    names = list(dict.fromkeys((plan.tied[link.target], link.receptor) for link in plan.links))
    currents = np.full((len(RECEPTORS), plan.neurons), PROXY_GAIN)
    for (tied, receptor), least in zip(names, step, strict=True):
        gain = plan.gain(receptor, float(least))
        for name, size in plan.neuron_sizes:
            if plan.tied[name] == tied:
                start = plan.start[name] - plan.inputs
                currents[RECEPTORS.index(receptor), start : start + size] = gain
    return currents


def masks(strength: Array, group: Array) -> Array:
    """Return the nearest mask of every synapse, 0..15, of base currents 1:2:4:8."""
    ratio = strength / steps(strength, group)[group]
    return np.asarray(np.clip(np.rint(ratio), 0, MOST).astype(np.int64))


def _tau(plan: Plan, link: Link) -> float:
    """Return the time constant of a link's dendrite, in seconds."""
    c = plan.constants
    kappa = (c.kappa_n + c.kappa_p) / 2
    capacitance = float(getattr(c, f"c_{link.receptor}"))
    return capacitance * c.thermal_voltage / (kappa * plan.currents[f"{link.receptor}_tau"])
