"""Programs placed as the family of their target does."""

from typing import Protocol, cast

from eideploy.backends import families
from eideploy.backends.digital.program import Program
from eideploy.circuit import Circuit
from eideploy.target import Target


class Placing(Protocol):
    """A family that runs integer programs."""

    def place(self, circuit: Circuit, target: Target) -> Program:
        """Return the program of an integer circuit; refuse with CapacityError what does not fit."""

    def lay_out(self, circuit: Circuit, target: Target) -> Program:
        """Return what `place` does, whether or not it fits."""


def placed(circuit: Circuit, target: Target) -> Program:
    """Return the program of an integer circuit on a target.

    Raises:
        CapacityError: it does not fit.
    """
    return _family(target).place(circuit, target)


def laid_out(circuit: Circuit, target: Target) -> Program:
    """Return what `placed` does, whether or not it fits."""
    return _family(target).lay_out(circuit, target)


def _family(target: Target) -> Placing:
    return cast("Placing", families.named(target.backend))
