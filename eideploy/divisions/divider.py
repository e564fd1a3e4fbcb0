"""What every method of division has in common (A7, A8).

A method is a class, and all that is known of it stands there: its name, its quotient in plain
integers and in operators, its bound, its widest number, and what the core's RTL has of it. What a
class does not say is refused; nothing falls back on another method.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from eideploy.numeric import plain
from eideploy.numeric.fixed import Array, Int
from eideploy.numeric.operators import Numbers, Operators, leading

WIDTHS = range(1, 17)  # bits that a size may name


def read_only(entries: Sequence[int]) -> Array:
    """Return the entries of a table."""
    table = np.array(entries, dtype=np.int64)
    table.flags.writeable = False
    return table


@dataclass(frozen=True, kw_only=True)
class Rtl:
    """What the shipped SystemVerilog (targets/digital/rtl) has of a method.

    depth      cycles from a neuron's issue to its membrane
    registers  how many cycles more, on a core that is pipelined for a higher clock
    is_serial  one cycle more for every bit of the current, and one division at a time
    has_table  the table is loaded into a memory of the core
    """

    depth: int
    registers: int
    is_serial: bool = False
    has_table: bool = False


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
    aliases: ClassVar[tuple[str, ...]] = ()  # other names on the command line
    usual_size: ClassVar[tuple[int, ...]] = ()  # of a method with sizes, as in "lut:8x8"
    on_the_way: ClassVar[str]  # what the widest number of a division is
    divides: ClassVar[bool] = True  # it is a choice of networks that divide
    reads_divisor: ClassVar[bool] = True  # DEN is looked at, and zeros among it are replaced
    rtl: ClassVar[Rtl | None] = None

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
    def scalar(self, num: int, den: int, fraction: int) -> int:
        """Return 2^fraction num / den, rounded to nearest, ties up, of num >= 0 and den > 0.

        In plain integers: this is what the method computes. `quotient` is compared with it.
        """

    @abstractmethod
    def quotient(self, num: Numbers, den: Numbers, fraction: Numbers, do: Operators) -> Numbers:
        """Return what `scalar` does, in the operators of `do`; too wide where it saturates.

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

    @classmethod
    def of_size(cls, *size: int) -> Self:
        """Return the divider of a size, of as many numbers as `usual_size`."""
        del size
        return cls()

    @classmethod
    def parse(cls, size: str) -> Self | None:
        """Return the divider of what is written behind its name, "" or e.g. "8x10".

        None where that is not a size.
        """
        if not size:
            return cls.of_size(*cls.usual_size)
        if not re.fullmatch(r"\d{1,4}(x\d{1,4})*", size):
            return None
        numbers = [int(number) for number in size.split("x")]
        fits = len(numbers) == len(cls.usual_size) and all(number in WIDTHS for number in numbers)
        return cls.of_size(*numbers) if fits else None

    @classmethod
    def steps(cls) -> list[tuple[int, int]]:
        """Return what the core compares a mantissa with: (first index, entry) of every step."""
        return [(0, 1)]

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

    def scalar(self, num: int, den: int, fraction: int) -> int:
        """Return round(2^fraction num r(y) / 2^e)."""
        e, i = plain.leading(den, self.index_bits)
        return plain.ratio(num * int(self.table[i]), 1, fraction - e - self.fraction_bits)

    def quotient(self, num: Numbers, den: Numbers, fraction: Numbers, do: Operators) -> Numbers:
        """Return round(2^fraction num r(y) / 2^e)."""
        exponent, index = do.leading(den, self.index_bits)
        entry = do.take(self.table, index)
        return do.scaled(num * entry, fraction - exponent - self.fraction_bits)

    def widest(self, num: int, fraction: int) -> int:
        """Return the product with an entry."""
        del fraction
        return num * int(self.table.max())

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return r(y) y - 1."""
        del num
        exponent, index = leading(den, self.index_bits)
        mantissa = np.ldexp(den.astype(np.float64), -exponent.astype(np.intc))
        return np.asarray(self.table[index] * mantissa / 2.0**self.fraction_bits - 1)
