"""Which layers are folded on a board, whose core depends on it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import cache

from eideploy.backends.digital.board.size import Sized, best, cores
from eideploy.backends.digital.parameters import timed
from eideploy.backends.digital.validate.inhibition import Decision, Forms, decide
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.errors import CapacityError
from eideploy.options.choices import Form
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
    gets, which has inhibitory lanes. Both outcomes are tried, and all layers in either form, which
    may fit where these do not.

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
    forms = Forms(circuit, recipe, target=target, ranges=ranges, samples=samples)

    @cache
    def sized(folded: tuple[str, ...]) -> list[Sized]:
        return list(cores(forms.integer(folded), target, samples, lanes))

    decisions = dict[tuple[str, ...], Decision]()
    for decision in _decisions(recipe.inhibition, forms, sized):
        decisions.setdefault(decision.folded, decision)
    chosen = best([one for folded in decisions for one in sized(folded)], target, latency_ms)
    return chosen, next(decisions[folded] for folded in decisions if chosen in sized(folded))


def _decisions(
    form: Form, forms: Forms, sized: Callable[[tuple[str, ...]], list[Sized]]
) -> Iterator[Decision]:
    """Yield what is tried."""
    target = forms.target
    decision = decide(form, forms, target)
    if form == "auto" and target.core.runs_folded:
        factored = sized(())
        with suppress(CapacityError):  # folded it may fit
            core = best(factored, target).program.target.core
            beside = replace(core, inhibition=target.core.inhibition)
            yield decide(form, forms, timed(replace(target, core=beside)))
        yield from (replace(decision, folded=folded) for folded in ((), forms.names))
    yield decision
