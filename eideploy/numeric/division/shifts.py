"""Division by shifting: the nearest power of two, or the sum or difference of two."""

from collections.abc import Sequence
from fractions import Fraction

from eideploy.numeric.division.divider import Divider, Method, divider

SHIFT_INDEX_BITS = 8  # mantissa bits that the shift dividers compare with their thresholds
TWO_SHIFTS = (16, 15, 14, 12, 10, 9, 8)  # 2^-a, 2^-a +- 2^-b in sixteenths


def shift() -> Divider:
    """Return the nearest power of two: 1 or 1/2 of the leading one's, whichever errs less.

    Bound  1/3, and what deciding on 8 mantissa bits adds
    Cost   a comparison and a shift; no table, no multiplication
    """
    return _steps("shift", [2, 1], fraction_bits=1)


def shift2() -> Divider:
    """Return the nearest of 2^-a and 2^-a +- 2^-b, down to sixteenths of the leading one's.

    Bound  1/11, and what deciding on 8 mantissa bits adds
    Cost   six comparisons, two shifts, an addition
    """
    return _steps("shift2", TWO_SHIFTS, fraction_bits=4)


def _steps(method: Method, values: Sequence[int], *, fraction_bits: int) -> Divider:
    """Return a divider that takes the best of `values` / 2^fraction_bits in every cell."""
    cells = 1 << SHIFT_INDEX_BITS
    unit = 1 << fraction_bits
    entries = []
    for i in range(cells):
        low, high = Fraction(i, cells) + 1, Fraction(i + 1, cells) + 1
        errors = {
            v: max(abs(Fraction(v, unit) * low - 1), abs(Fraction(v, unit) * high - 1))
            for v in values
        }
        entries.append(min(values, key=errors.__getitem__))
    return divider(method, SHIFT_INDEX_BITS, fraction_bits, entries)
