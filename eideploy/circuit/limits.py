"""What every accumulator can reach, proven from the weights and the input range."""

from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from eideploy.circuit.folded import IntegerFolded, IntegerFoldedLayer
from eideploy.circuit.graph import Circuit
from eideploy.circuit.integer import (
    IntegerEILayer,
    IntegerInput,
    IntegerLIF,
    Integers,
    IntegerSynapses,
    SumPool,
)
from eideploy.circuit.node import Node
from eideploy.circuit.nodes import Add, Flatten
from eideploy.numeric.fixed import exact_matmul, signed_bits, unsigned_bits


@dataclass(frozen=True, kw_only=True)
class LayerLimits:
    """The reach of one layer's accumulators; every limit is attained by some input (A13).

    excitation   largest W_EE X; of a folded layer, the sum of a row's positive terms
    inhibition   largest s_I = W_IE X; in a readout, of its sum over the time steps; 0 if folded
    gained       largest gain * s_I; 0 if folded
    low, high    NUM, over all neurons and at any moment of its accumulation
    subtracted   largest W_EI s_I; of a folded layer, the sum of a row's negative terms
    divisor      largest DEN; 0 in a readout
    total_low, total_high  the sum of NUM over the time steps (readout), else low and high
    """

    excitation: int
    inhibition: int
    gained: int
    low: int
    high: int
    subtracted: int
    divisor: int
    total_low: int
    total_high: int

    @property
    def accumulator_bits(self) -> int:
        """Signed width that holds NUM, or a readout's sum of it."""
        return signed_bits(self.total_low, self.total_high)

    @property
    def inhibition_bits(self) -> int:
        """Unsigned width that holds s_I."""
        return unsigned_bits(self.inhibition)

    @property
    def divisor_bits(self) -> int:
        """Unsigned width that holds DEN."""
        return unsigned_bits(self.divisor)


def peaks(circuit: Circuit) -> dict[str, int]:
    """Return the largest value that every node with a non-negative output can put out."""
    found: dict[str, int] = {}
    for node in circuit.nodes:
        found[node.name] = _peak(node, *(found[name] for name in node.inputs))
    return found


def limits(circuit: Circuit) -> dict[str, LayerLimits]:
    """Return the limits of every integer E-I layer and readout."""
    top = peaks(circuit)
    layers = circuit.of(Integers)
    return {n.name: layer_limits(n, top[n.inputs[0]], circuit.steps) for n in layers}


def layer_limits(node: Integers, peak: int, steps: int) -> LayerLimits:
    """Return the limits of one layer whose inputs lie in 0..peak."""
    if isinstance(node, IntegerFolded):
        return _folded_limits(node, peak, steps)
    assert isinstance(node, IntegerSynapses)
    return _factored_limits(node, peak, steps)


def _folded_limits(node: IntegerFolded, peak: int, steps: int) -> LayerLimits:
    """Return the sums of a row's positive (negative) terms, which NUM may reach at some moment."""
    rows = node.w_num.reshape(node.n_e, -1)
    high = int(np.maximum(rows, 0).sum(1).max()) * peak
    low = int(np.minimum(rows, 0).sum(1).min()) * peak
    divisor, times = 0, steps  # a readout adds up all steps
    if isinstance(node, IntegerFoldedLayer):
        divisor = int(node.w_den.reshape(node.n_e, -1).sum(1).max()) * peak
        times = 1
    return LayerLimits(
        excitation=high,
        inhibition=0,
        gained=0,
        low=low,
        high=high,
        subtracted=-low,
        divisor=divisor,
        total_low=low * times,
        total_high=high * times,
    )


def _factored_limits(node: IntegerSynapses, peak: int, steps: int) -> LayerLimits:
    """Return the limits of a layer with an inhibitory population.

    NUM is linear in the input, so its extremes are sums of the positive (negative) coefficients.
    Excitation is accumulated before inhibition is subtracted: the highest moment is the largest
    W_EE X, shifted, and NUM itself is the lowest.
    """
    ee = node.w_ee.reshape(node.n_e, -1)
    ie = node.w_ie.reshape(node.n_i, -1)
    s = ie.sum(1) * peak
    p = ee.sum(1) * peak
    folded = exact_matmul(node.w_ei, ie, bound=int(node.w_ei.sum(1).max()) * int(ie.max()))
    net = (ee << node.shift_ee[:, None]) - folded
    low = int(np.minimum(net, 0).sum(1).min()) * peak
    high = int((p << node.shift_ee).max())
    gained, divisor, times = 0, 0, steps  # a readout adds up all steps
    if isinstance(node, IntegerEILayer):
        gained = int((node.gain * s).max())
        divisor = int((node.w_ei @ (node.gain * s)).max())
        times = 1
    return LayerLimits(
        excitation=int(p.max()),
        inhibition=int(s.max()) * times,
        gained=gained,
        low=low,
        high=high,
        subtracted=int((node.w_ei @ s).max()),
        divisor=divisor,
        total_low=low * times,
        total_high=high * times,
    )


@singledispatch
def _peak(node: Node, *inputs: int) -> int:
    """Return 0: the output is a signed current, or of no interest."""
    del node, inputs
    return 0


@_peak.register
def _(node: IntegerInput) -> int:
    return node.top


@_peak.register
def _(node: IntegerLIF, x: int) -> int:
    del node, x
    return 1


@_peak.register
def _(node: SumPool, x: int) -> int:
    return x * node.kernel**2


@_peak.register
def _(node: Flatten, x: int) -> int:
    del node
    return x


@_peak.register
def _(node: Add, x: int, y: int) -> int:
    del node
    return x + y
