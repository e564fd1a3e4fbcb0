"""Division by a table in float64, where every step is exact: the integers of `divided`, sooner.

With num = 2^(fraction + align) NUM and den = 2^align DEN, both exact in float64 as they only take
other exponents, (A6) to (A8) need no fraction, and divisors of all neurons are in one unit:

    1 / den ~ table[i] 2^-(m + e),  e den's exponent, i the highest bits of its mantissa
    c       = trunc(x + sign(x) / 2),  x = num table[i] 2^-(m + e)

x is exact if |NUM| table[i] has at most 52 bits, and so is what truncates x + sign(x) / 2.
"""

from typing import Any

import numpy as np

from eideploy.circuit import Array, Layer
from eideploy.circuit.limits import LayerLimits
from eideploy.divisions import Tabulated
from eideploy.numeric.fixed import EXACT_FLOAT64, top

MANTISSA_BITS, BIAS = 52, 1023  # of float64
EXPONENT = np.int64(0x7FF << MANTISSA_BITS)


def has_quotients(layer: Layer, reach: LayerLimits) -> bool:
    """Return whether a layer divides by a table, and its currents are proven exact in float64."""
    current = layer.integer_current
    if current.division is None or not isinstance(current.division.divider, Tabulated):
        return False
    largest = max(-reach.low, reach.high) * int(current.division.divider.table.max())
    divisor = max(reach.divisor, int(current.floor.max()))
    return largest < EXACT_FLOAT64 >> 1 and divisor < EXACT_FLOAT64


class Units:
    """What the numbers of a layer that divides are in floats.

    of_num, of_den  (n_E,): what one of NUM and of DEN is in units of num and den
    floor           (n_E,) what replaces a zero divisor, in units of den; None: the smallest does
    limit           what currents saturate to
    """

    def __init__(self, layer: Layer) -> None:
        current = layer.integer_current
        self.of_num = np.ldexp(1.0, current.fraction + current.align)
        self.of_den = np.ldexp(1.0, current.align)
        self.floor = current.floor * self.of_den if layer.division.zero_policy == "floor" else None
        self.limit = top(current.current_bits)


class Quotients(Units):
    """The division of one layer for which `has_quotients`."""

    def __init__(self, layer: Layer) -> None:
        super().__init__(layer)
        divider = layer.division.divider
        assert isinstance(divider, Tabulated)  # has_quotients says so
        entries = np.ldexp(divider.table.astype(np.float64), -divider.fraction_bits)
        self.patterns = entries.view(np.int64) + (BIAS << MANTISSA_BITS)
        self.below = np.int64(MANTISSA_BITS - divider.index_bits)
        self.index_mask = np.int64(divider.table.size - 1)

    def divided(
        self, num: Array, den: Array, kind: type[np.signedinteger[Any]]
    ) -> tuple[Array, int]:
        """Return what `divided` does, of type `kind`; num and den are used up.

        Shapes   num, den: (S, B, positions, n_E) float64, contiguous
        """
        positive = self._replace_zeros(den)
        pattern = den.view(np.int64)
        index = pattern >> self.below
        index &= self.index_mask
        factor = self.patterns.take(index)
        pattern &= EXPONENT
        factor -= pattern
        num *= factor.view(np.float64)
        if positive is not None:
            num *= positive
        num += np.copysign(0.5, num)
        saturated, beyond = 0, self.limit + 1
        if num.max() >= beyond or num.min() <= -beyond:
            saturated = int(np.count_nonzero(np.abs(num) >= beyond))
            np.clip(num, -self.limit, self.limit, out=num)
        return num.astype(kind), saturated

    def _replace_zeros(self, den: Array) -> Array | None:
        """Replace zero divisors (A6); return where any of its sample and step was positive."""
        if den.all():
            return None
        zero = den == 0
        masked = np.where(zero, np.inf, den)
        least = masked.min((2, 3), keepdims=True)
        positive: Array = np.isfinite(least)
        replacement = least if self.floor is None else self.floor
        np.copyto(den, np.where(positive, replacement, 1.0), where=zero)
        return positive
