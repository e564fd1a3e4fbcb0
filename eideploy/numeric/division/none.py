"""No division: of networks that have no shunting inhibition."""

from eideploy.numeric.division.divider import Divider, divider


def none() -> Divider:
    """Return the method of layers whose DEN is 1, whatever they read.

    Ordinary networks, which other tools wrote, are computed like E-I circuits whose divisor is
    left out. It is exact, and no choice of a network that divides.
    """
    return divider("none")
