"""Division in integer operators (A6..A8).

Min, Max, Clip, Sign, ReduceMin and ReduceMax are not used on int64: in onnxruntime they compare the
low halves as signed numbers where the high halves are equal (its pull request 25280), so that
min(4099813140, 888839687) is 4099813140. Comparisons and Where are right, and so are int32.
"""

from collections.abc import Callable
from functools import singledispatch

import numpy as np

from eideploy.backends.onnx.graph import NARROW, Array, Graph, Value
from eideploy.circuit.integer import IntegerCurrent
from eideploy.errors import InvariantError, UsageError
from eideploy.numeric.division import Constant, Divider, Exact, Mitchell, Tabulated, Undivided
from eideploy.numeric.fixed import top

LAYER = np.array([2, 3])  # positions and neurons of (S, B, positions, n)
HALF = 31  # bits of either half of an int64 that is compared in halves


def divided(g: Graph, node: IntegerCurrent, num: Value, den: Value) -> Value:
    """Return c = sat(round(2^fraction NUM / DEN)) of (S, B, positions, n_E) (A6..A8)."""
    if node.division is None:
        raise InvariantError(
            "the layer has no divider", where=f"node {node.name}", fix="run lower_division first"
        )
    rule = rule_of(node.division.divider)
    instead = node.division.divider.instead(node.constant)
    if instead is not None:
        magnitude = g.op("Abs", num, to="magnitude")
        known = g.constant(g.whole(instead)), g.constant(g.whole(node.fraction))
        return _limited(g, node, num, rule(g, node, magnitude, *known))
    zero = g.op("Equal", den, g.whole(0), to="is_zero")
    count = g.op("ReduceSum", g.cast(g.op("Not", zero), np.int32), LAYER)
    positive = g.op("Greater", count, np.int32(0), to="any_positive")
    if node.division.zero_policy == "minimum":
        aligned = g.op("Mul", den, g.whole(1 << node.align))
        replacement = _least(g, g.op("Where", zero, g.whole((1 << g.words.highest) - 1), aligned))
        extra = g.op("Where", zero, g.whole(node.align), g.whole(0))
        fraction = g.op("Add", g.whole(node.fraction), extra, to="fraction")
    else:
        replacement = g.constant(g.whole(node.floor), "floor")
        fraction = g.constant(g.whole(node.fraction))
    other = g.op("Where", positive, replacement, g.whole(1))
    safe = g.op("Where", zero, other, den, to="safe_divisor")
    magnitude = g.op("Abs", num, to="magnitude")
    rounded = rule(g, node, magnitude, safe, fraction)
    signed = _limited(g, node, num, rounded)
    return g.op("Where", positive, signed, g.whole(0), to="current")


def _limited(g: Graph, node: IntegerCurrent, num: Value, rounded: Value) -> Value:
    """Return the magnitude `rounded`, saturated, with the sign of `num`."""
    limited = smaller(g, rounded, g.whole(top(node.current_bits)))
    return g.op("Where", g.op("Less", num, g.whole(0)), g.op("Neg", limited), limited)


def smaller(g: Graph, x: Value, y: Value | Array) -> Value:
    """Return min(x, y)."""
    return g.op("Where", g.op("Less", x, y), x, y)


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


def _exact(g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value) -> Value:
    """Return round(2^fraction num / den), ties up; a divisor beyond 2^61 is rounded to zero."""
    del node
    exponent, _ = _normalised(g, den)
    up, down = _parts(g, fraction)
    numerator = _times(g, num, g.op("Add", up, g.whole(1)))
    wanted = g.op("Add", down, g.whole(1))
    room = smaller(g, wanted, g.op("Sub", g.whole(g.words.highest), exponent))
    divisor = _times(g, den, room)
    half = g.op("Div", divisor, g.whole(2))
    quotient = g.op("Div", g.op("Add", numerator, half), divisor)
    return g.op("Where", g.op("Greater", wanted, room), g.whole(0), quotient, to="quotient")


def _by_table(g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value) -> Value:
    """Return round(2^(fraction - m - e) num table[i]), ties up (A7)."""
    assert node.division is not None
    divider = node.division.divider
    exponent, mantissa = _normalised(g, den)
    index = _shifted(g, mantissa, g.whole(g.words.highest - divider.index_bits))
    index = g.op("Sub", index, g.whole(divider.table.size), to="index")
    entry = g.op("Gather", g.constant(g.whole(divider.table), "table"), index, to="entry")
    product = g.op("Mul", num, entry, to="product")
    power = g.op("Sub", fraction, exponent)
    return _scaled(g, node, product, g.op("Sub", power, g.whole(divider.fraction_bits)))


def _by_logarithms(
    g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value
) -> Value:
    """Return round(2^(fraction + p) m), ties up, m 2^p being num / den by Mitchell's lines."""
    assert node.division is not None
    bits = node.division.divider.index_bits
    none = g.op("Equal", num, g.whole(0))
    (top_, f), (below, d) = (
        _logarithm(g, x, bits) for x in (g.op("Where", none, g.whole(1), num), den)
    )
    difference = g.op("Sub", f, d)
    borrow = g.op("Less", difference, g.whole(0))
    one = g.op("Where", borrow, g.whole(2 << bits), g.whole(1 << bits))
    m = g.op("Where", none, g.whole(0), g.op("Add", one, difference), to="mantissa")
    power = g.op("Sub", g.op("Add", fraction, top_), below)
    less = g.op("Where", borrow, g.whole(bits + 1), g.whole(bits))
    return _scaled(g, node, m, g.op("Sub", power, less))


def _logarithm(g: Graph, x: Value, bits: int) -> tuple[Value, Value]:
    """Return the leading one of x and the `bits` bits below it, cut off there."""
    exponent, mantissa = _normalised(g, x)
    mantissa = _shifted(g, mantissa, g.whole(g.words.highest - bits))
    return exponent, g.op("Sub", mantissa, g.whole(1 << bits))


def _scaled(g: Graph, node: IntegerCurrent, product: Value, power: Value) -> Value:
    """Return round(2^power product), ties up; beyond the current's width only known to be that."""
    up, down = _parts(g, power)
    down = smaller(g, down, g.whole(g.words.highest + 1))
    half = g.op("Gather", _halves(g), down)
    small = _shifted(g, g.op("Add", product, half), down)
    width = node.current_bits - 1
    up = smaller(g, up, g.whole(width))
    room = g.op("Gather", g.whole((1 << width) >> np.arange(width + 1)), up)
    is_beyond = g.op("Greater", small, room)
    kept = _times(g, g.op("Where", is_beyond, g.whole(0), small), up)
    return g.op("Where", is_beyond, g.whole(1 << width), kept)


def _normalised(g: Graph, x: Value) -> tuple[Value, Value]:
    """Return the position e of the leading one of x > 0, and x 2^(highest - e).

    By halves of the distance: after the test for s, the leading one stands at highest - (s - 1) or
    above.
    """
    exponent: Value | Array = g.whole(g.words.highest)
    for s in (32, 16, 8, 4, 2, 1):
        if s > g.words.highest:
            continue
        low = g.op("Less", x, g.whole(1 << (g.words.highest + 1 - s)))
        x = g.op("Mul", x, g.op("Where", low, g.whole(1 << s), g.whole(1)))
        exponent = g.op("Sub", exponent, g.op("Where", low, g.whole(s), g.whole(0)))
    assert isinstance(exponent, str)
    return exponent, x


def _parts(g: Graph, power: Value) -> tuple[Value, Value]:
    """Return max(0, power) and max(0, -power)."""
    zero = g.whole(0)
    is_up, down = g.op("Greater", power, zero), g.op("Neg", power)
    return g.op("Where", is_up, power, zero), g.op("Where", is_up, zero, down)


def _times(g: Graph, x: Value, power: Value) -> Value:
    """Return x 2^power."""
    return g.op("Mul", x, g.op("Gather", _powers(g), power))


def _powers(g: Graph) -> Array:
    """Return 2^n up to the highest bit, and 0: only a zero is shifted further."""
    return g.whole(np.array([*(1 << n for n in range(g.words.highest + 1)), 0]))


def _halves(g: Graph) -> Array:
    """Return half of 2^n, which rounds a shift by n."""
    return g.whole(np.array([0, *(1 << n for n in range(g.words.highest + 1))]))


def _shifted(g: Graph, x: Value, by: Value | Array) -> Value:
    """Return x >> by of x >= 0 and 0 <= by <= 63; runtimes shift unsigned integers only."""
    unsigned = g.words.unsigned
    shift = g.cast(by, unsigned) if isinstance(by, str) else by.astype(unsigned)
    x = g.cast(x, unsigned)
    return g.cast(g.op("BitShift", x, shift, direction="RIGHT"), g.words.kind)


Rule = Callable[[Graph, IntegerCurrent, Value, Value, Value], Value]


@singledispatch
def rule_of(divider: Divider) -> Rule:
    """Return what writes a method's quotient.

    Raises:
        UsageError: no operators are known for it.
    """
    raise UsageError(
        f"no ONNX operators are known for the division {divider.method!r}",
        where="--emit onnx",
        fix="leave it out, or choose another division",
    )


@rule_of.register
def _(divider: Exact | Constant | Undivided) -> Rule:
    del divider
    return _exact


@rule_of.register
def _(divider: Tabulated) -> Rule:
    del divider
    return _by_table


@rule_of.register
def _(divider: Mitchell) -> Rule:
    del divider
    return _by_logarithms
