"""Fold the inhibitory population of a layer into the weights that its neurons read (A26, A27)."""

from collections.abc import Collection
from typing import Any

import numpy as np

from eideploy.circuit import (
    Array,
    Circuit,
    EIConv,
    EILinear,
    EIReadout,
    FoldedConv,
    FoldedLinear,
    FoldedReadout,
    Node,
)
from eideploy.circuit.nodes import EILayer, Synapses
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
    if layers and target.core.inhibition == "factored":
        raise CapacityError(
            "the target runs no folded layers",
            where=f"target {target.name}, key core.inhibition",
            fix="compile with --inhibition factored, or for a target that runs both",
        )
    return circuit.rewrite(Synapses, lambda node: folded(node) if node.name in layers else node)


def folded(node: Synapses) -> Node:
    """Return a float E-I layer or readout without its inhibitory population."""
    w_ei = node.w_ei.astype(np.float64)
    w_num = node.w_ee - _through(w_ei, node.w_ie)
    if isinstance(node, EIReadout):
        return FoldedReadout(name=node.name, inputs=node.inputs, w_num=w_num)
    assert isinstance(node, EILayer)
    own: dict[str, Any] = {
        "name": node.name,
        "inputs": node.inputs,
        "w_num": w_num,
        "w_den": _through(w_ei * node.g_i, node.w_ie),
        "g_e": node.g_e,
        "b_e": node.b_e,
    }
    if isinstance(node, EIConv):
        return FoldedConv(**own, stride=node.stride, padding=node.padding)
    assert isinstance(node, EILinear)
    return FoldedLinear(**own)


def _through(w_ei: Array, w_ie: Array) -> Array:
    """Return W_EI W_IE, (n_E, n_in) or (n_E, channels, k, k)."""
    return np.tensordot(w_ei, w_ie.astype(np.float64), 1)
