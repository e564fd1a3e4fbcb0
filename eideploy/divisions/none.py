"""No division: of networks that have no shunting inhibition."""

from dataclasses import dataclass

import numpy as np

from eideploy.divisions.divider import Rtl
from eideploy.divisions.exact import Exact
from eideploy.numeric.fixed import Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Undivided(Exact):
    """The numerator itself: DEN is 1."""

    method = "none"
    aliases = ()
    divides = False
    reads_divisor = False
    rtl = Rtl(depth=6, registers=3)

    def instead(self, constant: Int) -> Int:
        """Return ones."""
        return np.ones_like(constant)


def none() -> Undivided:
    """Return the method of layers whose DEN is 1, whatever they read.

    Ordinary networks, which other tools wrote, are computed like E-I circuits whose divisor is
    left out. It is exact, and no choice of a network that divides.
    """
    return Undivided()
