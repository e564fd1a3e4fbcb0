"""A table of lines: the reciprocal, piecewise linear in the mantissa."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from eideploy.divisions.divider import Tabulated, read_only
from eideploy.divisions.table import check_widths
from eideploy.numeric.fixed import Array

FIX = "write --division pwl:4x12 for 2^4 lines whose values have 12 bits"
TRIED = range(-2, 3)  # of a line's two ends, in units of the last place


@dataclass(frozen=True, kw_only=True, eq=False)
class Lines(Tabulated):
    """A table of lines."""

    method = "pwl"
    usual_size = (4, 12)

    @classmethod
    def of_size(cls, *size: int) -> Self:
        """Return lines as `pwl` does."""
        segment_bits, entry_bits = size
        check_widths({"segment": segment_bits, "entry": entry_bits}, where="--division", fix=FIX)
        below = max(1, entry_bits - segment_bits)
        check_widths({"mantissa": segment_bits + below}, where="--division", fix=FIX)
        fraction_bits = entry_bits + 1
        cells = 1 << below
        t = np.arange(cells)
        entries, steepest = [], 0
        for s in range(1 << segment_bits):
            low = 1 + s / (1 << segment_bits)
            high = low + 1 / (1 << segment_bits)
            first = (s << below) + (1 << (segment_bits + below))
            start = first + t  # of every cell, in its units
            line, slope = _best_line(low, high, start, segment_bits + below, fraction_bits)
            entries += line.tolist()
            steepest = max(steepest, slope)
        stored = (1 << segment_bits) * (entry_bits + steepest.bit_length())
        return cls(
            index_bits=segment_bits + below,
            fraction_bits=fraction_bits,
            table=read_only(entries),
            segment_bits=segment_bits,
            stored_bits=stored,
        )

    @property
    def entries(self) -> int:
        """How many lines hardware stores."""
        return 1 << self.segment_bits

    @property
    def label(self) -> str:
        """The divider as `--division` takes it."""
        return f"{self.method} {self.segment_bits}x{self.fraction_bits - 1}"


def pwl(segment_bits: int, entry_bits: int) -> Lines:
    """Return 2^segment_bits lines; their values have entry_bits bits and an implied leading one.

        r = base[s] - ((slope[s] t) >> k),  t the k = max(1, entry_bits - segment_bits) bits below s

    Each line lies half the chord's sagitta below the chord, so that it errs as much above as below,
    and is then moved by up to two units of the last place at either end, wherever that errs less.
    What is tabulated here is r for every s and t: the arithmetic is that of a table.

    Bound  computed from the table; 0.00064 of 4x12, a third less than the chords' own error
    Cost   2^segment_bits (entry_bits + slope) bits of table, a small and a large multiplication

    Raises:
        UsageError: a width outside 1..16, or more than 16 bits of mantissa in use.
    """
    return Lines.of_size(segment_bits, entry_bits)


def _best_line(
    low: float, high: float, start: Array, index_bits: int, fraction_bits: int
) -> tuple[Array, int]:
    """Return the values of the line on low..high that errs least, and its slope."""
    unit, cells = 1 << fraction_bits, len(start)
    k, one = cells.bit_length() - 1, 1 << (index_bits + fraction_bits)
    sag = (1 / low**0.5 - 1 / high**0.5) ** 2 / 2  # half of the chord's largest height over 1/y
    first, last = unit * (1 / low - sag), unit * (1 / high - sag)
    best: tuple[int, Array, int] | None = None
    for up in TRIED:
        base = min(unit, round(first) + up)
        for tilt in TRIED:
            slope = max(0, round(first - last) + tilt)
            line = base - ((slope * np.arange(cells)) >> k)
            ends = np.abs(line * start - one), np.abs(line * (start + 1) - one)
            error = int(np.maximum(*ends).max())
            if best is None or error < best[0]:
                best = error, line, slope
    assert best is not None
    return best[1], best[2]
