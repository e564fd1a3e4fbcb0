"""Fold the inhibitory population of a layer into the weights that its neurons read (A26, A27)."""

from collections.abc import Collection

from eideploy.circuit import Circuit, Layer
from eideploy.circuit.forms import folded
from eideploy.errors import CapacityError
from eideploy.passes.contract import contract, is_float
from eideploy.target import Target


@contract(needs=(is_float,), gives=(is_float,))
def fold(circuit: Circuit, *, layers: Collection[str], target: Target) -> Circuit:
    """Return the circuit with the E-I layers and readout called `layers` folded.

    Keeps    numerator and denominator as real numbers, whatever the input; fan-in and windows
    Changes  these layers; a weight of the numerator may become negative

    Raises:
        CapacityError: the target runs factored layers only.
    """
    if layers and not target.core.runs_folded:
        raise CapacityError(
            "the target runs no folded layers",
            where=f"target {target.name}, key core.inhibition",
            fix="compile with --inhibition factored, or for a target that runs both",
        )
    return circuit.rewrite(Layer, lambda node: folded(node) if node.name in layers else node)
