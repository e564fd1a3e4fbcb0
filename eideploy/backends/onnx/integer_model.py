"""The integer program in integer operators: bit for bit the integer simulator (A1..A12)."""

from functools import singledispatchmethod
from typing import Any

import numpy as np

from eideploy.backends.onnx.division import divided
from eideploy.backends.onnx.graph import WIDE, Graph, Value
from eideploy.backends.onnx.network import Network
from eideploy.backends.onnx.operators import InGraph, Term
from eideploy.backends.onnx.words import words_of
from eideploy.circuit import Array, Circuit, Factored, Folded, IntegerInput, Layer, Neurons, Node
from eideploy.circuit.limits import limits, peaks
from eideploy.errors import InvariantError

LEVELS, TOTALS = "levels", "totals"
BYTE, WORD = 1 << 8, 1 << 31


class IntegerNetwork(Network):
    """The rule of every integer node."""

    def __init__(self, circuit: Circuit) -> None:
        words, _ = words_of(circuit)
        super().__init__(circuit, words.kind, words)
        self.limits, self.peaks = limits(circuit), peaks(circuit)

    def read(self, x: Value) -> Value:
        """Return X = clip(round(x / step), 0, top), ties to even: all floats of the model (A1)."""
        g, node = self.graph, self.circuit.input
        if not isinstance(node, IntegerInput):
            raise InvariantError(
                "a float circuit was given to the integer model",
                where=f"node {node.name}",
                fix="quantize it first",
            )
        if g.words is WIDE:
            return g.cast(_levels(g, g.cast(x, np.float64), node, np.float64), self.kind, to=LEVELS)
        near = g.cast(_levels(g, x, node, np.float32), self.kind)  # a tie may go to either side
        least = least_inputs(node)
        is_above = g.op(
            "GreaterOrEqual", x, g.op("Gather", np.append(least[1:], np.float32(np.inf)), near)
        )
        is_below = g.op("Less", x, g.op("Gather", least, near))
        near = g.op("Add", near, g.cast(is_above, self.kind))
        return g.op("Sub", near, g.cast(is_below, self.kind), to=LEVELS)

    def finish(self, total: Value, output: str) -> None:
        """Write the totals, of which docs/arithmetic.md says the logits (A12)."""
        self.graph.op("Identity", total, to=output)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Value) -> Value:
        """Write `node` and return its output."""
        return super().apply(node, *inputs)

    @apply.register
    def _apply_layer(self, node: Layer, x: Value) -> Value:
        g, w = self.graph, node.projection
        num, den = self._folded(node, w, x) if isinstance(w, Folded) else self._factored(node, w, x)
        if node.is_readout:
            return self.maps(node, num, "output")
        c = divided(g, node, num, den)
        bias = g.whole(node.integer_current.bias)
        return self.maps(node, g.op("Add", c, bias), "output")  # (A9)

    @apply.register
    def _apply_neurons(self, node: Neurons, current: Value) -> Value:
        body = self.body(node)
        axes = len(self.circuit.shapes[node.name]) - 1
        model, now, states = node.integer_model, Term(body, "current"), {}
        do = InGraph(body, model.membrane_bits, axes=axes)
        if model.has_synapse:
            now, _ = model.filtered(Term(body, "synapse"), now, do)  # (A33)
            states["synapse"] = now.value
        v, z, _ = model.step(Term(body, "membrane"), now, do)
        states = {"membrane": v.value, **states}
        current = self.over_all_steps(self.circuit.node(node.inputs[0]), current)
        return self.scan(node, current, body, states, do.whole(z).value)  # (A10, A34..A36)

    def _folded(self, node: Layer, w: Folded, x: Value) -> tuple[Value, Value]:
        """Return NUM and DEN as (S, B, positions, n); of a readout NUM, twice (A26, A27).

        The numerator's positive and negative weights are multiplied apart, so that both are bytes.
        """
        g, reach, columns = self.graph, self.limits[node.name], self._columns(node, x)
        num, *den = (m.reshape(node.n_e, -1).T for m in w.weights)
        parts = [
            ("positive", np.maximum(num, 0), reach.excitation),
            ("negative", np.maximum(-num, 0), reach.subtracted),
            *(("divisor", m, reach.divisor) for m in den),
        ]
        peak = self._peak(node)
        plus, minus, *others = (
            self._product(columns, m, peak=peak, bound=bound, to=to) for to, m, bound in parts
        )
        difference = g.op("Sub", plus, minus, to="num")
        return difference, others[0] if others else difference

    def _peak(self, node: Layer) -> int:
        """Return the largest value that a layer may read."""
        return max(self.peaks[name] for name in node.inputs)

    def _columns(self, node: Layer, x: Value) -> Value:
        narrow = self.graph.cast(x, np.uint8 if self._peak(node) < BYTE else self.kind)
        return self.columns(node, narrow)

    def _factored(self, node: Layer, w: Factored, x: Value) -> tuple[Value, Value]:
        """Return NUM and DEN as (S, B, positions, n); of a readout NUM, twice (A2..A5)."""
        g, reach, peak = self.graph, self.limits[node.name], self._peak(node)
        w_ee, w_ie = (m.reshape(len(m), -1).T for m in w.weights)
        columns = self._columns(node, x)
        p = self._product(columns, w_ee, peak=peak, bound=reach.excitation, to="excitation")
        s = self._product(columns, w_ie, peak=peak, bound=reach.inhibition, to="inhibition")
        subtracted = self._product(
            s, w.w_ei.T, peak=reach.inhibition, bound=reach.subtracted, to="subtracted"
        )
        shifted = g.op("Mul", p, g.whole(1 << w.shift))
        num = g.op("Sub", shifted, subtracted, to="num")
        if w.g_i is None:
            return num, num
        gained = g.op("Mul", s, g.whole(w.g_i))
        den = self._product(gained, w.w_ei.T, peak=reach.gained, bound=reach.divisor, to="divisor")
        return num, den

    def _product(self, x: Value, weights: Array, *, peak: int, bound: int, to: str) -> Value:
        """Return x @ weights, exactly; `bound` is proven over every partial sum.

        Operands are uint8 where both are: products of uint8 by int8 would saturate in pairs on a
        processor without VNNI. Else they are the narrower of int32 and int64 that holds all.
        """
        g = self.graph
        widest = max(peak, int(weights.max(initial=0)))
        kind: type[np.integer[Any]] = np.int32 if max(widest, bound) < WORD else np.int64
        operator = "MatMul"
        if widest < BYTE and bound < WORD:
            kind, operator = np.uint8, "MatMulInteger"
        x = g.cast(x, kind)
        y = g.op(operator, x, g.constant(np.ascontiguousarray(weights, kind), f"w_{to}"))
        return g.cast(y, self.kind, to=to)


def _levels(g: Graph, x: Value, node: IntegerInput, kind: type[np.floating[Any]]) -> Value:
    """Return clip(round(x / step), 0, top) in floats of `kind` (A1)."""
    x = g.op("Round", g.op("Div", x, kind(node.step)))
    return g.op("Clip", x, kind(0), kind(node.top))


def least_inputs(node: IntegerInput) -> Array:
    """Return the least float32 that (A1) takes to each level 0..top, (top + 1,).

    Comparisons with them find the level of a float32 exactly, in any arithmetic.
    """
    levels = np.arange(1, node.top + 1)
    least = ((levels - 0.5) * node.step).astype(np.float32)
    while (over := np.rint(least.astype(np.float64) / node.step) < levels).any():
        least[over] = np.nextafter(least[over], np.float32(np.inf))
    while True:
        before = np.nextafter(least, np.float32(-np.inf))
        also = np.rint(before.astype(np.float64) / node.step) >= levels
        if not also.any():
            return np.append(np.float32(0), least)
        least[also] = before[also]
