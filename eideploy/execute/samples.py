"""Samples as executors take them, and E-I layers as matrix products over patches."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import DTypeLike

from eideploy.circuit import Array, Circuit, Layer, Shape
from eideploy.errors import DataError
from eideploy.shown import kind_of


def over_time(circuit: Circuit, samples: Array) -> Array:
    """Return samples (B, ...) as (1, B, ...) and samples (B, T, ...) as (T, B, ...).

    Raises:
        DataError: no array, another shape, not numbers, not finite, or outside the network's
            input range.
    """
    if not isinstance(samples, np.ndarray):
        raise DataError(
            f"the samples are {kind_of(samples)}, not an array of numpy",
            where="samples",
            fix="give numpy.asarray(samples), of a tensor samples.numpy()",
        )
    size, high = circuit.input.size, circuit.input.high
    where = f"samples of shape {samples.shape}"
    shape = ", ".join(map(str, size))
    static = samples.shape[1:] == size
    sequence = samples.shape[1:] == (circuit.steps, *size)
    if not (static or sequence) or not len(samples):
        raise DataError(
            "the samples do not have the network's input shape",
            where=where,
            fix=f"give (samples, {shape}), or (samples, {circuit.steps}, {shape}) for a sequence",
        )
    if samples.dtype.kind not in "fiub":
        raise DataError(f"the samples are of type {samples.dtype}", where=where, fix="give float32")
    low, top = float(samples.min()), float(samples.max())
    if not (low >= 0 and top <= high):  # also refuses NaN
        raise DataError(
            f"the samples range from {low:g} to {top:g}, the network takes 0 to {high:g}",
            where=where,
            fix=f"scale them as the training data was scaled, or clip them to 0 to {high:g}; "
            "E-I circuits take no negative input",
        )
    return samples[None] if static else np.ascontiguousarray(samples.swapaxes(0, 1))


def patches(layer: Layer, x: Array, kind: DTypeLike | None = None) -> Array:
    """Return the presynaptic values of every output position, (S, B, positions, fan_in).

    x is (S, B, n_in) or (S, B, channels, h, w); fan_in is in the order of `weight_rows`. They are
    of type `kind`, that of x where none is given.
    """
    kind = x.dtype if kind is None else kind
    if not layer.is_conv:
        return x[:, :, None].astype(kind, copy=False)
    kernel, pad, stride = layer.kernel, layer.geometry.padding, layer.geometry.stride
    s, b, c, h, w = x.shape
    padded = np.zeros((s, b, h + 2 * pad, w + 2 * pad, c), kind)
    padded[:, :, pad : pad + h, pad : pad + w] = np.moveaxis(x, 2, 4)
    windows = sliding_window_view(padded, (kernel, kernel), axis=(2, 3))
    taps_first = np.moveaxis(windows[:, :, ::stride, ::stride], 4, 6)
    out_h, out_w = taps_first.shape[2:4]
    return taps_first.reshape(s, b, out_h * out_w, kernel * kernel * c)


def weight_rows(weights: Array) -> Array:
    """Return (n, n_in) or (n, channels, k, k) as (n, fan_in): tap after tap, all its channels."""
    taps_first = np.moveaxis(weights, 1, -1) if weights.ndim == 4 else weights
    return taps_first.reshape(len(weights), -1)


def channels_first(layer: Layer, rows: Array) -> Array:
    """Return rows (..., fan_in) of `patches` in the order of the weights as they are stored."""
    by_tap = rows.reshape(*rows.shape[:-1], layer.kernel**2, -1)
    return by_tap.swapaxes(-1, -2).reshape(rows.shape)


def maps(rows: Array, shape: Shape) -> Array:
    """Return (S, B, positions, n) as (S, B, n, h, w), or (S, B, n) where there is one position.

    It is a view: maps lie in memory with their channels last.
    """
    return rows.swapaxes(2, 3).reshape(*rows.shape[:2], rows.shape[3], *shape[1:])


def pooled(x: Array, kernel: int, kind: DTypeLike) -> Array:
    """Return the sums over windows of kernel x kernel, (S, B, c, h // kernel, w // kernel)."""
    h, w = (size // kernel * kernel for size in x.shape[3:])
    total: Array = x[..., 0:h:kernel, 0:w:kernel].astype(kind)
    for i, j in list(np.ndindex(kernel, kernel))[1:]:
        total += x[..., i:h:kernel, j:w:kernel]
    return total


def flattened(x: Array) -> Array:
    """Return (S, B, n, ...) as (S, B, features)."""
    return x.reshape(*x.shape[:2], -1)
