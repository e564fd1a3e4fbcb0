"""Programs placed as the family of their target does."""

from eideploy.backends import families
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.circuit import Circuit
from eideploy.target import Target


def placed(circuit: Circuit, target: Target) -> Program:
    """Return the program of an integer circuit on a target.

    Raises:
        CapacityError: it does not fit.
    """
    return _family(target).place(circuit, target)


def laid_out(circuit: Circuit, target: Target) -> Program:
    """Return what `placed` does, whether or not it fits."""
    return _family(target).lay_out(circuit, target)


def _family(target: Target) -> ProgramFamily:
    family = families.named(target.backend)
    assert isinstance(family, ProgramFamily)  # it has read the target
    return family
