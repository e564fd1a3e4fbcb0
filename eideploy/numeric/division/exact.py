"""The rounded quotient itself, which the digital core finds bit by bit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eideploy.numeric.division.divider import Divider
from eideploy.numeric.fixed import Int, leading_one

NUMERATOR = "2^(f + 1) |NUM|"


@dataclass(frozen=True, kw_only=True, eq=False)
class Exact(Divider):
    """The quotient, which errs nowhere."""

    method = "exact"
    on_the_way = NUMERATOR

    @property
    def bound(self) -> float:
        """No error."""
        return 0.0

    def quotient(self, num: Int, den: Int, fraction: Int, bits: int) -> Int:
        """Return round(2^fraction num / den)."""
        del bits
        return rounded_quotient(num, den, fraction)

    def widest(self, num: int, fraction: int) -> int:
        """Return the numerator, with the bit that is rounded."""
        return rounded_numerator(num, fraction)

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Return zeros."""
        del num
        return np.zeros(den.shape)


def exact() -> Exact:
    """Return the divider that gives the rounded quotient itself; it needs no table.

    Cost   2 + the current's bits of subtract and shift, one after the other (targets/digital)
    """
    return Exact()


def rounded_numerator(num: int, fraction: int) -> int:
    """Return the numerator of `rounded_quotient`."""
    return num << (max(fraction, 0) + 1)


def rounded_quotient(num: Int, den: Int, fraction: Int) -> Int:
    """Return round(2^fraction num / den), ties up, for num >= 0, den > 0."""
    up, down = np.maximum(fraction, 0), np.maximum(-fraction, 0)
    numerator = num << (up + 1)
    room = np.minimum(down + 1, 62 - leading_one(den))
    beyond = down + 1 > room  # the divisor alone exceeds 2^61: the quotient rounds to zero
    divisor = den << room
    found: Int = np.where(beyond, 0, (numerator + (divisor >> 1)) // divisor)
    return found
