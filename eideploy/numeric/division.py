"""Division by the inhibitory current: dividers, their bounds, and the one rounding (A7, A8).

A divider approximates 1 / y of the divisor's mantissa y = DEN / 2^e in [1, 2), e its leading one,
by r(y) = table[i] / 2^fraction_bits, where i are the `index_bits` bits below the leading one.
Tables, shifts and pairs of shifts differ in what the table may hold, not in the arithmetic.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np

from eideploy.errors import UsageError
from eideploy.numeric.fixed import Array, Int, leading_one, top

Method = Literal["exact", "lut", "shift", "shift2"]
METHODS: tuple[Method, ...] = ("exact", "lut", "shift", "shift2")
LUT_BITS = range(1, 17)
SHIFT_INDEX_BITS = 8  # mantissa bits that the shift dividers compare with their thresholds
TWO_SHIFTS = (16, 15, 14, 12, 10, 9, 8)  # 2^-a, 2^-a +- 2^-b in sixteenths


@dataclass(frozen=True, kw_only=True, eq=False)
class Divider:
    """A method of division.

    index_bits     n, bits of the mantissa that select an entry; 0 for "exact"
    fraction_bits  m, an entry is a reciprocal in units of 2^-m; 0 for "exact"
    table          (2^n,) in [2^(m-1), 2^m], read-only; empty for "exact"
    """

    method: Method
    index_bits: int
    fraction_bits: int
    table: Array

    @property
    def bound(self) -> float:
        """Supremum of |r(y) y - 1| over all divisors: the relative error before c is rounded."""
        cells = [Fraction(i, 1 << self.index_bits) + 1 for i in range(self.table.size + 1)]
        error = Fraction(0)
        for entry, (low, high) in zip(self.table.tolist(), pairwise(cells), strict=True):
            r = Fraction(entry, 1 << self.fraction_bits)
            error = max(error, abs(r * low - 1), abs(r * high - 1))
        return float(error)

    @property
    def stored_bits(self) -> int:
        """Size of the table as stored; the leading one of a "lut" entry is implied."""
        return self.table.size * (self.fraction_bits - 1) if self.method == "lut" else 0

    @property
    def label(self) -> str:
        """The divider as the command line names it."""
        return (
            f"lut {self.index_bits}x{self.fraction_bits - 1}"
            if self.method == "lut"
            else self.method
        )


def exact() -> Divider:
    """Return the divider that gives the rounded quotient itself."""
    return _divider("exact", 0, 0, [])


def lut(index_bits: int, entry_bits: int) -> Divider:
    """Return a table of 2^index_bits midpoint reciprocals of entry_bits bits each (A7).

    An entry is the reciprocal of the middle of its cell, which makes the errors at the two ends
    equal (Das Sarma and Matula 1994). It lies in (1/2, 1), so its leading one is not stored.

    Raises:
        UsageError: a width outside 1..16.
    """
    for bits, what in ((index_bits, "index"), (entry_bits, "entry")):
        if bits not in LUT_BITS:
            raise UsageError(
                f"a table with {bits} {what} bits, must be in 1..{LUT_BITS.stop - 1}",
                where="--lut",
                fix="write --lut 8bit, or --lut 8x10 for 2^8 entries of 10 bits",
            )
    unit = 1 << (entry_bits + 1)
    cells = 1 << index_bits
    middles = [Fraction(2 * i + 1, 2 * cells) + 1 for i in range(cells)]
    entries = [min(unit - 1, round(unit / middle)) for middle in middles]
    return _divider("lut", index_bits, entry_bits + 1, entries)


def shift() -> Divider:
    """Return the nearest power of two: 1 or 1/2 of the leading one's, whichever errs less."""
    return _steps("shift", [2, 1], fraction_bits=1)


def shift2() -> Divider:
    """Return the nearest of 2^-a and 2^-a +- 2^-b, down to sixteenths of the leading one's."""
    return _steps("shift2", TWO_SHIFTS, fraction_bits=4)


def parse_lut(text: str) -> Divider:
    """Return the table that `--lut` names: "8bit" for 2^8 entries of 8 bits, "8x10" for 2^8 of 10.

    Raises:
        UsageError: neither form, or a width outside 1..16.
    """
    match = re.fullmatch(r"(\d{1,4})(?:bits?|x(\d{1,4}))", text.strip().lower())
    if match is None:
        raise UsageError(
            f"{text!r} names no table",
            where="--lut",
            fix="write --lut 8bit, or --lut 8x10 for 2^8 entries of 10 bits",
        )
    index, entry = match.groups()
    return lut(int(index), int(entry or index))


def named(method: str) -> Divider:
    """Return the divider called `method`; "lut" is the one of 8 by 8 bits.

    Raises:
        UsageError: no such method.
    """
    known = {"exact": exact, "lut": lambda: lut(8, 8), "shift": shift, "shift2": shift2}
    if method not in known:
        raise UsageError(
            f"no division is called {method!r}",
            where="--division",
            fix=f"choose one of {', '.join(METHODS)}",
        )
    return known[method]()


def divide(num: Int, den: Int, fraction: Int, divider: Divider, *, bits: int) -> tuple[Int, Int]:
    """Return c = round(2^fraction NUM / DEN), saturated to `bits`, and which entries were (A8).

    Rounding is to nearest, ties away from zero, once, on the magnitude. With a table 1 / DEN is
    r(y) / 2^e, without one it is exact.

    Shapes   num, den, fraction: broadcast together; den > 0
    Units    num, den: integers below 2^62 with |num| 2^max(0, fraction + 1) < 2^62 ("exact") and
             |num| 2^fraction_bits < 2^62 (others)
    """
    magnitude = np.abs(num)
    if divider.method == "exact":
        up, down = np.maximum(fraction, 0), np.maximum(-fraction, 0)
        numerator = magnitude << (up + 1)
        room = np.minimum(down + 1, 62 - leading_one(den))
        beyond = down + 1 > room  # the divisor alone exceeds 2^61: the quotient rounds to zero
        divisor = den << room
        rounded = (numerator + (divisor >> 1)) // divisor
        rounded = np.where(beyond, 0, rounded)
    else:
        exponent = leading_one(den)
        below = exponent - divider.index_bits
        index = np.where(below >= 0, den >> np.maximum(below, 0), den << np.maximum(-below, 0))
        entry = divider.table[index & (divider.table.size - 1)]
        product = magnitude * entry
        rounded = _scale(product, fraction - exponent - divider.fraction_bits, bits)
    limit = top(bits)
    saturated = rounded > limit
    return np.where(saturated, limit, rounded) * np.sign(num), saturated


def _scale(x: Int, power: Int, bits: int) -> Int:
    """Return x 2^power for x >= 0, rounded to nearest (ties up), clipped to 2^bits."""
    left, right = np.clip(power, 0, bits), np.clip(-power, 0, 63)
    up = np.where(x > ((1 << bits) >> left), 1 << bits, x << left)
    half = np.where(right > 0, np.int64(1) << np.maximum(right - 1, 0), 0)
    return np.where(right > 0, (x + half) >> right, up)


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
    return _divider(method, SHIFT_INDEX_BITS, fraction_bits, entries)


def _divider(
    method: Method, index_bits: int, fraction_bits: int, entries: Sequence[int]
) -> Divider:
    table = np.array(entries, dtype=np.int64)
    table.flags.writeable = False
    return Divider(method=method, index_bits=index_bits, fraction_bits=fraction_bits, table=table)
