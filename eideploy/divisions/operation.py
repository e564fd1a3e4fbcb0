"""The division of integers by any method, rounded once (A8)."""

import numpy as np

from eideploy.divisions.divider import Divider
from eideploy.numeric.fixed import Array, Int, top
from eideploy.numeric.operators import InArrays


def divide(num: Int, den: Int, fraction: Int, divider: Divider, *, bits: int) -> tuple[Int, Array]:
    """Return c = round(2^fraction NUM / DEN), saturated to `bits`, and which entries were (A8).

    Rounding is to nearest, ties away from zero, once, on the magnitude. With a table 1 / DEN is
    r(y) / 2^e, by Mitchell's method NUM / DEN is m 2^p, else the quotient is exact.

    Shapes   num, den, fraction: broadcast together; den > 0
    Units    num, den: integers below 2^62 with |num| 2^max(0, fraction + 1) < 2^62 (exact) and
             |num| 2^fraction_bits < 2^62 (tabulated)
    """
    rounded: Int = divider.quotient(np.abs(num), den, fraction, InArrays(bits))
    limit = top(bits)
    saturated = rounded > limit
    return np.minimum(rounded, limit) * np.sign(num), saturated
