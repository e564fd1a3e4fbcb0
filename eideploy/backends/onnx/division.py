"""Division in integer operators (A6..A8); a method's own are `Divider.quotient`."""

import numpy as np

from eideploy.backends.onnx.graph import NARROW, Graph, Value
from eideploy.backends.onnx.operators import InGraph, Term
from eideploy.circuit import Layer
from eideploy.numeric.fixed import top

LAYER = np.array([2, 3])  # positions and neurons of (S, B, positions, n)
HALF = 31  # bits of either half of an int64 that is compared in halves


def divided(g: Graph, node: Layer, num: Value, den: Value) -> Value:
    """Return c = sat(round(2^fraction NUM / DEN)) of (S, B, positions, n_E) (A6..A8)."""
    current = node.integer_current
    instead = node.division.divider.instead(current.constant)
    if instead is not None:
        known = g.constant(g.whole(instead)), g.constant(g.whole(current.fraction))
        return _quotient(g, node, num, *known)
    zero = g.op("Equal", den, g.whole(0), to="is_zero")
    count = g.op("ReduceSum", g.cast(g.op("Not", zero), np.int32), LAYER)
    positive = g.op("Greater", count, np.int32(0), to="any_positive")
    if node.division.zero_policy == "minimum":
        aligned = g.op("Mul", den, g.whole(1 << current.align))
        replacement = _least(g, g.op("Where", zero, g.whole((1 << g.words.highest) - 1), aligned))
        extra = g.op("Where", zero, g.whole(current.align), g.whole(0))
        fraction = g.op("Add", g.whole(current.fraction), extra, to="fraction")
    else:
        replacement = g.constant(g.whole(current.floor), "floor")
        fraction = g.constant(g.whole(current.fraction))
    other = g.op("Where", positive, replacement, g.whole(1))
    safe = g.op("Where", zero, other, den, to="safe_divisor")
    signed = _quotient(g, node, num, safe, fraction)
    return g.op("Where", positive, signed, g.whole(0), to="current")


def _quotient(g: Graph, node: Layer, num: Value, den: Value, fraction: Value) -> Value:
    """Return round(2^fraction num / den) with the sign of `num`, saturated."""
    bits = node.integer_current.current_bits
    do, magnitude = InGraph(g, bits), Term(g, g.op("Abs", num, to="magnitude"))
    operands = magnitude, Term(g, den), Term(g, fraction)
    limited = do.smaller(node.division.divider.quotient(*operands, do), top(bits))
    return do.where(Term(g, num) < 0, -limited, limited).value


def _least(g: Graph, x: Value) -> Value:
    """Return a layer's least 0 <= x < 2^62: of the high halves, then of the low ones."""
    if g.words is NARROW:
        return g.op("ReduceMin", x, LAYER, to="minimum")
    half = g.whole(1 << HALF)
    high, low = (g.cast(g.op(kind, x, half), np.int32) for kind in ("Div", "Mod"))
    least_high = g.op("ReduceMin", high, LAYER)
    largest = np.int32((1 << HALF) - 1)
    low = g.op("Where", g.op("Equal", high, least_high), low, largest)
    least_low = g.cast(g.op("ReduceMin", low, LAYER), np.int64)
    least_high = g.op("Mul", g.cast(least_high, np.int64), half)
    return g.op("Add", least_high, least_low, to="minimum")
