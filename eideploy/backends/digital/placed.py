"""Programs placed as the family of their target does."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends import families
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.circuit import Array, Circuit
from eideploy.options.choices import Form
from eideploy.target import Target


def placed(circuit: Circuit, target: Target, plan: Mapping[str, Any] | None = None) -> Program:
    """Return the program of an integer circuit on a target, its layers computed by a plan if any.

    Raises:
        CapacityError: it does not fit.
    """
    family = _family(target)
    program = family.place(circuit, target)
    return family.planned(program, plan) if plan else program


def usual_form(target: Target) -> Form:
    """Return the form of inhibition that a target's programs have where none is asked for."""
    return _family(target).form


def chosen(program: Program, samples: Array) -> Program:
    """Return a program whose layers are computed as takes least on samples, if that is a choice."""
    return _family(program.target).choose(program, samples)


def laid_out(circuit: Circuit, target: Target) -> Program:
    """Return what `placed` does, whether or not it fits."""
    return _family(target).lay_out(circuit, target)


def _family(target: Target) -> ProgramFamily:
    family = families.named(target.backend)
    assert isinstance(family, ProgramFamily)  # it has read the target
    return family
