"""Division by subtracting logarithms that are piecewise linear."""

import numpy as np

from eideploy.numeric.division.divider import Divider, divider
from eideploy.numeric.fixed import Int, leading_one

MANTISSA_BITS = 12


def mitchell() -> Divider:
    """Return Mitchell's logarithmic divider (IRE Trans. Electron. Comput. EC-11(4), 1962).

    log2(x) ~ e + f, with x = 2^e (1 + f), and the same line back: no table, no multiplication.

    Bound  the quotient is up to 1/8 too large, never too small but for the mantissas' truncation
    Cost   two leading ones, an addition, a shift
    """
    return divider("mitchell", MANTISSA_BITS)


def quotient(num: Int, den: Int, bits: int) -> tuple[Int, Int]:
    """Return m and p of num / den ~ m 2^p, with mantissas of `bits`; num >= 0, den > 0."""
    (top, f), (below, g) = _logarithm(np.maximum(num, 1), bits), _logarithm(den, bits)
    one = 1 << bits
    difference = f - g
    borrow = difference < 0
    m = np.where(borrow, 2 * one, one) + difference
    return np.where(num > 0, m, 0), top - below - borrow - bits


def _logarithm(x: Int, bits: int) -> tuple[Int, Int]:
    """Return the leading one of x and the `bits` bits below it, cut off there."""
    e = leading_one(x)
    shift = e - bits
    mantissa = np.where(shift >= 0, x >> np.maximum(shift, 0), x << np.maximum(-shift, 0))
    return e, mantissa - (1 << bits)
