"""The float network as docs/method.md states it (M1..M9)."""

from functools import singledispatchmethod

import numpy as np

from eideploy.backends.onnx.graph import Graph, Value
from eideploy.backends.onnx.network import Network
from eideploy.backends.onnx.operators import InGraph, Term
from eideploy.circuit import LIF, Array, EIReadout, Node
from eideploy.circuit.folded import Folded, FoldedReadout, PlainLayer
from eideploy.circuit.nodes import EILayer, Synapses


class FloatNetwork(Network):
    """The rule of every float node."""

    def read(self, x: Value) -> Value:
        """Return the samples as they are."""
        return self.graph.cast(x, self.kind)

    def finish(self, total: Value, output: str) -> None:
        """Write the logits, the mean over time (M9)."""
        g = self.graph
        g.op("Div", total, g.cast(self.duration, self.kind), to=output)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Value) -> Value:
        """Write `node` and return its output."""
        return super().apply(node, *inputs)

    @apply.register
    def _(self, node: EILayer, x: Value) -> Value:
        g = self.graph
        balanced, s = self._balance(node, x)
        gained = g.op("Mul", s, self._number(node.g_i))
        divisor = g.op("MatMul", gained, self._weights(node.w_ei.T), to="divisor")  # (M4)
        zero = self._number(0)
        other = g.op("Where", g.op("Greater", divisor, zero), divisor, self._number(np.inf))
        least = g.op("ReduceMin", other, np.array([2, 3]), to="minimum")
        safe = g.op("Where", g.op("Equal", divisor, zero), least, divisor)  # (M6)
        y = g.op("Mul", g.op("Div", balanced, safe), self._number(node.g_e))
        return self.maps(node, g.op("Add", y, self._number(node.b_e)), "output")  # (M5)

    @apply.register
    def _(self, node: PlainLayer, x: Value) -> Value:
        current = self.graph.op("Add", self._summed(node, x), self._number(node.b_e))
        return self.maps(node, current, "output")

    @apply.register
    def _(self, node: FoldedReadout, x: Value) -> Value:
        return self.maps(node, self._summed(node, x), "output")

    @apply.register
    def _(self, node: EIReadout, x: Value) -> Value:
        return self.maps(node, self._balance(node, x)[0], "output")

    @apply.register
    def _(self, node: LIF, current: Value) -> Value:
        body = Graph(f"{node.name}/step")
        do = InGraph(body, 0, self.kind)  # no float saturates
        before, current_now = (Term(body, name, self.kind) for name in ("membrane", "current"))
        v, z = node.model.step(before, current_now, do)
        return self.scan(node, current, body, v.value, do.whole(z).value)  # (M7)

    def _summed(self, node: Folded, x: Value) -> Value:
        """Return w_num x as (S, B, positions, n)."""
        weights = self._weights(node.w_num.reshape(node.n_e, -1).T)
        return self.graph.op("MatMul", self.columns(node, x), weights)

    def _balance(self, node: Synapses, x: Value) -> tuple[Value, Value]:
        """Return I_EE - I_EI and s_I as (S, B, positions, n) (M1..M3)."""
        g, columns = self.graph, self.columns(node, x)
        w_ee, w_ie = (self._weights(w.reshape(len(w), -1).T) for w in (node.w_ee, node.w_ie))
        s = g.op("MatMul", columns, w_ie, to="inhibition")
        subtracted = g.op("MatMul", s, self._weights(node.w_ei.T))
        return g.op("Sub", g.op("MatMul", columns, w_ee, to="excitation"), subtracted), s

    def _weights(self, value: Array) -> Value:
        """Return a constant; what was trained in float32 is stored as that."""
        is_single = bool((value == value.astype(np.float32)).all())
        stored = np.ascontiguousarray(value, np.float32 if is_single else self.kind)
        return self.graph.cast(self.graph.constant(stored, "weights"), self.kind)

    def _number(self, value: object) -> Array:
        return np.asarray(value, self.kind)
