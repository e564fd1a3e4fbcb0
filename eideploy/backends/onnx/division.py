"""Division in integer operators (A6..A8).

Min, Max, Clip, Sign, ReduceMin and ReduceMax are not used on int64: in onnxruntime they compare the
low halves as signed numbers where the high halves are equal (its pull request 25280), so that
min(4099813140, 888839687) is 4099813140. Comparisons and Where are right, and so are int32.
"""

from collections.abc import Callable
from functools import singledispatch

import numpy as np

from eideploy.backends.onnx.graph import Graph, Value
from eideploy.circuit.integer import IntegerCurrent
from eideploy.errors import InvariantError, UsageError
from eideploy.numeric.division import Constant, Divider, Exact, Mitchell, Tabulated, Undivided
from eideploy.numeric.fixed import top

LAYER = np.array([2, 3])  # positions and neurons of (S, B, positions, n)
HALF = 31  # bits of either half of an int64 that is compared in halves
BEYOND = (1 << (2 * HALF)) - 1  # larger than any divisor
HIGHEST = 62  # bit to which a divisor is normalised: the highest of a positive int64
POWERS = np.array([*(1 << n for n in range(HIGHEST + 1)), 0])  # only a zero is shifted by 63
HALVES = np.array([0, *(1 << n for n in range(HIGHEST + 1))])  # half of 2^n, to round a shift by n


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
        known = g.constant(instead), g.constant(node.fraction)
        return _limited(g, node, num, rule(g, node, magnitude, *known))
    zero = g.op("Equal", den, np.int64(0), to="is_zero")
    count = g.op("ReduceSum", g.cast(g.op("Not", zero), np.int32), LAYER)
    positive = g.op("Greater", count, np.int32(0), to="any_positive")
    if node.division.zero_policy == "minimum":
        aligned = g.op("Mul", den, np.int64(1) << node.align)
        replacement = _least(g, g.op("Where", zero, np.int64(BEYOND), aligned))
        extra = g.op("Where", zero, node.align, np.int64(0))
        fraction = g.op("Add", node.fraction, extra, to="fraction")
    else:
        replacement, fraction = g.constant(node.floor, "floor"), g.constant(node.fraction)
    other = g.op("Where", positive, replacement, np.int64(1))
    safe = g.op("Where", zero, other, den, to="safe_divisor")
    magnitude = g.op("Abs", num, to="magnitude")
    rounded = rule(g, node, magnitude, safe, fraction)
    signed = _limited(g, node, num, rounded)
    return g.op("Where", positive, signed, np.int64(0), to="current")


def _limited(g: Graph, node: IntegerCurrent, num: Value, rounded: Value) -> Value:
    """Return the magnitude `rounded`, saturated, with the sign of `num`."""
    limited = smaller(g, rounded, np.int64(top(node.current_bits)))
    return g.op("Where", g.op("Less", num, np.int64(0)), g.op("Neg", limited), limited)


def smaller(g: Graph, x: Value, y: Value | np.int64) -> Value:
    """Return min(x, y)."""
    return g.op("Where", g.op("Less", x, y), x, y)


def _least(g: Graph, x: Value) -> Value:
    """Return a layer's least 0 <= x < 2^62: of the high halves, then of the low ones."""
    half = np.int64(1 << HALF)
    high, low = (g.cast(g.op(kind, x, half), np.int32) for kind in ("Div", "Mod"))
    least_high = g.op("ReduceMin", high, LAYER)
    low = g.op("Where", g.op("Equal", high, least_high), low, np.int32(BEYOND >> HALF))
    least_low = g.cast(g.op("ReduceMin", low, LAYER), np.int64)
    least_high = g.op("Mul", g.cast(least_high, np.int64), half)
    return g.op("Add", least_high, least_low, to="minimum")


def _exact(g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value) -> Value:
    """Return round(2^fraction num / den), ties up; a divisor beyond 2^61 is rounded to zero."""
    del node
    exponent, _ = _normalised(g, den)
    up, down = _parts(g, fraction)
    numerator = _times(g, num, g.op("Add", up, np.int64(1)))
    wanted = g.op("Add", down, np.int64(1))
    room = smaller(g, wanted, g.op("Sub", np.int64(HIGHEST), exponent))
    divisor = _times(g, den, room)
    half = g.op("Div", divisor, np.int64(2))
    quotient = g.op("Div", g.op("Add", numerator, half), divisor)
    return g.op("Where", g.op("Greater", wanted, room), np.int64(0), quotient, to="quotient")


def _by_table(g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value) -> Value:
    """Return round(2^(fraction - m - e) num table[i]), ties up (A7)."""
    assert node.division is not None
    divider = node.division.divider
    exponent, mantissa = _normalised(g, den)
    index = _shifted(g, mantissa, np.int64(HIGHEST - divider.index_bits))
    index = g.op("Sub", index, np.int64(divider.table.size), to="index")
    entry = g.op("Gather", g.constant(divider.table, "table"), index, to="entry")
    product = g.op("Mul", num, entry, to="product")
    power = g.op("Sub", fraction, exponent)
    return _scaled(g, node, product, g.op("Sub", power, np.int64(divider.fraction_bits)))


def _by_logarithms(
    g: Graph, node: IntegerCurrent, num: Value, den: Value, fraction: Value
) -> Value:
    """Return round(2^(fraction + p) m), ties up, m 2^p being num / den by Mitchell's lines."""
    assert node.division is not None
    bits = node.division.divider.index_bits
    none = g.op("Equal", num, np.int64(0))
    (top_, f), (below, d) = (
        _logarithm(g, x, bits) for x in (g.op("Where", none, np.int64(1), num), den)
    )
    difference = g.op("Sub", f, d)
    borrow = g.op("Less", difference, np.int64(0))
    one = g.op("Where", borrow, np.int64(2 << bits), np.int64(1 << bits))
    m = g.op("Where", none, np.int64(0), g.op("Add", one, difference), to="mantissa")
    power = g.op("Sub", g.op("Add", fraction, top_), below)
    less = g.op("Where", borrow, np.int64(bits + 1), np.int64(bits))
    return _scaled(g, node, m, g.op("Sub", power, less))


def _logarithm(g: Graph, x: Value, bits: int) -> tuple[Value, Value]:
    """Return the leading one of x and the `bits` bits below it, cut off there."""
    exponent, mantissa = _normalised(g, x)
    mantissa = _shifted(g, mantissa, np.int64(HIGHEST - bits))
    return exponent, g.op("Sub", mantissa, np.int64(1 << bits))


def _scaled(g: Graph, node: IntegerCurrent, product: Value, power: Value) -> Value:
    """Return round(2^power product), ties up; beyond the current's width only known to be that."""
    up, down = _parts(g, power)
    down = smaller(g, down, np.int64(HIGHEST + 1))
    half = g.op("Gather", HALVES, down)
    small = _shifted(g, g.op("Add", product, half), down)
    beyond = node.current_bits - 1
    small = smaller(g, small, np.int64(1 << beyond))
    return _times(g, small, smaller(g, up, np.int64(beyond)))


def _normalised(g: Graph, x: Value) -> tuple[Value, Value]:
    """Return the position e of the leading one of 0 < x < 2^62, and x 2^(62 - e).

    By halves of the distance: after the test for s, the leading one stands at 62 - (s - 1) or
    above.
    """
    exponent: Value | np.int64 = np.int64(HIGHEST)
    for s in (32, 16, 8, 4, 2, 1):
        low = g.op("Less", x, np.int64(1 << (HIGHEST + 1 - s)))
        x = g.op("Mul", x, g.op("Where", low, np.int64(1 << s), np.int64(1)))
        exponent = g.op("Sub", exponent, g.op("Where", low, np.int64(s), np.int64(0)))
    assert isinstance(exponent, str)
    return exponent, x


def _parts(g: Graph, power: Value) -> tuple[Value, Value]:
    """Return max(0, power) and max(0, -power)."""
    zero = np.int64(0)
    is_up, down = g.op("Greater", power, zero), g.op("Neg", power)
    return g.op("Where", is_up, power, zero), g.op("Where", is_up, zero, down)


def _times(g: Graph, x: Value, power: Value) -> Value:
    """Return x 2^power."""
    return g.op("Mul", x, g.op("Gather", POWERS, power))


def _shifted(g: Graph, x: Value, by: Value | np.int64) -> Value:
    """Return x >> by of x >= 0 and 0 <= by <= 63; runtimes shift unsigned integers only."""
    shift: Value | np.uint64
    shift = np.uint64(by) if isinstance(by, np.int64) else g.cast(by, np.uint64)
    x = g.cast(x, np.uint64)
    return g.cast(g.op("BitShift", x, shift, direction="RIGHT"), np.int64)


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
