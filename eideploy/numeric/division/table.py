"""A table of reciprocals with leading-one normalisation and midpoint entries."""

from fractions import Fraction

from eideploy.errors import UsageError
from eideploy.numeric.division.divider import Divider, divider

BITS = range(1, 17)
FIX = "write --lut 8bit, or --lut 8x10 for 2^8 entries of 10 bits"


def lut(index_bits: int, entry_bits: int) -> Divider:
    """Return a table of 2^index_bits midpoint reciprocals of entry_bits bits each (A7).

    An entry is the reciprocal of the middle of its cell, which makes the errors at the two ends
    equal (Das Sarma and Matula, IEEE Trans. Comput. 43(8), 1994, 10.1109/12.295855). It lies in
    (1/2, 1), so its leading one is not stored.

    Bound  about 2^-(index_bits + 1) + 2^-(entry_bits + 2)
    Cost   2^index_bits entry_bits of table, one multiplication

    Raises:
        UsageError: a width outside 1..16.
    """
    check_widths({"index": index_bits, "entry": entry_bits}, where="--lut", fix=FIX)
    unit = 1 << (entry_bits + 1)
    cells = 1 << index_bits
    middles = [Fraction(2 * i + 1, 2 * cells) + 1 for i in range(cells)]
    entries = [min(unit - 1, round(unit / middle)) for middle in middles]
    return divider("lut", index_bits, entry_bits + 1, entries, stored_bits=cells * entry_bits)


def check_widths(widths: dict[str, int], *, where: str, fix: str) -> None:
    """Raise UsageError for a width outside of 1..16."""
    for what, bits in widths.items():
        if bits not in BITS:
            raise UsageError(
                f"a table with {bits} {what} bits, must be in 1..{BITS.stop - 1}",
                where=where,
                fix=fix,
            )
