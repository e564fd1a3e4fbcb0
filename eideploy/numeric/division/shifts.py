"""Division by shifting: the nearest power of two, or the sum or difference of two."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from eideploy.numeric.division.divider import Tabulated, read_only

SHIFT_INDEX_BITS = 8  # mantissa bits that the shift dividers compare with their thresholds
TWO_SHIFTS = (16, 15, 14, 12, 10, 9, 8)  # 2^-a, 2^-a +- 2^-b in sixteenths


@dataclass(frozen=True, kw_only=True, eq=False)
class Shift(Tabulated):
    """The nearest power of two."""

    method = "shift"


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoShifts(Tabulated):
    """The nearest sum or difference of two powers of two."""

    method = "shift2"


Kind = TypeVar("Kind", bound=Tabulated)


def shift() -> Shift:
    """Return the nearest power of two: 1 or 1/2 of the leading one's, whichever errs less.

    Bound  1/3, and what deciding on 8 mantissa bits adds
    Cost   a comparison and a shift; no table, no multiplication
    """
    return _steps(Shift, [2, 1], fraction_bits=1)


def shift2() -> TwoShifts:
    """Return the nearest of 2^-a and 2^-a +- 2^-b, down to sixteenths of the leading one's.

    Bound  1/11, and what deciding on 8 mantissa bits adds
    Cost   six comparisons, two shifts, an addition
    """
    return _steps(TwoShifts, TWO_SHIFTS, fraction_bits=4)


def _steps(kind: type[Kind], values: Sequence[int], *, fraction_bits: int) -> Kind:
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
    return kind(index_bits=SHIFT_INDEX_BITS, fraction_bits=fraction_bits, table=read_only(entries))
