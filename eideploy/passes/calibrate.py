"""Attach what was observed on samples."""

from dataclasses import replace

from eideploy.circuit import Circuit, Ranges
from eideploy.errors import InvariantError
from eideploy.passes.contract import contract, has_ranges, is_float


@contract(needs=(is_float,), gives=(is_float, has_ranges))
def calibrate(circuit: Circuit, *, ranges: Ranges) -> Circuit:
    """Return the circuit with `ranges`.

    Keeps    every node
    Changes  the annotation only

    Raises:
        InvariantError: ranges of another circuit.
    """
    names = {node.name for node in circuit.layers}
    if names != set(ranges.layers):
        raise InvariantError(
            f"ranges of layers {sorted(ranges.layers)} for a circuit of layers {sorted(names)}",
            where="pass calibrate",
            fix="observe the circuit that is compiled",
        )
    return replace(circuit, ranges=ranges)
