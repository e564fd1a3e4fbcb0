"""Other forms of an E-I layer: without its inhibitory population, without its division."""

from dataclasses import replace

import numpy as np

from eideploy.circuit.current import FloatCurrent
from eideploy.circuit.graph import Circuit
from eideploy.circuit.layer import Layer
from eideploy.circuit.node import Array, Node
from eideploy.circuit.nodes import Neurons
from eideploy.circuit.projection import Factored, Folded
from eideploy.circuit.ranges import Ranges
from eideploy.neurons import GeneralLIF, PerNeuron


def folded(layer: Layer) -> Layer:
    """Return a float layer without its inhibitory population, if it has one."""
    w = layer.projection
    if isinstance(w, Folded):
        return layer
    w_den = None if w.g_i is None else _through(w.w_ei.astype(np.float64) * w.g_i, w.w_ie)
    return replace(layer, projection=Folded(w_num=_signed(w), w_den=w_den))


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
    match node:
        case Layer(projection=Factored() as w, current=FloatCurrent() as current):
            scale = current.g_e / ranges.layers[node.name].constant_divisor
            weight = _signed(w) * scale.reshape(-1, *(1,) * (w.w_ee.ndim - 1))
            return replace(
                node,
                projection=Folded(w_num=weight.astype(np.float32)),
                current=FloatCurrent(g_e=np.ones(node.n_e), b_e=current.b_e.astype(np.float32)),
            )
        case Layer(projection=Factored() as w):
            return replace(node, projection=Folded(w_num=_signed(w).astype(np.float32)))
        case Neurons(model=GeneralLIF(fires=">")):
            return node
        case Neurons():
            above = _above_single(node.float_model.threshold)
            model = replace(node.float_model, threshold=above)  # type: ignore[call-arg]
            return replace(node, model=model)
    return node


def _signed(w: Factored) -> Array:
    """Return W_EE - W_EI W_IE (A26)."""
    return np.asarray(w.w_ee - _through(w.w_ei.astype(np.float64), w.w_ie))


def _through(w_ei: Array, w_ie: Array) -> Array:
    """Return W_EI W_IE, (n_E, n_in) or (n_E, channels, k, k)."""
    return np.tensordot(w_ei, w_ie.astype(np.float64), 1)


def _above_single(threshold: PerNeuron) -> PerNeuron:
    """Return the number above the largest one of single precision below `threshold`."""
    near = np.asarray(threshold, np.float32)
    below = np.where(near >= threshold, np.nextafter(near, np.float32(0)), near)
    above = np.nextafter(below.astype(np.float64), np.inf)
    return np.asarray(above) if above.ndim else float(above)
