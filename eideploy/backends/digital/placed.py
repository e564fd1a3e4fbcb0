"""Programs placed as the family of their target does."""

from collections.abc import Callable, Mapping
from typing import Any

from eideploy.backends import families
from eideploy.backends.digital.program import Plan, Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.circuit import Circuit
from eideploy.execute.trace import Trace
from eideploy.options.choices import Form
from eideploy.target import Target


def placed(circuit: Circuit, target: Target, plan: Plan | None = None) -> Program:
    """Return the program of an integer circuit on a target, its layers computed by a plan if any.

    Raises:
        CapacityError: it does not fit.
    """
    return fitting(laid_out(circuit, target, plan))


def laid_out(circuit: Circuit, target: Target, plan: Plan | None = None) -> Program:
    """Return what `placed` does, whether or not it fits."""
    return _family(target).lay_out(circuit, target, plan)


def fitting(program: Program) -> Program:
    """Return a program that fits its target.

    Raises:
        CapacityError: it does not.
    """
    _family(program.target).require_fit(program)
    return program


def usual_form(target: Target) -> Form:
    """Return the form of inhibition that a target's programs have where none is asked for."""
    return _family(target).form


def chosen(program: Program, run: Callable[[Circuit], Trace]) -> Program:
    """Return a program whose layers are computed as takes least, if that is a choice.

    Args:
        program: by no plan.
        run: returns what a circuit does with the samples of the calibration.
    """
    return _family(program.target).choose(program, run)


def plan_of(
    content: Mapping[str, Any], circuit: Circuit, target: Target, where: str
) -> Plan | None:
    """Return the plan of a circuit's layers that a manifest, `where`, says, if any.

    Raises:
        FormatError: malformed, or of other layers.
    """
    return _family(target).read_plan(content, circuit, where)


def _family(target: Target) -> ProgramFamily:
    family = families.named(target.backend)
    assert isinstance(family, ProgramFamily)  # it has read the target
    return family
