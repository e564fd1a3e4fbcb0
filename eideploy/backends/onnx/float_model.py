"""The float network as docs/method.md states it (M1..M9)."""

from functools import singledispatchmethod

import numpy as np

from eideploy.backends.onnx.graph import Value
from eideploy.backends.onnx.network import Network
from eideploy.backends.onnx.operators import InGraph, Term
from eideploy.circuit import Array, FloatCurrent, Folded, Layer, Neurons, Node


class FloatNetwork(Network):
    """The rule of every float node."""

    def read(self, x: Value) -> Value:
        """Return the samples as they are."""
        return self.graph.cast(x, self.kind)

    def finish(self, total: Value, output: str) -> None:
        """Write the logits, the mean over time (M9) unless they are one of the membranes (M26)."""
        g = self.graph
        if self.is_mean:
            g.op("Div", total, g.cast(self.duration, self.kind), to=output)
        else:
            g.op("Identity", total, to=output)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Value) -> Value:
        """Write `node` and return its output."""
        return super().apply(node, *inputs)

    @apply.register
    def _apply_layer(self, node: Layer, x: Value) -> Value:
        g, current = self.graph, node.current
        y, divisor = self._balance(node, x)
        if not isinstance(current, FloatCurrent):
            return self.maps(node, y, "output")
        if divisor:
            y = g.op("Mul", self._divided(y, divisor), self._number(current.g_e))
        return self.maps(node, g.op("Add", y, self._number(current.b_e)), "output")  # (M5)

    @apply.register
    def _apply_neurons(self, node: Neurons, current: Value) -> Value:
        body = self.body(node)
        axes = len(self.circuit.shapes[node.name]) - 1
        do, model = InGraph(body, 0, self.kind, axes=axes), node.float_model  # no float saturates
        before, now = (Term(body, name, self.kind) for name in ("membrane", "current"))
        states = {}
        if model.has_synapse:
            now = model.filtered(Term(body, "synapse", self.kind), now, do)  # (M21)
            states["synapse"] = now.value
        v, z = model.step(before, now, do)
        states = {"membrane": v.value, **states}
        current = self.over_all_steps(self.circuit.node(node.inputs[0]), current)
        return self.scan(node, current, body, states, do.whole(z).value)  # (M7, M22..M24)

    def _divided(self, balanced: Value, divisor: Value) -> Value:
        g, zero = self.graph, self._number(0)
        other = g.op("Where", g.op("Greater", divisor, zero), divisor, self._number(np.inf))
        least = g.op("ReduceMin", other, np.array([2, 3]), to="minimum")
        safe = g.op("Where", g.op("Equal", divisor, zero), least, divisor)  # (M6)
        return g.op("Div", balanced, safe)

    def _balance(self, node: Layer, x: Value) -> tuple[Value, Value]:
        """Return I_EE - I_EI and I_div as (S, B, positions, n_E) (M1..M4); "" for no I_div."""
        g, w = self.graph, node.projection
        if isinstance(w, Folded):
            weights = [self._weights(m.reshape(len(m), -1).T) for m in w.weights]
            columns = self.columns(node, x)
            num, *den = (g.op("MatMul", columns, m) for m in weights)
            return num, den[0] if den else ""
        columns = self.columns(node, x)
        w_ee, w_ie = (self._weights(m.reshape(len(m), -1).T) for m in w.weights)
        s = g.op("MatMul", columns, w_ie, to="inhibition")
        subtracted = g.op("MatMul", s, self._weights(w.w_ei.T))
        balanced = g.op("Sub", g.op("MatMul", columns, w_ee, to="excitation"), subtracted)
        if w.g_i is None:
            return balanced, ""
        gained = g.op("Mul", s, self._number(w.g_i))
        return balanced, g.op("MatMul", gained, self._weights(w.w_ei.T), to="divisor")

    def _weights(self, value: Array) -> Value:
        """Return a constant; what was trained in float32 is stored as that."""
        is_single = bool((value == value.astype(np.float32)).all())
        stored = np.ascontiguousarray(value, np.float32 if is_single else self.kind)
        return self.graph.cast(self.graph.constant(stored, "weights"), self.kind)

    def _number(self, value: object) -> Array:
        return np.asarray(value, self.kind)
