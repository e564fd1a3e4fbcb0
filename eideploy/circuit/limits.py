"""What every accumulator can reach, proven from the weights and the input range.

Sums are Python's integers: a proof that wraps at 64 bits would bless what wraps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import singledispatch

import numpy as np

from eideploy.circuit.current import Logits
from eideploy.circuit.graph import Circuit
from eideploy.circuit.integrator import Kept
from eideploy.circuit.layer import Layer
from eideploy.circuit.node import Array, Node
from eideploy.circuit.nodes import Add, AvgPool, Flatten, IntegerInput, Neurons
from eideploy.circuit.projection import Factored, Folded
from eideploy.errors import CapacityError
from eideploy.numeric.fixed import (
    WIDEST,
    exact_matmul,
    left_shifted,
    row_sums,
    signed_bits,
    unsigned_bits,
)


@dataclass(frozen=True, kw_only=True)
class LayerLimits:
    """The reach of one layer's accumulators; every limit is attained by some input (A13).

    excitation   largest W_EE X; of a folded layer, the sum of a row's positive terms
    inhibition   largest s_I = W_IE X; in a readout, of its sum over the time steps, unless its
                 integrator takes NUM of every step; 0 if folded
    gained       largest gain * s_I; 0 if folded
    low, high    NUM, over all neurons and at any moment of its accumulation
    subtracted   largest W_EI s_I; of a folded layer, the sum of a row's negative terms
    divisor      largest DEN; 0 in a readout
    total_low, total_high  the sum of NUM over the time steps (readout), else low and high; with an
                 integrator, what is read of its states over time, and these themselves
    state_low, state_high  the states of an integrator; 0 without one
    product      largest product of such a state and its leak; 0 where none is made
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
    state_low: int = 0
    state_high: int = 0
    product: int = 0

    @property
    def bits(self) -> dict[str, int]:
        """The widths below, by what they hold."""
        return {
            "accumulators": self.accumulator_bits,
            "inhibitory sums": self.inhibition_bits,
            "divisors": self.divisor_bits,
            "products with leaks": signed_bits(-self.product, self.product),
        }

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Reach:
    """What `LayerLimits` says of a layer, neuron by neuron; in Python's integers, of any width.

    excitation, low, high, subtracted, divisor  (n_E,)
    inhibition, gained  (n_I,), of one step; empty if folded
    times  steps that a readout adds up; 1 of a layer
    logits  of a readout
    """

    excitation: Array
    inhibition: Array
    gained: Array
    low: Array
    high: Array
    subtracted: Array
    divisor: Array
    times: int
    logits: Logits | None = None

    @property
    def limits(self) -> LayerLimits:
        """The layer's limits, those of all its neurons."""
        sums, integrates = self.kept, self.logits and self.logits.integrator
        return LayerLimits(
            excitation=self.excitation.max(),
            inhibition=self.inhibition.max(initial=0) * (1 if integrates else self.times),
            gained=self.gained.max(initial=0),
            low=self.low.min(),
            high=self.high.max(),
            subtracted=self.subtracted.max(),
            divisor=self.divisor.max(),
            total_low=sums.total_low.min(),
            total_high=sums.total_high.max(),
            state_low=sums.state_low.min(),
            state_high=sums.state_high.max(),
            product=sums.product.max(),
        )

    @property
    def kept(self) -> Kept:
        """What every neuron keeps over the steps."""
        return (self.logits or Logits()).reach(self.low, self.high, self.times)

    @property
    def numerator(self) -> Array:
        """The largest |NUM| of every neuron, (n_E,)."""
        return np.maximum(-self.low, self.high)


def peaks(circuit: Circuit) -> dict[str, int]:
    """Return the largest value that every node with a non-negative output can put out."""
    tops = {node.name: node.model.most_spikes for node in circuit.of(Neurons)}  # read late, too
    for node in circuit.nodes:
        tops[node.name] = _peak(node, *(tops[name] for name in node.inputs))
    return tops


def input_peak(node: Node, peaks: Mapping[str, int]) -> int:
    """Return the largest value that a node reads, of what others can put out at most."""
    return max(peaks[name] for name in node.inputs)


def limits(circuit: Circuit) -> dict[str, LayerLimits]:
    """Return the limits of every integer E-I layer and readout."""
    return {name: reach.limits for name, reach in reaches(circuit).items()}


def require_held(circuit: Circuit, bits: int, *, by: str) -> dict[str, LayerLimits]:
    """Return the limits of every layer, none of which takes more than `bits`.

    Raises:
        CapacityError: naming every sum that takes more, and `by` what it is to be held.
    """
    by_layer = limits(circuit)
    faults = [
        f"{name}: {what} reach {n} bits, {bits} offered by {by}"
        for name, reach in by_layer.items()
        for what, n in reach.bits.items()
        if n > bits
    ]
    faults += too_high(circuit, bits, by=by)
    if faults:
        raise CapacityError(
            "; ".join(faults),
            where="circuit",
            fix="choose a scheme with fewer bits, or a network that adds up fewer branches",
        )
    return by_layer


def too_high(circuit: Circuit, bits: int, *, by: str) -> list[str]:
    """Return that a node puts out what `bits` do not hold, of the first that does, if any."""
    return [
        f"{name}: values reach {n} bits, {bits} offered by {by}"
        for name, peak in peaks(circuit).items()
        if (n := unsigned_bits(peak)) > bits
    ][:1]


def reaches(circuit: Circuit) -> dict[str, Reach]:
    """Return what every neuron of every integer E-I layer and readout can reach."""
    top = peaks(circuit)
    return {n.name: layer_reach(n, input_peak(n, top), circuit.steps) for n in circuit.layers}


def layer_reach(layer: Layer, peak: int, steps: int) -> Reach:
    """Return the reach of one layer whose inputs lie in 0..peak."""
    match layer.current:
        case Logits() as logits:
            return replace(projection_reach(layer.projection, peak, steps), logits=logits)
    return projection_reach(layer.projection, peak, 1)


def projection_reach(w: Factored | Folded, peak: int, times: int) -> Reach:
    """Return the reach of weights whose inputs lie in 0..peak, their sums added up `times`."""
    return (
        _folded_reach(w, peak, times) if isinstance(w, Folded) else _factored_reach(w, peak, times)
    )


def _folded_reach(w: Folded, peak: int, times: int) -> Reach:
    """Return the sums of a row's positive (negative) terms, which NUM may reach at some moment."""
    n_e, none = len(w.w_num), np.zeros(0, object)
    rows = w.w_num.reshape(n_e, -1)
    high, low = (row_sums(part) * peak for part in (np.maximum(rows, 0), np.minimum(rows, 0)))
    divisor = np.zeros(n_e, object)
    if w.w_den is not None:
        divisor = row_sums(w.w_den.reshape(n_e, -1)) * peak
    return Reach(
        excitation=high,
        inhibition=none,
        gained=none,
        low=low,
        high=high,
        subtracted=-low,
        divisor=divisor,
        times=times,
    )


def _factored_reach(w: Factored, peak: int, times: int) -> Reach:
    """Return the reach of a layer with an inhibitory population.

    NUM is linear in the input, so its extremes are sums of the positive (negative) coefficients.
    Excitation is accumulated before inhibition is subtracted: the highest moment is the largest
    W_EE X, shifted, and NUM itself is the lowest.
    """
    ee, ie = (weights.reshape(len(weights), -1) for weights in w.weights)
    s, p = row_sums(ie) * peak, row_sums(ee) * peak
    bound = row_sums(w.w_ei).max() * int(ie.max())
    net = left_shifted(ee, w.shift[:, None]) - exact_matmul(w.w_ei, ie, bound=bound)
    gained, divisor = np.zeros(0, object), np.zeros(len(ee), object)
    if w.g_i is not None:
        gained = w.g_i.astype(object) * s
        divisor = _through(w.w_ei, gained)
    return Reach(
        excitation=p,
        inhibition=s,
        gained=gained,
        low=row_sums(np.minimum(net, 0)) * peak,
        high=p << w.shift.astype(object),
        subtracted=_through(w.w_ei, s),
        divisor=divisor,
        times=times,
    )


def _through(w_ei: Array, s: Array) -> Array:
    """Return W_EI s, (n_E,), of Python's integers s >= 0."""
    if int(w_ei.max()) * sum(s) <= WIDEST:
        return np.asarray((w_ei @ s.astype(np.int64)).astype(object))
    return np.asarray(w_ei.astype(object) @ s)


@singledispatch
def _peak(node: Node, *inputs: int) -> int:
    """Return 0: the output is a signed current, or of no interest."""
    del node, inputs
    return 0


@_peak.register
def _peak_integer_input(node: IntegerInput) -> int:
    return node.top


@_peak.register
def _peak_neurons(node: Neurons, x: int) -> int:
    del x
    return node.model.most_spikes


@_peak.register
def _peak_avg_pool(node: AvgPool, x: int) -> int:
    return x * node.kernel**2


@_peak.register
def _peak_flatten(node: Flatten, x: int) -> int:
    del node
    return x


@_peak.register
def _peak_add(node: Add, x: int, y: int) -> int:
    del node
    return x + y
