"""A table of reciprocals with leading-one normalisation and midpoint entries."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from eideploy.divisions.divider import WIDTHS, Rtl, Tabulated, read_only
from eideploy.errors import UsageError

FIX = "write --lut 8bit, or --lut 8x10 for 2^8 entries of 10 bits"


@dataclass(frozen=True, kw_only=True, eq=False)
class Lut(Tabulated):
    """A table of reciprocals."""

    method = "lut"
    usual_size = (8, 8)
    rtl = Rtl(depth=7, registers=5, has_table=True)

    @classmethod
    def of_size(cls, *size: int) -> Self:
        """Return a table of midpoint reciprocals, as `lut` does."""
        index_bits, entry_bits = size
        check_widths({"index": index_bits, "entry": entry_bits}, where="--lut", fix=FIX)
        unit = 1 << (entry_bits + 1)
        cells = 1 << index_bits
        middles = [Fraction(2 * i + 1, 2 * cells) + 1 for i in range(cells)]
        entries = [min(unit - 1, round(unit / middle)) for middle in middles]
        return cls(
            index_bits=index_bits,
            fraction_bits=entry_bits + 1,
            table=read_only(entries),
            stored_bits=cells * entry_bits,
        )

    @property
    def entries(self) -> int:
        """How many reciprocals hardware stores."""
        return self.table.size

    @property
    def label(self) -> str:
        """The divider as `--division` takes it."""
        return f"{self.method} {self.index_bits}x{self.fraction_bits - 1}"


def lut(index_bits: int, entry_bits: int) -> Lut:
    """Return a table of 2^index_bits midpoint reciprocals of entry_bits bits each (A7).

    An entry is the reciprocal of the middle of its cell, which makes the errors at the two ends
    equal (Das Sarma and Matula, IEEE Trans. Comput. 43(8), 1994, 10.1109/12.295855). It lies in
    (1/2, 1), so its leading one is not stored.

    Bound  about 2^-(index_bits + 1) + 2^-(entry_bits + 2)
    Cost   2^index_bits entry_bits of table, one multiplication

    Raises:
        UsageError: a width outside 1..16.
    """
    return Lut.of_size(index_bits, entry_bits)


def check_widths(widths: dict[str, int], *, where: str, fix: str) -> None:
    """Raise UsageError for a width outside of 1..16."""
    for what, bits in widths.items():
        if bits not in WIDTHS:
            raise UsageError(
                f"a table with {bits} {what} bits, must be in 1..{WIDTHS.stop - 1}",
                where=where,
                fix=fix,
            )
