"""Division by subtracting logarithms that are piecewise linear."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eideploy.numeric.division.divider import Divider
from eideploy.numeric.fixed import Int, leading_one, scaled

MANTISSA_BITS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Mitchell(Divider):
    """2^(E - e) (1 + F - d), or 2^(E - e - 1) (2 + F - d) where F < d (docs/arithmetic.md)."""

    method = "mitchell"
    on_the_way = "m of NUM / DEN"

    @property
    def bound(self) -> float:
        """1/8 and the truncation of the mantissas."""
        return 1 / 8 + 4 * 2.0**-self.index_bits

    def quotient(self, num: Int, den: Int, fraction: Int, bits: int) -> Int:
        """Return round(2^(fraction + p) m), with num / den ~ m 2^p."""
        m, power = self.ratio(num, den)
        return scaled(m, fraction + power, bits)

    def widest(self, num: int, fraction: int) -> int:
        """Return the mantissa m."""
        del num, fraction
        return 2 << self.index_bits

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return m 2^p / (num / den) - 1."""
        m, power = self.ratio(num, den)
        approximate = np.ldexp(m.astype(np.float64), power.astype(np.intc))
        return np.asarray(approximate / (num / den) - 1)

    def ratio(self, num: Int, den: Int) -> tuple[Int, Int]:
        """Return m and p of num / den ~ m 2^p; num >= 0, den > 0."""
        bits = self.index_bits
        (top, f), (below, g) = _logarithm(np.maximum(num, 1), bits), _logarithm(den, bits)
        one = 1 << bits
        difference = f - g
        borrow = difference < 0
        m = np.where(borrow, 2 * one, one) + difference
        return np.where(num > 0, m, 0), top - below - borrow - bits


def mitchell() -> Mitchell:
    """Return Mitchell's logarithmic divider (IRE Trans. Electron. Comput. EC-11(4), 1962).

    log2(x) ~ e + f, with x = 2^e (1 + f), and the same line back: no table, no multiplication.

    Bound  the quotient is up to 1/8 too large, never too small but for the mantissas' truncation
    Cost   two leading ones, an addition, a shift
    """
    return Mitchell(index_bits=MANTISSA_BITS)


def _logarithm(x: Int, bits: int) -> tuple[Int, Int]:
    """Return the leading one of x and the `bits` bits below it, cut off there."""
    e = leading_one(x)
    shift = e - bits
    mantissa = np.where(shift >= 0, x >> np.maximum(shift, 0), x << np.maximum(-shift, 0))
    return e, mantissa - (1 << bits)
