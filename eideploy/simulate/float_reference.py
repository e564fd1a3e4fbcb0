"""The float executor: the circuit in float64, as docs/method.md states it (M1..M9)."""

from functools import singledispatchmethod

import numpy as np

from eideploy.circuit import (
    LIF,
    Add,
    Array,
    AvgPool,
    Circuit,
    EIConv,
    EILinear,
    EIReadout,
    Flatten,
    Input,
    Node,
)
from eideploy.circuit.nodes import EILayer, Synapses
from eideploy.simulate.samples import maps, over_time, patches, windows_of
from eideploy.simulate.trace import Recorder, Trace


def run_float(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) through a float circuit.

    Raises:
        DataError: samples that do not fit the input.
    """
    recorder = Recorder(keep, circuit.steps)
    rules = _Rules(circuit, recorder)
    values = {circuit.input.name: over_time(circuit, samples).astype(np.float64)}
    for node in circuit.nodes[1:]:
        values[node.name] = rules.apply(node, *(values[name] for name in node.inputs))
    out = values[circuit.output.name]
    totals = out.sum(0) * (circuit.steps // out.shape[0])
    return recorder.trace(totals / circuit.steps, totals)


class _Rules:
    """The rule of every node; x is (T, B, ...), or (1, B, ...) where it is constant over time."""

    def __init__(self, circuit: Circuit, recorder: Recorder) -> None:
        self.circuit, self.recorder = circuit, recorder

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        raise NotImplementedError(type(node).__name__)

    @apply.register
    def _(self, node: Input) -> Array:
        raise NotImplementedError(node.name)

    @apply.register(EIConv)
    @apply.register(EILinear)
    def _(self, node: EILayer, x: Array) -> Array:
        balanced, s = self._balance(node, x)
        divisor = (s * node.g_i) @ node.w_ei.T  # (M4)
        y = node.g_e * (balanced / replace_zeros(divisor)) + node.b_e  # (M5)
        shape = self.circuit.shapes[node.name]
        current = maps(y, shape)
        self.recorder.array("currents", node.name, current)
        self.recorder.array("divisors", node.name, maps(divisor, shape))
        self.recorder.count("zeros", node.name, int((divisor == 0).sum()), divisor)
        self.recorder.count("entries", node.name, divisor.size, divisor)
        return current

    @apply.register
    def _(self, node: EIReadout, x: Array) -> Array:
        return maps(self._balance(node, x)[0], self.circuit.shapes[node.name])

    @apply.register
    def _(self, node: LIF, current: Array) -> Array:
        v = np.zeros(current.shape[1:])
        spikes = np.zeros((self.circuit.steps, *current.shape[1:]), bool)
        membranes = np.zeros(spikes.shape) if "membranes" in self.recorder.keep else None
        for t in range(self.circuit.steps):
            v = v - v / node.tau + current[t % len(current)]
            spikes[t] = v >= node.threshold
            v = v - node.threshold * spikes[t]
            if membranes is not None:
                membranes[t] = v
        self.recorder.array("spikes", node.name, spikes)
        if membranes is not None:
            self.recorder.array("membranes", node.name, membranes)
        return spikes.astype(np.float64)

    @apply.register
    def _(self, node: AvgPool, x: Array) -> Array:
        return np.asarray(windows_of(x, node.kernel).mean((4, 6)))

    @apply.register
    def _(self, node: Flatten, x: Array) -> Array:
        del node
        return x.reshape(*x.shape[:2], -1)

    @apply.register
    def _(self, node: Add, x: Array, y: Array) -> Array:
        del node
        return x + y

    def _balance(self, node: Synapses, x: Array) -> tuple[Array, Array]:
        """Return I_EE - I_EI and s_I as (S, B, positions, n) (M1..M3)."""
        self.recorder.array("inputs", node.name, x)
        columns = patches(node, x)
        w_ee, w_ie = (w.reshape(len(w), -1).astype(np.float64) for w in (node.w_ee, node.w_ie))
        s = columns @ w_ie.T
        if "inhibition" in self.recorder.keep:
            shape = self.circuit.shapes[node.name]
            self.recorder.array("inhibition", node.name, maps(s, (node.n_i, *shape[1:])))
        return columns @ w_ee.T - s @ node.w_ei.astype(np.float64).T, s


def replace_zeros(divisor: Array) -> Array:
    """Return (S, B, positions, n) with every zero replaced by its sample's smallest positive entry.

    Where a sample has none, its zeros become infinity (M6).
    """
    positive = np.where(divisor > 0, divisor, np.inf)
    least = positive.min((2, 3), keepdims=True)
    return np.where(divisor == 0, least, divisor)
