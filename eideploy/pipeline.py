"""The passes in order."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from eideploy.circuit import Circuit, Ranges
from eideploy.divisions import Divider
from eideploy.options.choices import ZeroPolicy
from eideploy.passes.calibrate import calibrate
from eideploy.passes.check_widths import check_widths
from eideploy.passes.fold import fold
from eideploy.passes.lower_division import lower_division
from eideploy.passes.place import laid_out, place
from eideploy.passes.quantize import quantize
from eideploy.program import Program
from eideploy.scheme import Scheme
from eideploy.target import Target


@dataclass(frozen=True, kw_only=True)
class Step:
    """A pass with its options bound."""

    name: str
    run: Callable[[Circuit], Circuit]


def to_integers(
    target: Target, scheme: Scheme, ranges: Ranges, folded: Collection[str]
) -> tuple[Step, ...]:
    """Return the passes that do not depend on the division; `folded` names the layers to fold."""
    return (
        Step(name="calibrate", run=lambda c: calibrate(c, ranges=ranges)),
        Step(name="fold", run=lambda c: fold(c, layers=folded, target=target)),
        Step(name="quantize", run=lambda c: quantize(c, scheme=scheme, widths=target.widths)),
    )


def to_core(target: Target, divider: Divider, zero_policy: ZeroPolicy) -> tuple[Step, ...]:
    """Return the passes that fit an integer circuit to the target."""
    return (
        Step(
            name="lower_division",
            run=lambda c: lower_division(
                c, divider=divider, zero_policy=zero_policy, target=target
            ),
        ),
        Step(name="check_widths", run=lambda c: check_widths(c, widths=target.widths)),
    )


def run(circuit: Circuit, steps: tuple[Step, ...]) -> Circuit:
    """Return the circuit after all `steps`."""
    for step in steps:
        circuit = step.run(circuit)
    return circuit


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
    steps = to_integers(target, scheme, ranges, folded) + to_core(target, divider, zero_policy)
    return place(run(circuit, steps), target=target)


def laid_out_circuit(
    circuit: Circuit,
    *,
    target: Target,
    scheme: Scheme,
    ranges: Ranges,
    divider: Divider,
    zero_policy: ZeroPolicy,
) -> Program:
    """Return what `compile_circuit` does with no layer folded, whether or not it fits."""
    steps = to_integers(target, scheme, ranges, ()) + to_core(target, divider, zero_policy)
    return laid_out(run(circuit, steps), target)
