"""The weights of one E-I layer as unsigned levels (A14..A18)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eideploy.circuit import Array
from eideploy.circuit.nodes import Synapses
from eideploy.numeric.fixed import exact_matmul
from eideploy.passes.steps import (
    Grid,
    clips,
    feedback_levels,
    mean_matched_levels,
    shifts,
    squared_error,
)
from eideploy.scheme import Bits, Scheme


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """The weights in levels, W_EE's unit and shift by channel, and the step of W_IE's rows."""

    w_ee: Array
    w_ie: Array
    w_ei: Array
    unit: Array
    shift: Array
    rows: Array

    def fields(self, node: Synapses) -> dict[str, Any]:
        """Return the fields that every integer E-I node shares."""
        return {
            "name": node.name,
            "inputs": node.inputs,
            "w_ee": self.w_ee.reshape(node.w_ee.shape),
            "w_ie": self.w_ie.reshape(node.w_ie.shape),
            "w_ei": self.w_ei,
            "shift_ee": self.shift,
        }


def quantize_weights(
    node: Synapses, scheme: Scheme, bits: Bits, moment: Array, mean: Array, *, per_channel: bool
) -> Levels:
    """Return the levels of a layer.

    Every full scale that the scheme's clipping names is tried for W_EE; each row keeps the one
    whose numerator errs least on what the layer's inputs were in calibration.

    Shapes   moment: (blocks, m, m), second moments of the inputs of a row, block by block;
             mean: (fan_in,), their means
    Args:
        per_channel: whether every output channel has a unit of its own; a readout has one.
    """
    ee, ie = (w.reshape(len(w), -1).astype(np.float64) for w in (node.w_ee, node.w_ie))
    if scheme.granularity.w_ee == "layer":
        per_channel = False
    rows = _inhibitory_steps(ie, scheme, bits, moment)
    q_ie = _rounded(scheme.rounding.w_ie, ie, rows, Grid(bits.w_ie, scheme.levels), moment, mean)
    trial = _Trial(
        ee=ee,
        folded=node.w_ei * rows,  # W_EI takes over the step of every inhibitory row (A15)
        wanted=node.w_ei @ ie,
        q_ie=q_ie,
        excitatory=Grid(bits.w_ee, scheme.levels),
        inhibitory=Grid(bits.w_ei, scheme.levels),
        round_ee=lambda w, step, grid: _rounded(scheme.rounding.w_ee, w, step, grid, moment, mean),
        per_channel=per_channel,
    )
    candidates = clips(scheme.clipping.w_ee)
    errors = np.stack(
        [squared_error(trial.at(clip, rounded="nearest")[-1], moment) for clip in candidates]
    )
    if not per_channel:
        errors = np.broadcast_to(errors.sum(1, keepdims=True), errors.shape)
    best = candidates[errors.argmin(0)]
    q_ee, q_ei, unit, shift, _ = trial.at(best, rounded="as the scheme says")
    return Levels(w_ee=q_ee, w_ie=q_ie, w_ei=q_ei, unit=unit, shift=shift, rows=rows)


def _inhibitory_steps(ie: Array, scheme: Scheme, bits: Bits, moment: Array) -> Array:
    """Return the step of every row of W_IE, (n_I,) (A14)."""
    grid = Grid(bits.w_ie, scheme.levels)
    largest = ie.max(1)
    if scheme.granularity.w_ie == "layer":
        largest = np.full_like(largest, largest.max())
    full = np.where(largest > 0, largest, largest.max() or 1.0) / grid.top
    candidates = clips(scheme.clipping.w_ie)
    steps = candidates[:, None] * full
    errors = np.stack(
        [squared_error(grid.nearest(ie / s[:, None]) * s[:, None] - ie, moment) for s in steps]
    )
    if scheme.granularity.w_ie == "layer":
        errors = np.broadcast_to(errors.sum(1, keepdims=True), errors.shape)
    chosen: Array = steps[errors.argmin(0), np.arange(len(ie))]
    return chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trial:
    """A layer's weights, to be rounded at one full scale after the other."""

    ee: Array
    folded: Array
    wanted: Array  # W_EI W_IE
    q_ie: Array
    excitatory: Grid
    inhibitory: Grid
    round_ee: Callable[[Array, Array, Grid], Array]
    per_channel: bool

    def at(self, clip: Array, *, rounded: str) -> tuple[Array, Array, Array, Array, Array]:
        """Return Q_EE, Q_EI, unit, shift and the numerator's error per input, (n_E, fan_in)."""
        n_e = len(self.ee)
        ee, folded = self.ee, self.folded
        if not self.per_channel:
            ee, folded = ee.reshape(1, -1), folded.reshape(1, -1)
            clip = np.atleast_1d(clip)[:1]
        largest = ee.max(1)
        full = np.where(largest > 0, largest, largest.max() or 1.0) / self.excitatory.top
        # no less than what keeps the shift from being negative
        unit = np.maximum(clip * full, folded.max(1) / self.inhibitory.top)
        shift = shifts(folded, unit, self.inhibitory)
        unit, shift = (np.broadcast_to(a, n_e).copy() for a in (unit, shift))
        step = (unit * 2.0**-shift)[:, None]
        q_ei = self.inhibitory.nearest(self.folded / step)
        # W_EE takes up what rounding did to W_EI W_IE: both act on the same input (A17)
        bound = self.inhibitory.top * int(self.q_ie.sum(0).max())
        target = self.ee + exact_matmul(q_ei, self.q_ie, bound=bound) * step - self.wanted
        if rounded == "nearest":
            q_ee = self.excitatory.nearest(target / unit[:, None])
        else:
            q_ee = self.round_ee(target, unit, self.excitatory)
        return q_ee, q_ei, unit, shift, q_ee * unit[:, None] - target


def _rounded(how: str, w: Array, step: Array, grid: Grid, moment: Array, mean: Array) -> Array:
    """Return the levels of w (n, fan_in) in steps of `step` (n,) (A18)."""
    exact = w / step[:, None]
    if how == "feedback":
        return feedback_levels(exact, grid, moment)
    if how == "matched":
        return mean_matched_levels(exact, grid, mean)
    return grid.nearest(exact)
