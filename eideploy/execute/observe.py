"""Calibration: run samples through the float circuit and note what every layer saw."""

from collections.abc import Iterator

import numpy as np

from eideploy.circuit import Array, Circuit, FloatCurrent, Layer, LayerRange, Ranges
from eideploy.execute.float_reference import run_float
from eideploy.execute.input_scale import InputScale
from eideploy.execute.samples import channels_first, patches

BATCH = 64
MOST_PATCHES = 1 << 15  # of a batch, evenly taken, that the second moments are summed over
SQUARED = 1e-12, 1e12  # inputs over I_div whose sums of squares float32 holds
MOST_INPUTS = 1 << 10  # of a row, whose products with one another are summed
NEARNESS = 2.0  # per unit of current: how fast a current counts less, the further from firing
FIRES = 1.0  # the threshold of a trained network
KEEP = frozenset({"inputs", "inhibition", "divisors", "currents"})


def batches(samples: Array, size: int = BATCH) -> Iterator[Array]:
    """Yield `samples` in slices of at most `size`."""
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def observe(circuit: Circuit, samples: Array) -> Ranges:
    """Return the ranges of a float circuit over `samples`, (B, ...) or (B, T, ...)."""
    watched, scale = {node.name: _Seen() for node in circuit.layers}, InputScale(circuit)
    for batch in batches(samples):
        trace = run_float(circuit, batch, keep=KEEP)
        scale.add(trace)
        for node in circuit.layers:
            divided = node.projection.divides
            watched[node.name].add(
                node,
                trace.inputs[node.name],
                trace.inhibition.get(node.name),
                trace.divisors[node.name] if divided else None,
                trace.currents[node.name] if divided else None,
            )
    layers = {name: layer.range() for name, layer in watched.items()}
    return Ranges(samples=len(samples), input=scale.range(), layers=layers)


class _Seen:
    """Sums over batches of one layer."""

    def __init__(self) -> None:
        self.samples = 0
        self.inputs: Array | float = 0.0
        self.inhibition: Array | float = 0.0
        self.moment: Array | float = 0.0
        self.least: list[Array] = []
        self.zeros = 0.0
        self.products: Array = np.zeros((2, 1))

    def add(
        self,
        node: Layer,
        x: Array,
        s: Array | None,
        divisors: Array | None,
        currents: Array | None,
    ) -> None:
        """Add (T, B, n, ...) of one batch."""
        count = x.shape[1]
        self.moment = self.moment + _second_moment(node, x, divisors)
        self.samples += count
        self.inputs = self.inputs + count * _mean(x)
        if s is not None:
            self.inhibition = self.inhibition + count * _mean(s)
        if divisors is not None:
            flat = divisors.reshape(divisors.shape[0] * divisors.shape[1], -1)
            least = np.where(flat > 0, flat, np.inf).min(1)
            self.least.append(least[np.isfinite(least)])
            self.zeros += count * float((flat == 0).mean())
            assert currents is not None
            self.products = self.products + _products(node.float_current, divisors, currents)

    def range(self) -> LayerRange:
        """Return what was seen."""
        least = np.concatenate(self.least) if self.least else np.zeros(0)
        return LayerRange(
            divisor_floor=float(np.median(least)) if least.size else 0.0,
            zero_divisors=self.zeros / self.samples,
            mean_input=np.asarray(self.inputs / self.samples),
            mean_inhibition=np.asarray(self.inhibition / self.samples),
            constant_divisor=_constant(self.products),
            second_moment=np.asarray(self.moment / self.samples),
        )


def _second_moment(node: Layer, x: Array, divisors: Array | None) -> Array:
    """Return the sum of x x^T over the patches of a batch, block by block (`LayerRange`)."""
    rows = patches(node, x)
    rows = rows.reshape(-1, rows.shape[-1])
    every = -(-len(rows) // MOST_PATCHES)
    rows = channels_first(node, rows[::every])
    if divisors is not None:
        shunt = divisors.reshape(*divisors.shape[:3], -1).mean(2).reshape(-1, 1)[::every]
        rows = rows / np.where(shunt > 0, shunt, np.inf)
    largest = rows.max(initial=0.0)
    if largest == 0 or SQUARED[0] < largest < SQUARED[1]:
        rows = rows.astype(np.float32)
    kernel = node.weights[0][0, 0].size
    m = min(max(1, MOST_INPUTS // kernel) * kernel, rows.shape[1])
    blocks = -(-rows.shape[1] // m)
    parts = np.pad(rows, ((0, 0), (0, blocks * m - rows.shape[1]))).reshape(len(rows), blocks, m)
    parts = np.ascontiguousarray(parts.swapaxes(0, 1))
    return np.asarray(parts.swapaxes(1, 2) @ parts)


def _products(current: FloatCurrent, divisors: Array, currents: Array) -> Array:
    """Return the sums of w num^2 and of w num^2 / I_div by neuron or channel, (2, n_E)."""
    channel = (-1, *(1,) * (currents.ndim - 3))
    g_e, b_e = (np.asarray(a, np.float64).reshape(channel) for a in (current.g_e, current.b_e))
    driven = currents - b_e
    numerator = np.where(g_e > 0, driven / np.where(g_e > 0, g_e, 1), 0.0) * divisors
    weight = np.exp(-NEARNESS * np.abs(currents - FIRES))
    axes = (0, 1, *range(3, currents.ndim))
    safe = np.where(divisors > 0, divisors, 1)
    of = weight * numerator**2
    return np.stack([of.sum(axes), (of / safe).sum(axes)])


def _constant(products: Array) -> Array:
    """Return the constant for I_div of the least weighted squared error, (n_E,) (A23)."""
    square, ratio = products
    constant = np.where(ratio > 0, square / np.where(ratio > 0, ratio, 1), 0.0)
    fallback = constant[constant > 0].mean() if (constant > 0).any() else 1.0
    return np.where(constant > 0, constant, fallback)


def _mean(x: Array) -> Array:
    """Return the mean of (T, B, n, ...) by neuron or channel, (n,)."""
    axes = (0, 1, *range(3, x.ndim))
    return np.asarray(x.mean(axes))
