"""The rounded quotient itself, which the digital core finds bit by bit."""

from eideploy.numeric.division.divider import Divider, divider


def exact() -> Divider:
    """Return the divider that gives the rounded quotient itself; it needs no table.

    Cost   2 + the current's bits of subtract and shift, one after the other (targets/digital)
    """
    return divider("exact")
