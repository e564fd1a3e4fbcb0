"""How values are distributed: a histogram, quantiles and moments, as numbers of a report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from eideploy.circuit import Array
from eideploy.model.metrics import SHARES

BINS = 48
MOST = 1 << 16  # values that are looked at, drawn with a fixed seed: strides would follow the maps
CORE, TAIL = (0.05, 0.95), 1.0  # how far beyond these quantiles is drawn, in their distance
DIGITS = 6


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Counts between edges, of so many values."""

    edges: Sequence[float]
    counts: Sequence[int]
    values: int


@dataclass(frozen=True, kw_only=True)
class Histogram(Bins):
    """Counts between, below and above the edges; moments; quantiles by share.

    Without values there is no moment and no quantile.
    """

    below: int
    above: int
    mean: float | None
    deviation: float | None
    quantiles: Mapping[str, float]


def some(values: Array) -> Array:
    """Return at most MOST of the values as (n,) of float64."""
    flat = values.reshape(-1)
    if flat.size > MOST:
        flat = flat[np.random.default_rng(0).integers(0, flat.size, MOST)]
    return np.asarray(flat, np.float64)


def span(*groups: Array) -> tuple[float, float]:
    """Return from where to where histograms of all groups reach, so that they can be compared.

    Far tails are left out, and counted.
    """
    ends = [_ends(group) for group in groups if group.size]
    low = min((low for low, _ in ends), default=0.0)
    high = max((high for _, high in ends), default=1.0)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _ends(values: Array) -> tuple[float, float]:
    low, high = (float(q) for q in np.quantile(values, CORE))
    reach = TAIL * (high - low)
    return max(float(values.min()), low - reach), min(float(values.max()), high + reach)


def histogram(values: Array, reach: tuple[float, float], bins: int = BINS) -> Histogram:
    """Return how values (n,) are distributed, with bins within `reach`."""
    edges = np.linspace(*reach, bins + 1)
    counts, _ = np.histogram(values, edges)
    empty = not values.size
    return Histogram(
        edges=rounded(edges),
        counts=[int(n) for n in counts],
        below=int((values < edges[0]).sum()),
        above=int((values > edges[-1]).sum()),
        values=int(values.size),
        mean=None if empty else short(float(values.mean())),
        deviation=None if empty else short(float(values.std())),
        quantiles={}
        if empty
        else {f"{share:g}": short(float(np.quantile(values, share))) for share in SHARES},
    )


def density(bins: Bins) -> list[float]:
    """Return the share of all values in every bin, per unit."""
    edges, total = bins.edges, max(1, bins.values)
    widths = [b - a for a, b in pairwise(edges)]
    return [
        n / total / width if width else 0.0 for n, width in zip(bins.counts, widths, strict=True)
    ]


def rounded(values: Sequence[float] | Array) -> list[float]:
    """Return floats of a few digits, so that a report stays small."""
    return [short(float(x)) for x in values]


def short(value: float) -> float:
    """Return a float of a few digits."""
    return float(f"{value:.{DIGITS}g}")
