"""What divisions and neurons are written in, as operators of a graph (`numeric.operators`).

Min, Max, Clip, Sign, ReduceMin and ReduceMax are not used on int64: in onnxruntime they compare the
low halves as signed numbers where the high halves are equal (its pull request 25280), so that
min(4099813140, 888839687) is 4099813140. Comparisons and Where are right, and so are int32.
"""

from typing import Any, ClassVar

import numpy as np

from eideploy.backends.onnx.graph import Array, Graph, Value
from eideploy.numeric.operators import Numbers

Kind = type[np.number[Any]]


class Term:
    """A value of a graph, with the operators of numbers.

    kind  of numbers, and of what they are calculated with; of whole ones by default
    """

    __array_ufunc__: ClassVar[None] = None  # an array on the left leaves the operator to a term

    def __init__(self, graph: Graph, value: Value, kind: Kind | None = None) -> None:
        self.graph, self.value, self.kind = graph, value, kind or graph.words.kind

    def __add__(self, other: Numbers) -> "Term":
        return self._op("Add", self, other)

    def __radd__(self, other: Numbers) -> "Term":
        return self._op("Add", other, self)

    def __sub__(self, other: Numbers) -> "Term":
        return self._op("Sub", self, other)

    def __rsub__(self, other: Numbers) -> "Term":
        return self._op("Sub", other, self)

    def __mul__(self, other: Numbers) -> "Term":
        return self._op("Mul", self, other)

    def __rmul__(self, other: Numbers) -> "Term":
        return self._op("Mul", other, self)

    def __truediv__(self, other: Numbers) -> "Term":
        return self._op("Div", self, other)

    def __rshift__(self, by: int) -> "Term":
        """Return x / 2^by, floored also of a negative x: the remainder has the divisor's sign."""
        unit = 1 << by
        return self._op("Div", self - self._op("Mod", self, unit), unit)

    def __neg__(self) -> "Term":
        return self._op("Neg", self)

    def __lt__(self, other: Numbers) -> "Term":
        return self._op("Less", self, other)

    def __gt__(self, other: Numbers) -> "Term":
        return self._op("Greater", self, other)

    def __ge__(self, other: Numbers) -> "Term":
        return self._op("GreaterOrEqual", self, other)

    def _op(self, operator: str, *inputs: Numbers) -> "Term":
        values = (as_value(x, self.kind) for x in inputs)
        return Term(self.graph, self.graph.op(operator, *values), self.kind)


def as_value(x: Numbers, kind: Kind) -> Value | Array:
    """Return what an operator takes for `x` among numbers of `kind`."""
    return x.value if isinstance(x, Term) else np.asarray(x).astype(kind)


class InGraph:
    """The operators of a graph.

    bits  of the signed integer that a result saturates to
    kind  of numbers; of whole ones by default
    axes  how many a value (B, n, ...) has behind n
    """

    def __init__(self, graph: Graph, bits: int, kind: Kind | None = None, axes: int = 0) -> None:
        self.graph, self.bits, self.axes = graph, bits, axes
        self.kind = kind or graph.words.kind

    def where(self, condition: Term, x: Numbers, y: Numbers) -> Term:
        """Return x where the condition holds, else y."""
        g = self.graph
        values = (as_value(either, self.kind) for either in (x, y))
        return Term(g, g.op("Where", condition.value, *values), self.kind)

    def take(self, table: Array, index: Term) -> Term:
        """Return table[index]."""
        g = self.graph
        return Term(g, g.op("Gather", g.constant(g.whole(table), "table"), index.value))

    def smaller(self, x: Term, y: Numbers) -> Term:
        """Return min(x, y)."""
        return self.where(x < y, x, y)

    def leading(self, x: Term, bits: int) -> tuple[Term, Term]:
        """Return the position of the leading one of x > 0, and the `bits` bits below it."""
        exponent, mantissa = self._normalised(x)
        index = self._shifted(mantissa, self.graph.words.highest - bits)
        return exponent, index - (1 << bits)

    def scaled(self, x: Term, power: Term) -> Term:
        """Return 2^power x, to nearest, ties up; 2^(bits - 1) where it is beyond."""
        up, down = self._parts(power)
        down = self.smaller(down, self.graph.words.highest + 1)
        small = self._shifted(x + self.take(self._halves(), down), down)
        width = self.bits - 1
        up = self.smaller(up, width)
        room = self.take((1 << width) >> np.arange(width + 1), up)
        is_beyond = small > room
        result = self._times(self.where(is_beyond, 0, small), up)
        return self.where(is_beyond, 1 << width, result)

    def ratio(self, num: Term, den: Term, fraction: Term) -> Term:
        """Return 2^fraction num / den, ties up; a divisor beyond 2^61 is rounded to zero."""
        exponent, _ = self._normalised(den)
        up, down = self._parts(fraction)
        numerator = self._times(num, up + 1)
        wanted = down + 1
        room = self.smaller(wanted, self.graph.words.highest - exponent)
        divisor = self._times(den, room)
        quotient = (numerator + divisor / 2) / divisor
        return self.where(wanted > room, 0, quotient)

    def quotient(self, x: Term, y: Numbers) -> Term:
        """Return floor(x / y) of x >= 0; integers are divided towards zero."""
        ratio: Term = x / y
        if not issubclass(self.kind, np.floating):
            return ratio
        return Term(self.graph, self.graph.op("Floor", ratio.value), self.kind)

    def saturated(self, x: Term) -> tuple[Term, int]:
        """Return x clipped to the width in bits; a graph does not count how often."""
        limit = 1 << (self.bits - 1)
        return self.smaller(self.where(x < -limit, -limit, x), limit - 1), 0

    def whole(self, truth: Term) -> Term:
        """Return one where the truth holds, else zero."""
        return Term(self.graph, self.graph.cast(truth.value, self.kind), self.kind)

    def per_neuron(self, values: Array, like: Term) -> Term:
        """Return (n,) as a constant that broadcasts with (B, n, ...)."""
        each = values.reshape(-1, *(1,) * self.axes).astype(like.kind)
        return Term(self.graph, self.graph.constant(each, "per_neuron"), like.kind)

    def _normalised(self, x: Term) -> tuple[Term, Term]:
        """Return the position e of the leading one of x > 0, and x 2^(highest - e).

        By halves of the distance: after the test for s, the leading one stands at highest - (s - 1)
        or above.
        """
        highest = self.graph.words.highest
        exponent: Numbers = highest
        for s in (32, 16, 8, 4, 2, 1):
            if s > highest:
                continue
            is_low = x < (1 << (highest + 1 - s))
            x = x * self.where(is_low, 1 << s, 1)
            exponent = exponent - self.where(is_low, s, 0)
        assert isinstance(exponent, Term)
        return exponent, x

    def _parts(self, power: Term) -> tuple[Term, Term]:
        """Return max(0, power) and max(0, -power)."""
        is_up, down = power > 0, -power
        return self.where(is_up, power, 0), self.where(is_up, 0, down)

    def _times(self, x: Term, power: Term) -> Term:
        """Return x 2^power."""
        return x * self.take(self._powers(), power)

    def _powers(self) -> Array:
        """Return 2^n up to the highest bit, and 0: only a zero is shifted further."""
        return np.array([*(1 << n for n in range(self.graph.words.highest + 1)), 0])

    def _halves(self) -> Array:
        """Return half of 2^n, which rounds a shift by n."""
        return np.array([0, *(1 << n for n in range(self.graph.words.highest + 1))])

    def _shifted(self, x: Term, by: Numbers) -> Term:
        """Return x >> by of x >= 0 and 0 <= by <= 63; runtimes shift unsigned integers only."""
        g, unsigned = self.graph, self.graph.words.unsigned
        amount = as_value(by, self.kind)
        shift = g.cast(amount, unsigned) if isinstance(amount, str) else amount.astype(unsigned)
        y = g.op("BitShift", g.cast(x.value, unsigned), shift, direction="RIGHT")
        return Term(g, g.cast(y, g.words.kind))
