"""What every method of division has in common (A7, A8).

Most approximate 1 / y of the divisor's mantissa y = DEN / 2^e in [1, 2), e its leading one, by
r(y) = table[i] / 2^fraction_bits, where i are the `index_bits` bits below the leading one. Tables,
lines and shifts differ in what the table may hold, not in the arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from eideploy.numeric.fixed import Array

Method = Literal["exact", "lut", "pwl", "shift", "shift2", "mitchell", "constant", "none"]
METHODS: tuple[Method, ...] = (
    "exact", "lut", "pwl", "shift", "shift2", "mitchell", "constant", "none",
)  # fmt: skip
TABULATED: frozenset[str] = frozenset({"lut", "pwl", "shift", "shift2"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Divider:
    """A method of division.

    index_bits     n, bits of the mantissa that select an entry; of "mitchell", bits that are kept
    fraction_bits  m, an entry is a reciprocal in units of 2^-m
    table          (2^n,) in [2^(m-1), 2^m], read-only; empty where nothing is tabulated
    segment_bits   2^this lines stand for the table of a "pwl"
    stored_bits    size of what hardware stores
    """

    method: Method
    index_bits: int
    fraction_bits: int
    table: Array
    segment_bits: int = 0
    stored_bits: int = 0

    @property
    def bound(self) -> float | None:
        """Supremum of the relative error before c is rounded; None where there is no bound.

        Of a tabulated method |r(y) y - 1|, attained at an end of a cell; "mitchell" errs by at most
        1/8 and its truncation; a constant may err by any factor.
        """
        if self.method == "constant":
            return None
        if self.method == "mitchell":
            return 1 / 8 + 4 * 2.0**-self.index_bits
        if not self.table.size:
            return 0.0
        one = 1 << (self.index_bits + self.fraction_bits)
        low = (1 << self.index_bits) + np.arange(self.table.size)
        error = np.maximum(np.abs(self.table * low - one), np.abs(self.table * (low + 1) - one))
        return int(error.max()) / one

    @property
    def entries(self) -> int:
        """How many entries hardware stores: reciprocals, or lines."""
        return {"lut": self.table.size, "pwl": 1 << self.segment_bits}.get(self.method, 0)

    @property
    def label(self) -> str:
        """The divider as `--division` takes it."""
        sizes = {"lut": self.index_bits, "pwl": self.segment_bits}
        if self.method in sizes:
            return f"{self.method} {sizes[self.method]}x{self.fraction_bits - 1}"
        return self.method


def divider(
    method: Method,
    index_bits: int = 0,
    fraction_bits: int = 0,
    entries: Sequence[int] = (),
    **others: int,
) -> Divider:
    """Return a divider with a read-only table."""
    table = np.array(entries, dtype=np.int64)
    table.flags.writeable = False
    return Divider(
        method=method, index_bits=index_bits, fraction_bits=fraction_bits, table=table, **others
    )
