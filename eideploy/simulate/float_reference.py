"""The float executor: the circuit in float64, as docs/method.md states it (M1..M9)."""

from functools import singledispatchmethod

import numpy as np

from eideploy.circuit import LIF, Array, AvgPool, Circuit, EIReadout, Node
from eideploy.circuit.nodes import EILayer, Synapses
from eideploy.simulate.samples import maps, over_time, windows_of
from eideploy.simulate.trace import Recorder, Trace
from eideploy.simulate.walk import Walk


def run_float(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) through a float circuit.

    Raises:
        DataError: samples that do not fit the input.
    """
    recorder = Recorder(keep, circuit.steps)
    walk = _Float(circuit, recorder)
    totals = walk.run(over_time(circuit, samples).astype(np.float64), walk.apply)
    return recorder.trace(totals / circuit.steps, totals)


class _Float(Walk):
    """The rule of every node."""

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        raise NotImplementedError(type(node).__name__)

    @apply.register
    def _(self, node: EILayer, x: Array) -> Array:
        balanced, s = self._balance(node, x)
        divisor = (s * node.g_i) @ node.w_ei.T  # (M4)
        y = node.g_e * (balanced / replace_zeros(divisor)) + node.b_e  # (M5)
        return self.keep_current(node, y, divisor, 0)

    @apply.register
    def _(self, node: EIReadout, x: Array) -> Array:
        return maps(self._balance(node, x)[0], self.circuit.shapes[node.name])

    @apply.register
    def _(self, node: LIF, current: Array) -> Array:
        def step(v: Array, i: Array) -> tuple[Array, Array, int]:  # (M7)
            u = v - v / node.tau + i
            z = u >= node.threshold
            return u - node.threshold * z, z, 0

        return self.over_time(node.name, current, step).astype(np.float64)

    @apply.register
    def _(self, node: AvgPool, x: Array) -> Array:
        return np.asarray(windows_of(x, node.kernel).mean((4, 6)))

    def _balance(self, node: Synapses, x: Array) -> tuple[Array, Array]:
        """Return I_EE - I_EI and s_I as (S, B, positions, n) (M1..M3)."""
        columns = self.columns(node, x)
        w_ee, w_ie = (w.reshape(len(w), -1).astype(np.float64) for w in (node.w_ee, node.w_ie))
        s = columns @ w_ie.T
        self.keep_inhibition(node, s)
        return columns @ w_ee.T - s @ node.w_ei.astype(np.float64).T, s


def replace_zeros(divisor: Array) -> Array:
    """Return (S, B, positions, n) with every zero replaced by its sample's smallest positive entry.

    Where a sample has none, its zeros become infinity (M6).
    """
    positive = np.where(divisor > 0, divisor, np.inf)
    least = positive.min((2, 3), keepdims=True)
    return np.where(divisor == 0, least, divisor)
