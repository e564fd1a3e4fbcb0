"""The rounded quotient itself, which the digital core finds bit by bit."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from eideploy.divisions.divider import Divider, Rtl
from eideploy.numeric import plain
from eideploy.numeric.fixed import Int
from eideploy.numeric.operators import Numbers, Operators


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact(Divider):
    """The quotient, which errs nowhere."""

    method = "exact"
    aliases: ClassVar[tuple[str, ...]] = ("iterative",)  # how the digital core finds the same
    on_the_way = "2^(f + 1) |NUM|"
    rtl: ClassVar[Rtl | None] = Rtl(depth=5, registers=2, is_serial=True)

    @property
    def bound(self) -> float | None:
        """No error."""
        return 0.0

    def scalar(self, num: int, den: int, fraction: int) -> int:
        """Return round(2^fraction num / den)."""
        return plain.ratio(num, den, fraction)

    def quotient(self, num: Numbers, den: Numbers, fraction: Numbers, do: Operators) -> Numbers:
        """Return round(2^fraction num / den)."""
        return do.ratio(num, den, fraction)

    def widest(self, num: int, fraction: int) -> int:
        """Return the numerator, with the bit that is rounded."""
        return num << (max(fraction, 0) + 1)

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return zeros."""
        del num
        return np.zeros(den.shape)


def exact() -> Exact:
    """Return the divider that gives the rounded quotient itself; it needs no table.

    Cost   2 + the current's bits of subtract and shift, one after the other (targets/digital)
    """
    return Exact()
