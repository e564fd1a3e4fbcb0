"""Division by subtracting logarithms that are piecewise linear."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eideploy.divisions.divider import Divider
from eideploy.numeric import plain
from eideploy.numeric.fixed import Int
from eideploy.numeric.operators import InArrays, Numbers, Operators

MANTISSA_BITS = 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Mitchell(Divider):
    """2^(E - e) (1 + F - d), or 2^(E - e - 1) (2 + F - d) where F < d (docs/arithmetic.md)."""

    method = "mitchell"
    on_the_way = "m of NUM / DEN"

    index_bits: int = MANTISSA_BITS

    @property
    def bound(self) -> float:
        """1/8 and the truncation of the mantissas."""
        return 1 / 8 + 4 * 2.0**-self.index_bits

    def scalar(self, num: int, den: int, fraction: int) -> int:
        """Return round(2^fraction num / den) by the difference of logarithms."""
        if num == 0:
            return 0
        bits = self.index_bits
        (e_num, f), (e_den, d) = plain.leading(num, bits), plain.leading(den, bits)
        power = fraction + e_num - e_den - bits
        if f >= d:
            return plain.ratio((1 << bits) + f - d, 1, power)
        return plain.ratio((2 << bits) + f - d, 1, power - 1)

    def quotient(self, num: Numbers, den: Numbers, fraction: Numbers, do: Operators) -> Numbers:
        """Return round(2^(fraction + p) m), with num / den ~ m 2^p."""
        m, power = self.ratio(num, den, do)
        return do.scaled(m, fraction + power)

    def widest(self, num: int, fraction: int) -> int:
        """Return the mantissa m."""
        del num, fraction
        return 2 << self.index_bits

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return m 2^p / (num / den) - 1."""
        m, power = self.ratio(num, den, InArrays(62))
        approximate = np.ldexp(m.astype(np.float64), power.astype(np.intc))
        return np.asarray(approximate / (num / den) - 1)

    def ratio(self, num: Numbers, den: Numbers, do: Operators) -> tuple[Numbers, Numbers]:
        """Return m and p of num / den ~ m 2^p; num >= 0, den > 0."""
        bits = self.index_bits
        is_some = num > 0
        (top, f), (below, d) = do.leading(do.where(is_some, num, 1), bits), do.leading(den, bits)
        difference = f - d
        borrows = difference < 0
        m = do.where(borrows, 2 << bits, 1 << bits) + difference
        power = top - below - do.where(borrows, bits + 1, bits)
        return do.where(is_some, m, 0), power


def mitchell() -> Mitchell:
    """Return Mitchell's logarithmic divider (IRE Trans. Electron. Comput. EC-11(4), 1962).

    log2(x) ~ e + f, with x = 2^e (1 + f), and the same line back: no table, no multiplication.

    Bound  the quotient is up to 1/8 too large, never too small but for the mantissas' truncation
    Cost   two leading ones, an addition, a shift
    """
    return Mitchell()
