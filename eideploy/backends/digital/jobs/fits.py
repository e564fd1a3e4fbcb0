"""Job: whether a network would compile for a digital target, without samples."""

from dataclasses import asdict, replace

import numpy as np

from eideploy.backends.digital.board.size import roomy, sized
from eideploy.backends.digital.place import misfits
from eideploy.backends.digital.placed import usual_form
from eideploy.backends.digital.validate.inhibition import Forms, decide
from eideploy.backends.protocol import Fit, Taken
from eideploy.circuit import Array, Circuit
from eideploy.divisions import none
from eideploy.errors import CapacityError
from eideploy.execute.observe import observe
from eideploy.recipe import Recipe, usual
from eideploy.target import Target

SAMPLES = 2  # random ones, which the ranges of a check come from


def fits(circuit: Circuit, target: Target, recipe: Recipe | None = None, *, has_core: bool) -> Fit:
    """Return every reason why a float circuit would not compile, and what it takes of the target.

    It is put in the form that it is compiled in, where no other is asked for.
    It is calibrated on random inputs: what depends on samples, widths that overflow among it, may
    come out otherwise. A target that `has_core` has one's memories and routes; on a board the
    core is cut to the network, and what it is estimated to take of the FPGA is said.
    """
    if target.board is not None:
        target = roomy(target)
    recipe = recipe or replace(usual(), inhibition=usual_form(target))
    if not any(layer.projection.divides for layer in circuit.layers):
        recipe = replace(recipe, divider=none(), zero_policy="floor", inhibition="factored")
    rng = np.random.default_rng(0)
    samples = circuit.input.high * rng.random((SAMPLES, *circuit.input.size))
    try:
        ranges = circuit.ranges or observe(circuit, samples)
        forms = Forms(circuit, recipe, target=target, ranges=ranges, samples=samples)
        folded = decide(recipe.inhibition, forms, target).folded
        integer = forms.integer(folded)
    except CapacityError as error:
        return _of([error])
    against = misfits(integer, target) if has_core else []
    if against:
        return _of(against)
    if target.board is not None:
        return _on_board(integer, target, samples)
    try:
        program = forms.program(folded)
    except CapacityError as error:
        return _of([error])
    uses = [Taken(resource=u.resource, used=u.used, offered=u.offered) for u in program.uses]
    over = [f"{u.resource}: {u.used} of {u.offered}" for u in uses if u.used > u.offered]
    fix = "choose a target with larger memories, or train a smaller network"
    return Fit(faults=over, fixes=[fix] if over else [], uses=uses)


def _on_board(circuit: Circuit, target: Target, samples: Array) -> Fit:
    assert target.board is not None
    try:
        needs = asdict(sized(circuit, target, samples).needs)
    except CapacityError as error:
        return _of([error])
    offered = asdict(target.board.resources)
    uses = [
        Taken(resource=name.replace("_", " "), used=needs[name], offered=offered[name])
        for name in needs
    ]
    return Fit(uses=uses)


def _of(errors: list[CapacityError]) -> Fit:
    return Fit(
        faults=[f"{error.where}: {error.what}" for error in errors],
        fixes=[error.fix for error in errors],
    )
