"""The passes in order."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from eideploy.circuit import Circuit, Ranges
from eideploy.passes.calibrate import calibrate
from eideploy.passes.check_widths import check_widths
from eideploy.passes.fold import fold
from eideploy.passes.lower_division import lower_division
from eideploy.passes.quantize import quantize
from eideploy.recipe import Recipe
from eideploy.target import Target


@dataclass(frozen=True, kw_only=True)
class Step:
    """A pass with its options bound."""

    name: str
    run: Callable[[Circuit], Circuit]


def steps(
    recipe: Recipe, *, target: Target, ranges: Ranges, folded: Collection[str]
) -> tuple[Step, ...]:
    """Return the passes that change a circuit; `folded` names the layers to fold."""
    divider, policy, widths = recipe.divider, recipe.zero_policy, target.widths
    return (
        Step(name="calibrate", run=lambda c: calibrate(c, ranges=ranges)),
        Step(name="fold", run=lambda c: fold(c, layers=folded, target=target)),
        Step(name="quantize", run=lambda c: quantize(c, scheme=recipe.scheme, widths=widths)),
        Step(
            name="lower_division",
            run=lambda c: lower_division(c, divider=divider, zero_policy=policy, target=target),
        ),
        Step(name="check_widths", run=lambda c: check_widths(c, widths=widths)),
    )


def to_integers(
    circuit: Circuit,
    recipe: Recipe,
    *,
    target: Target,
    ranges: Ranges,
    folded: Collection[str] = (),
) -> Circuit:
    """Return a float circuit in the integers that the target takes."""
    for step in steps(recipe, target=target, ranges=ranges, folded=folded):
        circuit = step.run(circuit)
    return circuit
