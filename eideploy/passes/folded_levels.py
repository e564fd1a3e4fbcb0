"""The weights of one folded layer as levels (A28..A30)."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array, Chosen, Folded, Layer
from eideploy.errors import CapacityError
from eideploy.passes.levels import full_scale, least_error_steps, over_largest, rounded
from eideploy.passes.steps import FEW_INPUTS, Grid, full_scales, own_steps, squared_error
from eideploy.scheme import Bits, Scheme


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedLevels:
    """Weights in levels and their units: w_num ~ unit Q_num, w_den ~ of_den Q_den.

    w_den and of_den of a layer that does not divide have no rows
    """

    w_num: Array
    w_den: Array
    unit: Array
    of_den: Array
    chosen: Chosen


@dataclass(frozen=True, kw_only=True, eq=False)
class Divisors:
    """What the denominator of a folded layer has to do.

    ratio   (n_E,): the numerator over the denominator at which a neuron is about to fire
    gain    (n_E,): the current over that quotient, in thresholds
    finest  (n_E,): denominator over numerator, of a step each, of the numbers that the target holds
            where each is one bit wide
    peak    the largest level of the layer's input
    """

    ratio: Array
    gain: Array
    finest: Array
    peak: int

    def steps(self, w_den: Array, w_num: Array, steps: Array, unit: Array) -> Array:
        """Return the denominator's steps, none so fine that the quotient would not be held.

        As fine they are all the same as a denominator needs that makes a current of one threshold:
        what divides by less is resolved less finely, down to nothing (A28).

        Shapes   w_den, w_num: (n_E, fan_in); steps, unit: (n_E,)
        """
        size = np.abs(w_num).sum(1)
        bits = np.ceil(np.log2(self.peak * (size / unit + w_num.shape[1])))
        finest = self.finest * 2.0**bits * unit
        driven = size * self.gain
        strength = np.divide(w_den.sum(1), driven, out=np.ones_like(driven), where=driven > 0)
        with np.errstate(divide="ignore"):
            enough = steps / np.minimum(1, strength)
        return np.asarray(np.maximum(steps, np.minimum(finest, enough)))


def quantize_folded(
    layer: Layer, scheme: Scheme, bits: Bits, moment: Array, mean: Array, *, by: Divisors | None
) -> FoldedLevels:
    """Return the levels of a folded layer; of a readout, which has one unit for all rows.

    The numerator has the bits, rounding, clipping and granularity of W_EE, the denominator those of
    W_IE. The numerator takes up `by.ratio` times what rounding did to the denominator: where a
    neuron is about to fire, num - ratio den is what decides (A17). Weights of a layer that does not
    divide, and that are whole multiples of a step already, keep that step, and with it no error.

    Shapes   moment: (blocks, m, m), second moments of the inputs of a row, block by block;
             mean: (fan_in,), their means

    Raises:
        CapacityError: one bit, which holds no sign.
    """
    if bits.w_ee < 2:
        raise CapacityError(
            "the numerator of a folded layer has signed weights, and w_ee has 1 bit",
            where=f"node {layer.name}, scheme {scheme.name}",
            fix="compile with --inhibition factored, or a scheme of at least 2 bits",
        )
    w = layer.projection
    assert isinstance(w, Folded)
    target = w.w_num.reshape(layer.n_e, -1).astype(np.float64)
    q_den, of_den, full_scale_den = np.zeros((0, target.shape[1]), np.int64), *np.zeros((2, 0))
    if w.w_den is not None:
        assert by is not None
        den = w.w_den.reshape(layer.n_e, -1).astype(np.float64)
        grid = Grid(bits.w_ie, scheme.levels)
        of_den = least_error_steps(
            den, grid, scheme.clipping.w_ie, scheme.granularity.w_ie, moment
        )  # (A28)
        if scheme.granularity.w_ie == "channel":
            top = Grid(bits.w_ee, scheme.levels, signed=True).top
            of_den = by.steps(den, target, of_den, full_scale(target) / top)
        q_den = rounded(scheme.rounding.w_ie, den, of_den, grid, moment, mean)
        divided = q_den.any(1)
        if divided.any():  # rows without any say nothing of their unit
            of_den = np.where(divided, of_den, of_den[divided].min())
        full_scale_den = over_largest(of_den * grid.top, den)
        target = target + by.ratio[:, None] * (q_den * of_den[:, None] - den)  # (A29)
    numerator = _Numerator(target, scheme, bits, moment, mean, alike=layer.is_readout)
    unit = numerator.steps(keeps=w.w_den is None)
    q_num = numerator.levels(target, unit)
    return FoldedLevels(
        w_num=q_num.reshape(w.w_num.shape),
        w_den=q_den.reshape(len(q_den), *w.w_num.shape[1:]),
        unit=unit,
        of_den=of_den,
        chosen=Chosen(
            full_scale_ee=over_largest(unit * numerator.grid.top, target),
            full_scale_ie=full_scale_den,
            error=np.sqrt(squared_error(q_num * unit[:, None] - target, moment)),
        ),
    )


class _Numerator:
    """The numerator's weights, to be rounded at one full scale after the other (A30)."""

    def __init__(
        self, rows: Array, scheme: Scheme, bits: Bits, moment: Array, mean: Array, *, alike: bool
    ) -> None:
        self.rows, self.scheme, self.moment, self.mean = rows, scheme, moment, mean
        self.grid = Grid(bits.w_ee, scheme.levels, signed=True)
        self.granularity = "layer" if alike else scheme.granularity.w_ee

    def steps(self, *, keeps: bool) -> Array:
        """Return the step of every row: where it `keeps` one, its own."""
        if not keeps or self.grid.kind != "linear":
            return self._chosen()
        alike = self.granularity == "layer"
        own = own_steps(self.rows.reshape(1, -1) if alike else self.rows, self.grid.top)
        own = np.broadcast_to(own, (len(self.rows),))
        return own if own.all() else np.where(own > 0, own, self._chosen())

    def _chosen(self) -> Array:
        """Return the step of every row; rows of few inputs are tried as they will be rounded."""
        clipping = self.scheme.clipping.w_ee
        if self.granularity == "layer" or self.rows.shape[1] > FEW_INPUTS:
            return least_error_steps(self.rows, self.grid, clipping, self.granularity, self.moment)
        steps = full_scales(np.abs(self.rows), clipping) * full_scale(self.rows) / self.grid.top
        many = np.tile(self.rows, (len(steps), 1))
        tried = steps.reshape(-1, 1)
        error = self.levels(many, tried[:, 0]) * tried - many
        errors = squared_error(error, self.moment).reshape(steps.shape)
        chosen: Array = steps[errors.argmin(0), np.arange(len(self.rows))]
        return chosen

    def levels(self, rows: Array, steps: Array) -> Array:
        """Return the levels of rows (n, fan_in), rounded as the scheme says."""
        how = self.scheme.rounding.w_ee
        return rounded(how, rows, steps, self.grid, self.moment, self.mean)
