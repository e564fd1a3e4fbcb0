"""Say how every E-I layer divides."""

from eideploy.circuit import Circuit, Division, Layer
from eideploy.divisions import Divider, names
from eideploy.errors import CapacityError
from eideploy.options.choices import ZeroPolicy
from eideploy.passes.contract import contract, has_dividers, is_integer
from eideploy.target import Target, dividing

MOST_NAMED = 3  # targets, in an advice


@contract(needs=(is_integer,), gives=(has_dividers,))
def lower_division(
    circuit: Circuit, *, divider: Divider, zero_policy: ZeroPolicy, target: Target
) -> Circuit:
    """Give every E-I layer a divider and a policy for zero divisors (A6..A8).

    Keeps    NUM / DEN to a relative error of `divider.bound`, if it has one, plus half an LSB
    Changes  the division of E-I layers only; one that was there before is replaced

    Raises:
        CapacityError: the target has no such divider, or the circuit divides and the method is
            "none", or the other way round.
    """
    known = [layer.integer_current.division for layer in circuit.hidden]
    plain = any(division and not division.divider.divides for division in known)
    if plain == divider.divides:
        raise CapacityError(
            f"the network has no shunting inhibition that {divider.label} could divide by"
            if plain
            else "the network divides by its shunting inhibition, which none leaves out",
            where="--division, --lut",
            fix="leave it out" if plain else f"name one of {', '.join(names())}",
        )
    if divider.method not in target.divider:
        raise CapacityError(
            f"the target cannot divide by {divider.method}",
            where=f"target {target.name}",
            fix=f"choose one of {', '.join(sorted(target.divider.keys() & {*names()}))}"
            + _elsewhere(divider.method, target),
        )
    division = Division(divider=divider, zero_policy=zero_policy)
    return circuit.rewrite(
        Layer, lambda layer: layer if layer.is_readout else layer.divided_by(division)
    )


def _elsewhere(method: str, target: Target) -> str:
    """Return which shipped targets of the same backend divide so, as the end of an advice."""
    able = list(dividing(method, target))[:MOST_NAMED]
    return f"; {', '.join(able)} can (--target)" if able else ""
