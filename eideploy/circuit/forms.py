"""Other forms of an E-I layer: without its inhibitory population, without its division."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from eideploy.circuit.folded import (
    FoldedConv,
    FoldedLinear,
    FoldedReadout,
    PlainConv,
    PlainLinear,
)
from eideploy.circuit.graph import Circuit
from eideploy.circuit.node import Array, Node
from eideploy.circuit.nodes import LIF, Convolution, EIConv, EILayer, EILinear, EIReadout, Synapses
from eideploy.circuit.ranges import Ranges
from eideploy.options.choices import Dialect

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


def of_dialect(circuit: Circuit, ranges: Ranges, dialect: Dialect) -> Circuit:
    """Return a float circuit as a dialect of NIR has it (docs/nir.md); an ordinary one stays."""
    if dialect == "folded":
        return circuit.rewrite(Synapses, folded)
    return without_division(circuit, ranges) if dialect == "plain" else circuit


def folded(node: Synapses) -> Node:
    """Return a float E-I layer or readout without its inhibitory population."""
    w_ei = node.w_ei.astype(np.float64)
    w_num = _signed(node)
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


def without_division(circuit: Circuit, ranges: Ranges) -> Circuit:
    """Return an ordinary network: calibrated constants stand for the divisors (A23).

    Keeps    the graph and its names; the current but for g_E num (1 / I_div - 1 / constant)
    Changes  E-I layers and readout have signed weights, and all numbers single precision, so that
             tools that compute in it start from the same ones; so has the number below every
             threshold, which NIR has to name (its neurons spike above their threshold)
    """
    nodes = tuple(_plain(node, ranges) for node in circuit.nodes)
    return replace(circuit, nodes=nodes, ranges=None)


def _plain(node: Node, ranges: Ranges) -> Node:
    own: dict[str, Any] = {"name": node.name, "inputs": node.inputs}
    match node:
        case EILayer():
            scale = node.g_e / ranges.layers[node.name].constant_divisor
            weight = _signed(node) * scale.reshape(-1, *(1,) * (node.w_ee.ndim - 1))
            own |= {"w_num": weight.astype(np.float32), "b_e": node.b_e.astype(np.float32)}
            if isinstance(node, Convolution):
                return PlainConv(**own, stride=node.stride, padding=node.padding)
            return PlainLinear(**own)
        case EIReadout():
            return FoldedReadout(**own, w_num=_signed(node).astype(np.float32))
        case LIF():
            return replace(node, threshold=_above_single(node.threshold))
    return node


def _signed(node: Synapses) -> Array:
    """Return W_EE - W_EI W_IE (A26)."""
    return np.asarray(node.w_ee - _through(node.w_ei.astype(np.float64), node.w_ie))


def _through(w_ei: Array, w_ie: Array) -> Array:
    """Return W_EI W_IE, (n_E, n_in) or (n_E, channels, k, k)."""
    return np.tensordot(w_ei, w_ie.astype(np.float64), 1)


def _above_single(threshold: float) -> float:
    """Return the number above the largest one of single precision below `threshold`."""
    below = np.float32(threshold)
    if below >= threshold:
        below = np.nextafter(below, np.float32(0))
    return float(np.nextafter(float(below), np.inf))
