"""The division of integers by any method, rounded once (A8)."""

import numpy as np

from eideploy.numeric.division.divider import Divider
from eideploy.numeric.division.mitchell import quotient
from eideploy.numeric.fixed import Array, Int, leading_one, top

HALVES = np.array([0, *(1 << n for n in range(63))], np.int64)  # half of 2^n, floored


def divide(num: Int, den: Int, fraction: Int, divider: Divider, *, bits: int) -> tuple[Int, Array]:
    """Return c = round(2^fraction NUM / DEN), saturated to `bits`, and which entries were (A8).

    Rounding is to nearest, ties away from zero, once, on the magnitude. With a table 1 / DEN is
    r(y) / 2^e, by Mitchell's method NUM / DEN is m 2^p, else the quotient is exact.

    Shapes   num, den, fraction: broadcast together; den > 0
    Units    num, den: integers below 2^62 with |num| 2^max(0, fraction + 1) < 2^62 (exact) and
             |num| 2^fraction_bits < 2^62 (tabulated)
    """
    magnitude = np.abs(num)
    if divider.method == "mitchell":
        m, power = quotient(magnitude, den, divider.index_bits)
        rounded = _scale(m, fraction + power, bits)
    elif divider.table.size:
        entry, exponent = reciprocal(den, divider)
        product = magnitude * entry
        rounded = _scale(product, fraction - exponent - divider.fraction_bits, bits)
    else:
        rounded = _quotient(magnitude, den, fraction)
    limit = top(bits)
    saturated = rounded > limit
    return np.minimum(rounded, limit) * np.sign(num), saturated


def reciprocal(den: Int, divider: Divider) -> tuple[Int, Int]:
    """Return the table's entry r and e of 1 / DEN ~ r 2^-fraction_bits / 2^e, for den > 0 (A7)."""
    exponent = leading_one(den)
    below = exponent - divider.index_bits
    index = den >> np.maximum(below, 0) << np.maximum(-below, 0)
    return divider.table[index & (divider.table.size - 1)], exponent


def _quotient(num: Int, den: Int, fraction: Int) -> Int:
    """Return round(2^fraction num / den), ties up."""
    up, down = np.maximum(fraction, 0), np.maximum(-fraction, 0)
    numerator = num << (up + 1)
    room = np.minimum(down + 1, 62 - leading_one(den))
    beyond = down + 1 > room  # the divisor alone exceeds 2^61: the quotient rounds to zero
    divisor = den << room
    found: Int = np.where(beyond, 0, (numerator + (divisor >> 1)) // divisor)
    return found


def _scale(x: Int, power: Int, bits: int) -> Int:
    """Return x 2^power for x >= 0, rounded to nearest (ties up); 2^bits or more where it is."""
    right = np.clip(-power, 0, 63)
    down: Int = (x + HALVES[right]) >> right
    if not np.any(power > 0):
        return down
    left = np.clip(power, 0, bits)
    up = np.where(x > ((1 << bits) >> left), 1 << bits, x << left)
    return np.where(power > 0, up, down)
