"""Weights as sums of four base currents: the currents of a core and the masks of its synapses.

A CAM's weight is the sum of the base currents that its mask selects. A weight w above the sum S
of all four takes floor(w / S) CAMs of mask 15 and one for the rest, as far as the neuron has CAMs;
what rounds to no current at all has none.

The four currents are chosen by alternating least squares, masks for given currents and currents for
given masks, from several starts; the error is summed relative to each projection's, so that
projections of small weights count as much as those of large ones.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array

BITS = (np.arange(16)[:, None] >> np.arange(4)) & 1  # (masks, base currents)
FULL = 15
ERROR_AIM = 0.10  # of a projection; above it dendrites are rescaled, their gain making up for it
ROUNDS = 20
ENOUGH = 3000  # rows that tell which start is best
RATIOS = ((1, 2, 4, 8), (1, 2, 3.5, 6), (1, 1.7, 3, 5))
SCALES = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3)  # of the largest weight, for the sum of the currents


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """What a core's synapses ask for, one row (rows,) each.

    weight  ampere; group: whose relative error is summed, 0..; owner: number of the neuron, 0..
    spare   (owners,): CAMs that a neuron has beyond one a synapse
    """

    weight: Array
    group: Array
    owner: Array
    spare: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Masks:
    """How the synapses are met: `full` CAMs of mask 15 and one of `mask`, 0: none; (rows,)."""

    full: Array
    mask: Array

    @property
    def cams(self) -> Array:
        """CAMs that every synapse takes."""
        return np.asarray(self.full + (self.mask > 0))

    def current(self, base: Array) -> Array:
        """Return the weight currents for base currents (4,), in ampere."""
        return np.asarray((BITS[self.mask] + self.full[:, None]) @ base)


def choose(weights: Weights, base: Array) -> Masks:
    """Return the masks that are nearest to the weights for base currents (4,)."""
    levels = BITS @ base
    order = np.argsort(levels, kind="stable")
    middles = (levels[order][1:] + levels[order][:-1]) / 2
    total = float(base.sum())
    full = np.floor(weights.weight / total)
    mask = order[np.searchsorted(middles, weights.weight - full * total)]
    full, extra = full.astype(np.int64), np.maximum(full + (mask > 0) - 1, 0).astype(np.int64)
    if not extra.any():
        return Masks(full=full, mask=mask)
    granted = _within(extra, weights)
    short = granted < extra
    return Masks(full=np.where(short, granted, full), mask=np.where(short, FULL, mask))


def fit(weights: Weights, low: float, high: float) -> Array:
    """Return base currents (4,) within low..high that meet the weights best, ascending."""
    best, least = np.geomspace(low, min(high, 8 * low), 4), np.inf
    if not len(weights.weight):
        return best
    some = _some(weights)
    top = float(weights.weight.max())
    for ratio in RATIOS:
        for scale in SCALES:
            start = np.clip(np.array(ratio) / sum(ratio) * top * scale, low, high)
            base, error = _alternate(some, start, low, high)
            if error < least:
                best, least = base, error
    return best if some is weights else _alternate(weights, best, low, high)[0]


def relative_error(weights: Weights, met: Array) -> Array:
    """Return the root of squared error over squared weight, of every group: (groups,)."""
    squares = np.bincount(weights.group, weights.weight**2)
    lost = np.bincount(weights.group, (met - weights.weight) ** 2)
    return np.asarray(np.sqrt(lost / np.maximum(squares, np.finfo(float).tiny)))


def _some(weights: Weights) -> Weights:
    """Return the weights of some neurons, so that all starts are tried in a second."""
    part = -(-len(weights.weight) // ENOUGH)
    _, place = np.unique(weights.owner, return_inverse=True)
    chosen = place % part == 0
    if part == 1 or len(np.unique(weights.group[chosen])) < len(np.unique(weights.group)):
        return weights
    return Weights(
        weight=weights.weight[chosen],
        group=weights.group[chosen],
        owner=weights.owner[chosen],
        spare=weights.spare,
    )


def _alternate(weights: Weights, base: Array, low: float, high: float) -> tuple[Array, float]:
    size = np.bincount(weights.group, weights.weight**2)
    importance = 1 / size[weights.group]
    best, least = base, np.inf
    for _ in range(ROUNDS):
        masks = choose(weights, base)
        uses = BITS[masks.mask] + masks.full[:, None]
        error = float((importance * (uses @ base - weights.weight) ** 2).sum())
        if error >= least * (1 - 1e-6):
            break
        best, least = base, error
        scaled = uses * importance[:, None]
        gram = scaled.T @ uses
        ridge = 1e-9 * np.trace(gram) * np.eye(4)
        # the ridge pulls toward the currents at hand: one that no mask uses stays
        solved = np.linalg.solve(gram + ridge, scaled.T @ weights.weight + ridge @ base)
        base = np.sort(np.clip(solved, low, high))
    return best, least


def _within(extra: Array, weights: Weights) -> Array:
    """Return how many of the extra CAMs every synapse gets, the largest weights first."""
    order = np.lexsort((-weights.weight, weights.owner))
    sorted_extra, owner = extra[order], weights.owner[order]
    before = np.cumsum(sorted_extra) - sorted_extra
    starts = np.searchsorted(owner, owner)
    before -= before[starts]
    granted = np.empty_like(extra)
    granted[order] = np.clip(weights.spare[owner] - before, 0, sorted_extra)
    return granted
