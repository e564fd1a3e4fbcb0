"""All passes, and the place on the core."""

from collections.abc import Collection

from eideploy.backends.digital.place import place
from eideploy.backends.digital.program import Program
from eideploy.circuit import Circuit, Ranges
from eideploy.divisions import Divider
from eideploy.options.choices import ZeroPolicy
from eideploy.pipeline import to_integers
from eideploy.recipe import Recipe
from eideploy.scheme import Scheme
from eideploy.target import Target


def compile_circuit(
    circuit: Circuit,
    *,
    target: Target,
    scheme: Scheme,
    ranges: Ranges,
    divider: Divider,
    zero_policy: ZeroPolicy,
    folded: Collection[str] = (),
) -> Program:
    """Return the program of a float circuit: all passes, in order; `folded` names layers."""
    recipe = Recipe(scheme=scheme, divider=divider, zero_policy=zero_policy)
    integer = to_integers(circuit, recipe, target=target, ranges=ranges, folded=folded)
    return place(integer, target=target)
