"""Division by shifting: the nearest power of two, or the sum or difference of two."""

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Self

from eideploy.divisions.divider import Rtl, Tabulated, read_only

SHIFT_INDEX_BITS = 8  # mantissa bits that the shift dividers compare with their thresholds


@dataclass(frozen=True, kw_only=True, eq=False)
class Shift(Tabulated):
    """The nearest power of two."""

    method = "shift"
    rtl = Rtl(depth=6, registers=3)
    values: ClassVar[tuple[int, ...]] = (2, 1)  # that an entry may have, the largest first

    @classmethod
    def of_size(cls, *size: int) -> Self:
        """Return the divider that takes the best of `values` in every cell."""
        del size
        cells = 1 << SHIFT_INDEX_BITS
        entries = [cls._best(Fraction(i, cells), Fraction(i + 1, cells)) for i in range(cells)]
        return cls(
            index_bits=SHIFT_INDEX_BITS,
            fraction_bits=cls.values[0].bit_length() - 1,
            table=read_only(entries),
        )

    @classmethod
    def steps(cls) -> list[tuple[int, int]]:
        """Return where the table changes, as (first index, entry)."""
        table = cls.of_size().table.tolist()
        return [(i, x) for i, x in enumerate(table) if i == 0 or table[i - 1] != x]

    @classmethod
    def _best(cls, low: Fraction, high: Fraction) -> int:
        """Return the value r that errs least where a mantissa is 1 + low..1 + high."""
        unit = cls.values[0]

        def error(value: int) -> Fraction:
            r = Fraction(value, unit)
            return max(abs(r * (1 + low) - 1), abs(r * (1 + high) - 1))

        return min(cls.values, key=error)


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoShifts(Shift):
    """The nearest sum or difference of two powers of two."""

    method = "shift2"
    rtl = Rtl(depth=7, registers=3)
    values = (16, 15, 14, 12, 10, 9, 8)  # 2^-a, 2^-a +- 2^-b in sixteenths


def shift() -> Shift:
    """Return the nearest power of two: 1 or 1/2 of the leading one's, whichever errs less.

    Bound  1/3, and what deciding on 8 mantissa bits adds
    Cost   a comparison and a shift; no table, no multiplication
    """
    return Shift.of_size()


def shift2() -> TwoShifts:
    """Return the nearest of 2^-a and 2^-a +- 2^-b, down to sixteenths of the leading one's.

    Bound  1/11, and what deciding on 8 mantissa bits adds
    Cost   six comparisons, two shifts, an addition
    """
    return TwoShifts.of_size()
