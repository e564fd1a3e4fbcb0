"""Samples as executors take them, and E-I layers as matrix products over patches."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from eideploy.circuit import Array, Circuit, Shape
from eideploy.circuit.nodes import Convolution, Synapses
from eideploy.errors import DataError


def over_time(circuit: Circuit, samples: Array) -> Array:
    """Return samples (B, ...) as (1, B, ...) and samples (B, T, ...) as (T, B, ...).

    Raises:
        DataError: another shape, not numbers, not finite, or outside the network's input range.
    """
    size, high = circuit.input.size, circuit.input.high
    where = f"samples of shape {samples.shape}"
    shape = ", ".join(map(str, size))
    static = samples.shape[1:] == size
    sequence = samples.shape[1:] == (circuit.steps, *size)
    if not (static or sequence) or not len(samples):
        raise DataError(
            "the samples do not have the network's input shape", where=where,
            fix=f"give (samples, {shape}), or (samples, {circuit.steps}, {shape}) for a sequence",
        )  # fmt: skip
    if samples.dtype.kind not in "fiub":
        raise DataError(f"the samples are of type {samples.dtype}", where=where, fix="give float32")
    low, top = float(samples.min()), float(samples.max())
    if not (low >= 0 and top <= high):  # also refuses NaN
        raise DataError(
            f"the samples reach from {low:g} to {top:g}, the network takes 0 to {high:g}",
            where=where,
            fix="scale them as the training data was scaled; E-I circuits take no negative input",
        )
    return samples[None] if static else np.ascontiguousarray(samples.swapaxes(0, 1))


def patches(node: Synapses, x: Array) -> Array:
    """Return the presynaptic values of every output position, (S, B, positions, fan_in).

    x is (S, B, n_in) or (S, B, channels, h, w); fan_in is in the order of the weights.
    """
    if not isinstance(node, Convolution):
        return x[:, :, None]
    kernel, pad = node.w_ee.shape[2], node.padding
    x = np.pad(x, ((0, 0), (0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = sliding_window_view(x, (kernel, kernel), axis=(3, 4))
    windows = windows[:, :, :, :: node.stride, :: node.stride]
    s, b, c, h, w, _, _ = windows.shape
    return windows.transpose(0, 1, 3, 4, 2, 5, 6).reshape(s, b, h * w, c * kernel * kernel)


def maps(rows: Array, shape: Shape) -> Array:
    """Return (S, B, positions, n) as (S, B, n, h, w), or (S, B, n) where there is one position."""
    return rows.swapaxes(2, 3).reshape(*rows.shape[:2], rows.shape[3], *shape[1:])


def windows_of(x: Array, kernel: int) -> Array:
    """Return (S, B, c, h, w) as (S, B, c, h // kernel, kernel, w // kernel, kernel)."""
    s, b, c, h, w = x.shape
    h, w = h // kernel, w // kernel
    return x[..., : h * kernel, : w * kernel].reshape(s, b, c, h, kernel, w, kernel)
