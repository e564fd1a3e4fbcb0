"""The steps of quantization: how a weight's unit is chosen (A14..A16)."""

import numpy as np

from eideploy.circuit import Array

CLIPS = np.linspace(0.5, 1.0, 26)  # fractions of the largest weight that are tried as full scale


def to_levels(w: Array, step: Array, bits: int) -> Array:
    """Return clip(round(w / step), 0, 2^bits - 1) as int64, ties to even; steps broadcast."""
    return np.clip(np.rint(w / step), 0, (1 << bits) - 1).astype(np.int64)


def mean_matched_levels(w: Array, step: Array, bits: int, mean: Array) -> Array:
    """Return levels of w (n, m) whose weighted sum with `mean` (m,) >= 0 is nearest to that of w.

    Starts from the nearest levels and moves those that were closest to a tie to their other
    neighbour, as long as the row's mean response (levels - w / step) @ mean comes closer to zero
    (A18).
    """
    exact = w / step
    levels = to_levels(w, step, bits)
    error = levels - exact
    drift = error @ mean
    toward = -np.sign(drift).astype(np.int64)[:, None]
    moved = levels + toward
    room = (moved >= 0) & (moved < 1 << bits) & (error * toward < 0) & (mean > 0)
    order = np.argsort(np.where(room, -np.abs(error), np.inf), axis=1, kind="stable")
    gain = np.take_along_axis(np.where(room, mean, 0.0), order, 1).cumsum(1)
    left = np.abs(np.abs(drift)[:, None] - np.pad(gain, ((0, 0), (1, 0))))
    count = left.argmin(1)  # how many moves leave least
    rank = np.argsort(order, axis=1, kind="stable")
    return np.where((rank < count[:, None]) & room, moved, levels)


def least_error_steps(w: Array, bits: int) -> Array:
    """Return the step of every row of w (n, m) >= 0 that gives the least squared error (A16).

    A full scale below the largest weight clips it, but rounds the others more finely. A row of
    zeros gets the step of the largest row.
    """
    largest = w.max(1, keepdims=True)
    fallback = largest.max() if largest.max() > 0 else 1.0
    scale = np.where(largest > 0, largest, fallback) / ((1 << bits) - 1)
    steps = CLIPS[:, None, None] * scale
    errors = np.stack([((to_levels(w, s, bits) * s - w) ** 2).sum(1) for s in steps])
    best: Array = steps[errors.argmin(0), np.arange(len(w)), 0]
    return best


def shifts(w_ei: Array, unit: Array, bits: int) -> Array:
    """Return k (n,) >= 0 such that W_EI in steps of unit 2^-k errs least (A16).

    The largest k at which no weight is clipped, or one more where clipping costs less.
    """
    full = (1 << bits) - 1
    largest = np.where(w_ei.max(1) > 0, w_ei.max(1), unit * full)
    safe = np.floor(np.log2(full * unit / largest)).astype(np.int64)
    choices = np.maximum(np.stack([safe, safe + 1]), 0)
    errors = []
    for k in choices:
        step = (unit * 2.0**-k)[:, None]
        errors.append(((to_levels(w_ei, step, bits) * step - w_ei) ** 2).sum(1))
    best: Array = choices[np.argmin(errors, axis=0), np.arange(len(w_ei))]
    return best


def input_step(values: Array, high: float, bits: int) -> tuple[float, int]:
    """Return the step of the input and its largest level (A1).

    Of high / (2^bits - 1) and the next power of two, the one that errs less on `values`: pixels
    that are multiples of a power of two stay exact.
    """
    even = high / ((1 << bits) - 1)
    binary = 2.0 ** np.ceil(np.log2(even))
    errors = {s: float(((np.rint(values / s) * s - values) ** 2).sum()) for s in (even, binary)}
    step = min(errors, key=errors.__getitem__)
    return float(step), int(np.rint(high / step))
