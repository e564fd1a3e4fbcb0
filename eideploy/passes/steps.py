"""The steps of quantization: levels, how weights are rounded to them, and their full scale."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array, InputRange
from eideploy.scheme import Clipping, LevelKind

CLIPS = np.linspace(0.5, 1.0, 26)  # fractions of the largest weight that are tried as full scale
FEW_INPUTS = 32  # rows of so few weights may fit one step much better than another
FINE = np.linspace(0.5, 1.6, 221)  # what is tried for these; beyond 1 nothing is clipped
PERCENTILE = 99.0
WHOLE = 1e-4  # of a step: how far a multiple of it may be from one, in single precision
MOST_COUNT = 1 << 8  # levels up to which weights are looked at for a step of their own
GROUP = 64  # inputs whose feedback reaches those further on in one product (for speed alone)
DAMPING = 0.01  # of the mean square input, added to every one (for inputs that are never seen)


@dataclass(frozen=True)
class Grid:
    """The levels that a weight of so many bits may take.

    linear   0 .. 2^bits - 1
    pow2     0 and the 2^bits - 1 powers of two from 1 up: a product is a shift
    signed   one of the bits is the sign: magnitudes of bits - 1, and their negatives
    """

    bits: int
    kind: LevelKind = "linear"
    signed: bool = False

    @property
    def top(self) -> int:
        """The largest level."""
        count = 1 << (self.bits - self.signed)
        return count - 1 if self.kind == "linear" else 1 << (count - 2)

    @property
    def low(self) -> int:
        """The least level."""
        return -self.top if self.signed else 0

    @property
    def _powers(self) -> Array:
        """All levels of powers of two, ascending."""
        count = (1 << (self.bits - self.signed)) - 1
        powers = [1 << n for n in range(count)]
        below = [-power for power in reversed(powers)] if self.signed else []
        return np.array([*below, 0, *powers], np.int64)

    def nearest(self, exact: Array) -> Array:
        """Return the nearest level of every entry as int64, ties to even."""
        if self.kind == "linear":
            return np.minimum(np.maximum(np.rint(exact), self.low), self.top).astype(np.int64)
        middles = (self._powers[1:] + self._powers[:-1]) / 2
        return np.asarray(self._powers[np.searchsorted(middles, exact)])

    def beside(self, levels: Array, toward: Array) -> Array:
        """Return the level above each where `toward` is 1, below where -1; at an end itself."""
        if self.kind == "linear":
            return np.asarray(np.clip(levels + toward, self.low, self.top))
        place = np.searchsorted(self._powers, levels) + toward
        return np.asarray(self._powers[np.clip(place, 0, len(self._powers) - 1)])


def own_steps(rows: Array, top: int) -> Array:
    """Return the step that every row of weights is whole multiples of, up to `top` of it.

    The coarsest such step; 0 where there is none, or the row is empty. Weights that were rounded in
    single precision are multiples within `WHOLE`.

    Shapes   rows: (n, fan_in); result: (n,)
    """
    size = np.abs(rows)
    largest, steps = size.max(1, initial=0.0), np.zeros(len(rows))
    for count in range(1, min(top, MOST_COUNT) + 1):
        left = np.flatnonzero((steps == 0) & (largest > 0))
        if not left.size:
            break
        exact = size[left] * (count / largest[left, None])
        whole = (np.abs(exact - np.rint(exact)) < WHOLE).all(1)
        steps[left[whole]] = largest[left[whole]] / count
    return steps


def full_scales(rows: Array, how: Clipping) -> Array:
    """Return the full scales to try for every row, as fractions of its largest weight (A16).

    max         the largest weight
    percentile  the 99th percentile of the row's weights
    error       both, and 26 from 50 to 100 % of the largest; for rows of few inputs also finer ones

    Shapes   rows: (n, fan_in) >= 0; result: (count, n)
    """
    if how == "max":
        return np.ones((1, len(rows)))
    largest = rows.max(1)
    mark = np.percentile(rows, PERCENTILE, axis=1)
    percentile = np.where(mark > 0, mark / np.where(largest > 0, largest, 1), 1.0)[None]
    if how == "percentile":
        return percentile
    tried = FINE if rows.shape[1] <= FEW_INPUTS else CLIPS
    return np.concatenate([np.broadcast_to(tried[:, None], (len(tried), len(rows))), percentile])


def squared_error(error: Array, moment: Array) -> Array:
    """Return the mean square that errors of weights (n, fan_in) make in a row's sum, (n,).

    Rows may differ in scale by any factor: a power of two brings the squares of each to where
    float32 holds them.
    """
    scale = power_below(np.abs(error).max(1))
    blocks = _blocks((error / scale[:, None]).astype(np.float32), moment)
    square = np.einsum("bni,bni->n", blocks @ moment, blocks).astype(np.float64)
    # in float32 a square of almost nothing may fall below zero
    return np.asarray(np.maximum(square, 0) * scale**2)


def power_below(size: Array) -> Array:
    """Return the largest power of two up to each positive entry, 1 for a zero."""
    return np.asarray(np.ldexp(1.0, np.frexp(np.where(size > 0, size, 1.0))[1] - 1))


def feedback_levels(exact: Array, grid: Grid, moment: Array) -> Array:
    """Return levels whose error in a row's sum is small, input after input (A18).

    The error of each weight is passed on to those not yet rounded, by as much as their inputs
    predict its own: Cholesky's factor of the inverse second moment, as in GPTQ (Frantar et al.,
    ICLR 2023), which goes back to Optimal Brain Surgeon. Inputs of the largest mean square first.

    Shapes   exact: (n, fan_in), in steps; moment: (blocks, m, m)
    """
    parts = [
        _feed_back(part, grid, block)
        for part, block in zip(_blocks(exact, moment), moment, strict=True)
    ]
    return np.concatenate(parts, 1)[:, : exact.shape[1]]


def _feed_back(exact: Array, grid: Grid, moment: Array) -> Array:
    square = np.diag(moment)
    if not square.any():
        return grid.nearest(exact)
    order = np.argsort(-square, kind="stable")
    damped = moment[np.ix_(order, order)] + np.eye(len(moment)) * (DAMPING * square.mean())
    pass_on = np.linalg.cholesky(np.linalg.inv(damped)).T
    left = exact.T[order]
    errors, levels = np.empty_like(left), np.empty(left.shape, np.int64)
    for begin in range(0, len(left), GROUP):
        part = slice(begin, begin + GROUP)
        for i in range(begin, min(begin + GROUP, len(left))):
            levels[i] = grid.nearest(left[i])
            errors[i] = (left[i] - levels[i]) / pass_on[i, i]
            left[i + 1 : part.stop] -= pass_on[i, i + 1 : part.stop, None] * errors[i]
        left[part.stop :] -= pass_on[part, part.stop :].T @ errors[part]
    restored = np.empty(exact.shape, np.int64)
    restored[:, order] = levels.T
    return restored


def _blocks(rows: Array, moment: Array) -> Array:
    """Return (n, fan_in) as (blocks, n, m), the last block filled up with zeros."""
    blocks, m, _ = moment.shape
    missing = blocks * m - rows.shape[1]
    padded = np.pad(rows, ((0, 0), (0, missing))) if missing else rows
    return padded.reshape(len(rows), blocks, m).swapaxes(0, 1)


def mean_matched_levels(exact: Array, grid: Grid, mean: Array) -> Array:
    """Return levels whose sum with the mean inputs is nearest to that of the weights (A18).

    Starts from the nearest levels and moves those that were closest to a tie to their other
    neighbour, as long as the row's mean error (levels - exact) @ mean comes closer to zero.

    Shapes   exact: (n, fan_in), in steps; mean: (fan_in,) >= 0
    """
    levels = grid.nearest(exact)
    error = levels - exact
    drift = error @ mean
    toward = -np.sign(drift).astype(np.int64)[:, None]
    moved = grid.beside(levels, toward)
    room = (moved != levels) & (error * toward < 0) & (mean > 0)
    cost = np.abs(moved - exact) - np.abs(error)
    order = np.argsort(np.where(room, cost, np.inf), axis=1, kind="stable")
    gained = np.where(room, np.abs(moved - levels) * mean, 0.0)
    gain = np.take_along_axis(gained, order, 1).cumsum(1)
    left = np.abs(np.abs(drift)[:, None] - np.pad(gain, ((0, 0), (1, 0))))
    count = left.argmin(1)  # how many moves leave least
    rank = np.argsort(order, axis=1, kind="stable")
    return np.where((rank < count[:, None]) & room, moved, levels)


def shifts(w_ei: Array, unit: Array, grid: Grid) -> Array:
    """Return k (n,) >= 0 such that W_EI in steps of unit 2^-k errs least (A16).

    The largest k at which no weight is clipped, or one more where clipping costs less.
    """
    largest = np.where(w_ei.max(1) > 0, w_ei.max(1), unit * grid.top)
    safe = np.floor(np.log2(grid.top * unit / largest)).astype(np.int64)
    choices = np.maximum(np.stack([safe, safe + 1]), 0)
    errors = []
    for k in choices:
        step = (unit * 2.0**-k)[:, None]
        errors.append(((grid.nearest(w_ei / step) * step - w_ei) ** 2).sum(1))
    best: Array = choices[np.argmin(errors, axis=0), np.arange(len(w_ei))]
    return best


def whole_input(observed: InputRange | None) -> bool:
    """Return whether all that was seen of the input are whole numbers, such as spikes."""
    if observed is None:
        return False
    exact = observed.steps[observed.rounding == 0.0]
    return bool((exact >= 1).any())


def input_step(observed: InputRange | None, high: float, bits: int) -> tuple[float, int]:
    """Return the step of the input and its largest level (A1).

    Of the steps that were tried the one that errs least, by its rounding and by its full scale's
    clipping; the coarsest of those that err alike, up to the power of two that reaches `high`:
    pixels that are multiples of a power of two stay exact.
    """
    most = (1 << bits) - 1
    step = high / most
    steps = (
        () if observed is None else observed.steps[observed.steps <= 2.0 ** np.ceil(np.log2(step))]
    )
    if observed is not None and len(steps):
        clipping = np.interp(
            -np.log(steps * most), -np.log(observed.scales), observed.clipping, left=0.0
        )
        step = float(steps[(observed.rounding[-len(steps) :] + clipping).argmin()])
    return step, min(most, int(np.rint(high / step)))
