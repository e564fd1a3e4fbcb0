"""The integer simulator: the definition of the arithmetic (docs/arithmetic.md, A1..A12).

Integers only, batched over samples. Every other implementation is compared with this one.
"""

from functools import singledispatchmethod

import numpy as np

from eideploy.circuit import (
    Add,
    Array,
    Circuit,
    Flatten,
    IntegerEIConv,
    IntegerEILinear,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
    Node,
    SumPool,
)
from eideploy.circuit.integer import IntegerEILayer, IntegerSynapses
from eideploy.circuit.limits import limits
from eideploy.errors import InvariantError
from eideploy.numeric.division import divide
from eideploy.numeric.fixed import exact_matmul, saturate
from eideploy.simulate.samples import maps, over_time, patches, windows_of
from eideploy.simulate.trace import Recorder, Trace


def run_integer(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) of floats through an integer circuit.

    Raises:
        DataError: samples that do not fit the input.
        InvariantError: a layer whose division was not lowered.
    """
    recorder = Recorder(keep, circuit.steps)
    rules = _Rules(circuit, recorder)
    values = {circuit.input.name: quantize_input(circuit, over_time(circuit, samples))}
    recorder.array("inputs", circuit.input.name, values[circuit.input.name])
    for node in circuit.nodes[1:]:
        values[node.name] = rules.apply(node, *(values[name] for name in node.inputs))
    out = values[circuit.output.name]
    totals = out.sum(0) * (circuit.steps // out.shape[0])  # (A12)
    step = circuit.output.logit_step if isinstance(circuit.output, IntegerReadout) else 1.0
    return recorder.trace(totals * (step / circuit.steps), totals)


def quantize_input(circuit: Circuit, x: Array) -> Array:
    """Return X = clip(round(x / step), 0, top), ties to even (A1)."""
    node = circuit.input
    if not isinstance(node, IntegerInput):
        raise InvariantError(
            "a float circuit was given to the integer simulator",
            where=f"node {node.name}", fix="quantize it first",
        )  # fmt: skip
    return np.clip(np.rint(x.astype(np.float64) / node.step), 0, node.top).astype(np.int64)


class _Rules:
    """The rule of every node; x is (T, B, ...), or (1, B, ...) where it is constant over time."""

    def __init__(self, circuit: Circuit, recorder: Recorder) -> None:
        self.circuit, self.recorder = circuit, recorder
        self.limits = limits(circuit)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        raise NotImplementedError(type(node).__name__)

    @apply.register(IntegerEIConv)
    @apply.register(IntegerEILinear)
    def _(self, node: IntegerEILayer, x: Array) -> Array:
        num, s = self._balance(node, x)
        bound = self.limits[node.name].divisor
        den = exact_matmul(s * node.gain, node.w_ei.T, bound=bound)  # (A5)
        c, saturated = divided(node, num, den)
        shape = self.circuit.shapes[node.name]
        current = maps(c + node.bias, shape)  # (A9)
        self.recorder.array("currents", node.name, current)
        self.recorder.array("divisors", node.name, maps(den, shape))
        self.recorder.count("saturated", node.name, saturated, den)
        self.recorder.count("zeros", node.name, int((den == 0).sum()), den)
        self.recorder.count("entries", node.name, den.size, den)
        return current

    @apply.register
    def _(self, node: IntegerReadout, x: Array) -> Array:
        return maps(self._balance(node, x)[0], self.circuit.shapes[node.name])

    @apply.register
    def _(self, node: IntegerLIF, current: Array) -> Array:
        threshold = node.threshold.reshape(-1, *(1,) * (current.ndim - 3))
        v = np.zeros(current.shape[1:], np.int64)
        spikes = np.zeros((self.circuit.steps, *v.shape), bool)
        membranes = np.zeros(spikes.shape, np.int64) if "membranes" in self.recorder.keep else None
        clipped = 0
        for t in range(self.circuit.steps):  # (A10)
            u, n = saturate(v - (v >> node.leak) + current[t % len(current)], node.membrane_bits)
            clipped += n
            spikes[t] = u >= threshold
            v = u - threshold * spikes[t]
            if membranes is not None:
                membranes[t] = v
        self.recorder.array("spikes", node.name, spikes)
        if membranes is not None:
            self.recorder.array("membranes", node.name, membranes)
        self.recorder.count("saturated", node.name, clipped, spikes)
        self.recorder.count("entries", node.name, spikes.size, spikes)
        return spikes.astype(np.int64)

    @apply.register
    def _(self, node: SumPool, x: Array) -> Array:
        return np.asarray(windows_of(x, node.kernel).sum((4, 6)))  # (A11)

    @apply.register
    def _(self, node: Flatten, x: Array) -> Array:
        del node
        return x.reshape(*x.shape[:2], -1)

    @apply.register
    def _(self, node: Add, x: Array, y: Array) -> Array:
        del node
        return x + y

    def _balance(self, node: IntegerSynapses, x: Array) -> tuple[Array, Array]:
        """Return NUM and s_I as (S, B, positions, n) (A2..A4)."""
        self.recorder.array("inputs", node.name, x)
        reach = self.limits[node.name]
        columns = patches(node, x)
        w_ee, w_ie = (w.reshape(len(w), -1).T for w in (node.w_ee, node.w_ie))
        p = exact_matmul(columns, w_ee, bound=reach.excitation)
        s = exact_matmul(columns, w_ie, bound=reach.inhibition)
        if "inhibition" in self.recorder.keep:
            shape = self.circuit.shapes[node.name]
            self.recorder.array("inhibition", node.name, maps(s, (node.n_i, *shape[1:])))
        subtracted = exact_matmul(s, node.w_ei.T, bound=reach.subtracted)
        return (p << node.shift_ee) - subtracted, s


def divided(node: IntegerEILayer, num: Array, den: Array) -> tuple[Array, int]:
    """Return sat(round(2^fraction NUM / DEN)) and how many saturated (A6..A8).

    Shapes   num, den: (S, B, positions, n_E)
    """
    if node.division is None:
        raise InvariantError(
            "the layer has no divider", where=f"node {node.name}", fix="run lower_division first"
        )
    zero = den == 0
    positive = (~zero).any((2, 3), keepdims=True)
    if node.division.zero_policy == "minimum":
        aligned = np.where(zero, np.iinfo(np.int64).max, den << node.align)
        replacement = aligned.min((2, 3), keepdims=True)
        fraction = node.fraction + np.where(zero, node.align, 0)
    else:
        replacement, fraction = node.floor, np.broadcast_to(node.fraction, den.shape)
    safe = np.where(zero, np.where(positive, replacement, 1), den)
    c, saturated = divide(num, safe, fraction, node.division.divider, bits=node.current_bits)
    return np.where(positive, c, 0), int(np.count_nonzero(saturated & positive))
