"""What every method of division has in common (A7, A8).

A method is a class of its own, which divides, bounds its error and says what divides in place of
DEN. An executor that does not know the class of a method refuses it: none falls back on another's.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eideploy.numeric.fixed import Array, Int, leading_one, scaled


def read_only(entries: Sequence[int]) -> Array:
    """Return the entries of a table."""
    table = np.array(entries, dtype=np.int64)
    table.flags.writeable = False
    return table


@dataclass(frozen=True, kw_only=True, eq=False)
class Divider(ABC):
    """A method of division.

    index_bits     n, bits of the mantissa that select an entry; of "mitchell", bits that are kept
    fraction_bits  m, an entry is a reciprocal in units of 2^-m
    table          (2^n,) in [2^(m-1), 2^m], read-only; empty where nothing is tabulated
    segment_bits   2^this lines stand for the table of a "pwl"
    stored_bits    size of what hardware stores
    """

    method: ClassVar[str]
    on_the_way: ClassVar[str]  # what the widest number of a division is
    reads_divisor: ClassVar[bool] = True  # DEN is looked at, and zeros among it are replaced

    index_bits: int = 0
    fraction_bits: int = 0
    table: Array = field(default_factory=lambda: read_only(()))
    segment_bits: int = 0
    stored_bits: int = 0

    @property
    @abstractmethod
    def bound(self) -> float | None:
        """Supremum of the relative error before c is rounded; None where there is no bound."""

    @abstractmethod
    def quotient(self, num: Int, den: Int, fraction: Int, bits: int) -> Int:
        """Return 2^fraction num / den, rounded to nearest, ties up; 2^bits or more where it is.

        Shapes   num, den, fraction: broadcast together; num >= 0, den > 0
        """

    @abstractmethod
    def widest(self, num: int, fraction: int) -> int:
        """Return the largest number on the way to the quotient of |NUM| <= num: `on_the_way`."""

    @abstractmethod
    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return quotient / (num / den) - 1 before the quotient is rounded (A8).

        Its magnitude is at most `bound`.

        Shapes   num, den: (n,), num > 0, den > 0
        """

    def instead(self, constant: Int) -> Int | None:
        """Return what divides whatever DEN is, (n_E,); None where DEN does.

        Shapes   constant: (n_E,), K of (A23)
        """
        del constant
        return None

    @property
    def entries(self) -> int:
        """How many entries hardware stores: reciprocals, or lines."""
        return 0

    @property
    def label(self) -> str:
        """The divider as `--division` takes it."""
        return self.method


@dataclass(frozen=True, kw_only=True, eq=False)
class Tabulated(Divider):
    """A method that takes 1 / y of the mantissa y = DEN / 2^e in [1, 2) from a table (A7).

    r(y) = table[i] / 2^fraction_bits, e DEN's leading one and i the `index_bits` bits below it.
    Tables, lines and shifts differ in what the table may hold, not in the arithmetic.
    """

    on_the_way = "|NUM| r, a product"

    @property
    def bound(self) -> float:
        """Supremum of |r(y) y - 1|, attained at an end of a cell."""
        one = 1 << (self.index_bits + self.fraction_bits)
        low = (1 << self.index_bits) + np.arange(self.table.size)
        error = np.maximum(np.abs(self.table * low - one), np.abs(self.table * (low + 1) - one))
        return int(error.max()) / one

    def quotient(self, num: Int, den: Int, fraction: Int, bits: int) -> Int:
        """Return round(2^fraction num r(y) / 2^e)."""
        entry, exponent = self.reciprocal(den)
        return scaled(num * entry, fraction - exponent - self.fraction_bits, bits)

    def widest(self, num: int, fraction: int) -> int:
        """Return the product with an entry."""
        del fraction
        return num * int(self.table.max())

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return r(y) y - 1."""
        del num
        entry, exponent = self.reciprocal(den)
        mantissa = np.ldexp(den.astype(np.float64), -exponent.astype(np.intc))
        return np.asarray(entry * mantissa / 2.0**self.fraction_bits - 1)

    def reciprocal(self, den: Int) -> tuple[Int, Int]:
        """Return the entry r and e of 1 / DEN ~ r 2^-fraction_bits / 2^e, for den > 0."""
        exponent = leading_one(den)
        below = exponent - self.index_bits
        index = den >> np.maximum(below, 0) << np.maximum(-below, 0)
        return self.table[index & (self.table.size - 1)], exponent
