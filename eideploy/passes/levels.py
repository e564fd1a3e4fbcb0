"""The weights of one E-I layer as unsigned levels (A14..A18)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit import Array, Chosen, Factored
from eideploy.passes.steps import (
    FEW_INPUTS,
    Grid,
    feedback_levels,
    full_scales,
    mean_matched_levels,
    shifts,
    squared_error,
)
from eideploy.scheme import Bits, Clipping, GranularityKind, Scheme


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """The weights in levels, W_EE's unit and shift by channel, and the step of W_IE's rows."""

    w_ee: Array
    w_ie: Array
    w_ei: Array
    unit: Array
    shift: Array
    rows: Array
    chosen: Chosen

    def projection(self, like: Factored, g_i: Array | None = None) -> Factored:
        """Return the levels as weights of the shape of others."""
        return Factored(
            w_ee=self.w_ee.reshape(like.w_ee.shape),
            w_ie=self.w_ie.reshape(like.w_ie.shape),
            w_ei=self.w_ei,
            g_i=g_i,
            shift_ee=self.shift,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Shunt:
    """What the divisor is made of, so that W_EE may take up the divisor's rounding too (A17).

    exact, kept  (n_I,): g_I, and what its levels stand for
    ratio        (n_E,): the numerator over the divisor at which a neuron is about to fire
    """

    exact: Array
    kept: Array
    ratio: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """What the target leaves a layer for shifting W_EE, so that W_EI is resolved finely (A16).

    bits   (n_E,): of |NUM|
    shift  the largest shift
    peak   the largest level of the layer's input
    """

    bits: Array
    shift: int
    peak: int

    def shifts(self, ee: Array, unit: Array) -> Array:
        """Return the largest shift that fits, of rows W_EE (n, fan_in) in steps of `unit`."""
        levels = ee.sum(1) / unit + ee.shape[1]  # each may be rounded up
        used = np.ceil(np.log2(self.peak * levels))
        return np.asarray(np.minimum(self.bits - used, self.shift))


def quantize_weights(
    w: Factored,
    scheme: Scheme,
    bits: Bits,
    moment: Array,
    mean: Array,
    *,
    shunt: Shunt | None,
    room: Room,
) -> Levels:
    """Return the levels of a layer; of a readout, which has no shunt and one unit for all rows.

    Every full scale that the scheme's clipping names is tried for W_EE; each row keeps the one
    whose current errs least on what the layer's inputs were in calibration.

    Shapes   moment: (blocks, m, m), second moments of the inputs of a row, block by block;
             mean: (fan_in,), their means
    """
    ee, ie = (rows.reshape(len(rows), -1).astype(np.float64) for rows in w.weights)
    per_channel = shunt is not None and scheme.granularity.w_ee == "channel"
    shunt = shunt or Shunt(exact=np.zeros(len(ie)), kept=np.zeros(len(ie)), ratio=np.zeros(len(ee)))
    inhibitory = Grid(bits.w_ie, scheme.levels)
    rows = least_error_steps(
        ie, inhibitory, scheme.clipping.w_ie, scheme.granularity.w_ie, moment
    )  # (A14)
    q_ie = rounded(scheme.rounding.w_ie, ie, rows, inhibitory, moment, mean)
    trial = _Trial(
        ee=ee,
        folded=w.w_ei * rows,  # W_EI takes over the step of every inhibitory row (A15)
        wanted=_balance(w.w_ei, ie, shunt.exact, shunt.ratio),
        q_ie=q_ie,
        shunt=shunt,
        excitatory=Grid(bits.w_ee, scheme.levels),
        inhibitory=Grid(bits.w_ei, scheme.levels),
        round_ee=lambda w, step, grid: rounded(scheme.rounding.w_ee, w, step, grid, moment, mean),
        per_channel=per_channel,
        room=room,
        strength=_strength(ee, w.w_ei @ ie, per_channel=per_channel),
    )
    clip = trial.best(full_scales(ee, scheme.clipping.w_ee), moment)
    q_ee, q_ei, unit, shift, error = trial.at(clip, rounded="as the scheme says")
    return Levels(
        w_ee=q_ee,
        w_ie=q_ie,
        w_ei=q_ei,
        unit=unit,
        shift=shift,
        rows=rows,
        chosen=Chosen(
            full_scale_ee=over_largest(unit * trial.excitatory.top, ee),
            full_scale_ie=over_largest(rows * inhibitory.top, ie),
            error=np.sqrt(squared_error(error, moment)),
        ),
    )


def full_scale(rows: Array) -> Array:
    """Return the largest weight of every row (n, fan_in), that of all where a row has none."""
    largest = np.abs(rows).max(1)
    return np.where(largest > 0, largest, largest.max() or 1.0)


def over_largest(full_scale: Array, weights: Array) -> Array:
    """Return full scales (n,) as fractions of the largest weights of their rows (n, fan_in)."""
    largest = np.abs(weights).max(1)
    return np.where(largest > 0, full_scale / np.where(largest > 0, largest, 1.0), 1.0)


def _strength(ee: Array, inhibition: Array, *, per_channel: bool) -> Array:
    """Return how strong W_EI W_IE is beside W_EE, at most 1; of every row, or of all in one."""
    if not per_channel:
        inhibition, ee = inhibition.reshape(1, -1), ee.reshape(1, -1)
    excites = ee.sum(1)
    strength = np.divide(inhibition.sum(1), excites, out=np.ones_like(excites), where=excites > 0)
    return np.asarray(np.minimum(1, strength))


def _balance(w_ei: Array, w_ie: Array, gain: Array, ratio: Array) -> Array:
    """Return W_EI W_IE + ratio W_EI diag(gain) W_IE, (n_E, fan_in).

    What inhibition takes from a current that is about to fire, per input (A17).
    """
    return np.asarray((w_ei * (1 + ratio[:, None] * gain)) @ w_ie)


def least_error_steps(
    rows: Array, grid: Grid, clipping: Clipping, granularity: GranularityKind, moment: Array
) -> Array:
    """Return the step of every row of weights (n, fan_in) that errs least, rounded to nearest."""
    full = full_scale(rows)
    if granularity == "layer":
        full = np.full_like(full, full.max())
    steps = full_scales(np.abs(rows), clipping) * full / grid.top
    errors = np.stack(
        [squared_error(grid.nearest(rows / s[:, None]) * s[:, None] - rows, moment) for s in steps]
    )
    if granularity == "layer":
        errors = np.broadcast_to(errors.sum(1, keepdims=True), errors.shape)
    chosen: Array = steps[errors.argmin(0), np.arange(len(rows))]
    return chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """A layer's weights, to be rounded at one full scale after the other."""

    ee: Array
    folded: Array
    wanted: Array  # what inhibition takes, per input
    q_ie: Array
    shunt: Shunt
    excitatory: Grid
    inhibitory: Grid
    round_ee: Callable[[Array, Array, Grid], Array]
    per_channel: bool
    room: Room
    strength: Array  # of inhibition beside excitation; one of all rows unless per_channel

    def best(self, clips: Array, moment: Array) -> Array:
        """Return which of the full scales (count, n_E) errs least for every row, (n_E,).

        Rows of few inputs are rounded as they will be, all at once; others to nearest.
        """
        count, n_e = clips.shape
        if self.per_channel and self.ee.shape[1] <= FEW_INPUTS:
            many = self._repeated(count)
            error = many.at(clips.ravel(), rounded="as the scheme says")[-1]
            errors = squared_error(error, moment).reshape(count, n_e)
        else:
            tried = [self.at(clip, rounded="nearest")[-1] for clip in clips]
            errors = np.stack([squared_error(error, moment) for error in tried])
        if not self.per_channel:
            errors = np.broadcast_to(errors.sum(1, keepdims=True), errors.shape)
        chosen: Array = clips[errors.argmin(0), np.arange(n_e)]
        return chosen

    def _repeated(self, count: int) -> "_Trial":
        """Return the same rows `count` times over."""
        ee, folded, wanted = (np.tile(a, (count, 1)) for a in (self.ee, self.folded, self.wanted))
        shunt = replace(self.shunt, ratio=np.tile(self.shunt.ratio, count))
        room = replace(self.room, bits=np.tile(self.room.bits, count))
        strength = np.tile(self.strength, count)
        return replace(
            self, ee=ee, folded=folded, wanted=wanted, shunt=shunt, room=room, strength=strength
        )

    def at(self, clip: Array, *, rounded: str) -> tuple[Array, Array, Array, Array, Array]:
        """Return Q_EE, Q_EI, unit, shift and the current's error per input, (n_E, fan_in)."""
        n_e = len(self.ee)
        ee, folded = self.ee, self.folded
        if not self.per_channel:
            ee, folded = ee.reshape(1, -1), folded.reshape(1, -1)
            clip = np.atleast_1d(clip)[:1]
        full = full_scale(ee) / self.excitatory.top
        # no less than what keeps the shift from being negative
        unit = np.maximum(clip * full, folded.max(1) / self.inhibitory.top)
        shift = self._shifts(folded, unit)
        unit, shift = (np.broadcast_to(a, n_e).copy() for a in (unit, shift))
        q_ei = self.inhibitory.nearest(self.folded / (unit * 2.0**-shift)[:, None])
        if self.per_channel:
            unit, shift = self._alike(unit, shift, divided=np.asarray(q_ei.any(1)))
        step = (unit * 2.0**-shift)[:, None]
        # W_EE takes up what rounding did to the inhibition of the same input (A17)
        compensation = _balance(q_ei * step, self.q_ie, self.shunt.kept, self.shunt.ratio)
        target = self.ee + compensation - self.wanted
        if rounded == "nearest":
            q_ee = self.excitatory.nearest(target / unit[:, None])
        else:
            q_ee = self.round_ee(target, unit, self.excitatory)
        return q_ee, q_ei, unit, shift, q_ee * unit[:, None] - target

    def _shifts(self, folded: Array, unit: Array) -> Array:
        """Return the shift at which W_EI errs least, but no larger one than fits.

        One that does not fit is taken all the same as far as inhibition needs it that is as strong
        as the row's excitation: what is weaker is resolved less finely, down to nothing.
        """
        best = shifts(folded, unit, self.inhibitory)
        with np.errstate(divide="ignore"):
            strong = best + np.floor(np.log2(self.strength))
        fits = self.room.shifts(self.ee, unit)
        fits = fits if self.per_channel else fits.min(keepdims=True)
        most = np.maximum(np.maximum(strong, fits), 0)
        return np.asarray(np.minimum(best, most), np.int64)

    def _alike(self, unit: Array, shift: Array, *, divided: Array) -> tuple[Array, Array]:
        """Give rows without any W_EI, which say nothing of their unit, the least of the others."""
        if divided.all() or not divided.any():
            return unit, shift
        least = (unit * 2.0**-shift)[divided].min()
        unit = np.where(divided, unit, np.maximum(unit, least))
        wanted = np.rint(np.log2(unit / least))
        fits = np.maximum(self.room.shifts(self.ee, unit), 0)
        return unit, np.where(divided, shift, np.minimum(wanted, fits)).astype(np.int64)


def rounded(how: str, w: Array, step: Array, grid: Grid, moment: Array, mean: Array) -> Array:
    """Return the levels of w (n, fan_in) in steps of `step` (n,) (A18)."""
    exact = w / step[:, None]
    if how == "feedback":
        return feedback_levels(exact, grid, moment)
    if how == "matched":
        return mean_matched_levels(exact, grid, mean)
    return grid.nearest(exact)
