"""Which layers are folded on a board, whose core depends on it."""

from dataclasses import replace
from functools import partial

from eideploy.backends.digital.board.size import Sized, sized
from eideploy.backends.digital.parameters import timed
from eideploy.backends.digital.validate.inhibition import Decision, decided
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.errors import CapacityError
from eideploy.recipe import Recipe
from eideploy.target import Target


def sized_in_form(
    circuit: Circuit,
    recipe: Recipe,
    target: Target,
    *,
    ranges: Ranges,
    samples: Array,
    lanes: int | None = None,
    latency_ms: float | None = None,
) -> tuple[Sized, Decision]:
    """Return the program of a float circuit on the core that is chosen for a board, and its form.

    "auto" is decided for the core that the spec states and for the one that the factored network
    gets, which has inhibitory lanes: of both outcomes the one of fewer cycles is taken.

    Args:
        circuit: the float circuit.
        recipe: its form of inhibition: factored, folded or auto.
        target: of a board, with room for it.
        ranges: of the calibration.
        samples: (B, ...) or (B, T, ...) of it.
        lanes: how many there are to be.
        latency_ms: of a mean inference.

    Raises:
        CapacityError: no core fits, or none that fits is fast enough.
    """
    decide = partial(decided, circuit, ranges=ranges, samples=samples)
    size = partial(sized, target=target, samples=samples, lanes=lanes, latency_ms=latency_ms)
    integer, decision = decide(recipe, target=target)
    if recipe.inhibition != "auto":
        return size(integer), decision
    factored, _ = decide(replace(recipe, inhibition="factored"), target=target)
    try:
        core = size(factored).program.target.core
    except CapacityError:  # folded it may fit
        return size(integer), decision
    beside = replace(core, inhibition=target.core.inhibition)
    own, of_own = decide(recipe, target=timed(replace(target, core=beside)))
    found = (size(own), of_own)
    try:
        return min((size(integer), decision), found, key=lambda one: one[0].cycles)
    except CapacityError:
        return found
