"""What a division errs by on given integers, beside the bound that it states."""

import numpy as np
from numpy.typing import NDArray

from eideploy.numeric.division.divider import Divider
from eideploy.numeric.division.mitchell import quotient
from eideploy.numeric.division.operation import reciprocal
from eideploy.numeric.fixed import Int


def relative_error(num: Int, den: Int, divider: Divider) -> NDArray[np.float64]:
    """Return quotient / (NUM / DEN) - 1 before the quotient is rounded (A8).

    Its magnitude is at most `divider.bound`. A constant has no such error: it stands for any DEN.

    Shapes   num, den: (n,), num > 0, den > 0
    """
    if divider.method == "mitchell":
        m, power = quotient(num, den, divider.index_bits)
        approximate = np.ldexp(m.astype(np.float64), power.astype(np.intc))
        return np.asarray(approximate / (num / den) - 1)
    if not divider.table.size:
        return np.zeros(den.shape)
    entry, exponent = reciprocal(den, divider)
    mantissa = np.ldexp(den.astype(np.float64), -exponent.astype(np.intc))
    return np.asarray(entry * mantissa / 2.0**divider.fraction_bits - 1)
