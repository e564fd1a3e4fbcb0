"""What divisions and neurons are written in, as statements of C (`numeric.operators`).

A value is of 32 bits where what it can reach fits, which costs a small controller least, else of
64; what it can reach follows from the operators and the ranges that a function is given.
"""

from collections.abc import Callable
from typing import ClassVar

from eideploy.backends.c.syntax import literal
from eideploy.circuit import Array
from eideploy.numeric.operators import Numbers

WORD = "int64_t"
Range = tuple[int, int]  # the least and the largest
ANY: Range = (-(1 << 62), 1 << 62)
SHORT = 1 << 31


class Term:
    """A value of a function, with the operators of numbers; each makes a constant of the next."""

    __array_ufunc__: ClassVar[None] = None  # an array on the left leaves the operator to a term

    def __init__(self, body: "Body", text: str, reach: Range = ANY) -> None:
        self.body, self.text, self.reach = body, text, reach

    def __add__(self, other: Numbers) -> "Term":
        return self._op("+", self, other)

    def __radd__(self, other: Numbers) -> "Term":
        return self._op("+", other, self)

    def __sub__(self, other: Numbers) -> "Term":
        return self._op("-", self, other)

    def __rsub__(self, other: Numbers) -> "Term":
        return self._op("-", other, self)

    def __mul__(self, other: Numbers) -> "Term":
        return self._op("*", self, other)

    def __rmul__(self, other: Numbers) -> "Term":
        return self._op("*", other, self)

    def __rshift__(self, by: int) -> "Term":
        """Return x / 2^by, floored also of a negative x, which C leaves to the compiler."""
        low, high = self.reach
        reach = low >> by, high >> by
        if _is_short(self) and by < SHORT.bit_length() - 1:
            return self.body.call("floored_short", self, f"{by}u", reach=reach)
        return self.body.narrowed(f"floored({self.text}, {by}u)", reach)

    def __lt__(self, other: Numbers) -> "Term":
        return self._op("<", self, other)

    def __gt__(self, other: Numbers) -> "Term":
        return self._op(">", self, other)

    def __ge__(self, other: Numbers) -> "Term":
        return self._op(">=", self, other)

    def _op(self, operator: str, left: Numbers, right: Numbers) -> "Term":
        reach = _reached(operator, reach_of(left), reach_of(right))
        kind = type_of_range(reach)
        wide = kind == WORD and operator in ("+", "-", "*")  # of which no part may wrap before
        first = f"({WORD}){as_text(left)}" if wide and _is_short(left) else as_text(left)
        return self.body.value(f"{first} {operator} {as_text(right)}", reach)


def _is_short(x: Numbers) -> bool:
    return type_of_range(reach_of(x)) != WORD


def _reached(operator: str, x: Range, y: Range) -> Range:
    """Return the range of x operator y."""
    match operator:
        case "+":
            return x[0] + y[0], x[1] + y[1]
        case "-":
            return x[0] - y[1], x[1] - y[0]
        case "*":
            products = [a * b for a in x for b in y]
            return min(products), max(products)
    return 0, 1


def type_of_range(reach: Range) -> str:
    """Return the type of C that a value of a range is calculated in."""
    return "int32_t" if reach[0] >= -SHORT and reach[1] < SHORT else WORD


def reach_of(x: Numbers) -> Range:
    """Return what a number can be: a term, or the number itself."""
    return x.reach if isinstance(x, Term) else (int(x), int(x))


def as_text(x: Numbers) -> str:
    """Return what C calls a number: a term's name, or a literal."""
    if isinstance(x, Term):
        return x.text
    return literal(int(x))


class Body:
    """The statements of a function, as operators write them.

    bits   of the signed integer that a result saturates to
    table  returns what C calls an array of constants
    """

    def __init__(self, bits: int, table: Callable[[str, Array], str]) -> None:
        self.bits, self.table = bits, table
        self.lines: list[str] = []

    def value(self, expression: str, reach: Range = ANY) -> Term:
        """Return the constant that an expression is called by from here on."""
        name = f"t{len(self.lines)}"
        self.lines.append(f"const {type_of_range(reach)} {name} = {expression};")
        return Term(self, name, reach)

    def call(self, function: str, *arguments: Numbers, reach: Range = ANY) -> Term:
        """Return what a function of arithmetic.c makes of its arguments."""
        texts = (x if isinstance(x, str) else as_text(x) for x in arguments)
        return self.value(f"{function}({', '.join(texts)})", reach)

    def where(self, condition: Term, x: Numbers, y: Numbers) -> Term:
        """Return x where the condition holds, else y."""
        return self._chosen(condition, x, y, _union(reach_of(x), reach_of(y)))

    def _chosen(self, condition: Term, x: Numbers, y: Numbers, reach: Range) -> Term:
        kind = type_of_range(reach)
        first, second = (
            text if type_of_range(reach_of(one)) == kind else f"({kind}){text}"
            for one, text in ((x, as_text(x)), (y, as_text(y)))
        )
        return self.value(f"{condition.text} != 0 ? {first} : {second}", reach)

    def take(self, table: Array, index: Term) -> Term:
        """Return table[index]."""
        reach = int(table.min()), int(table.max())
        kind = type_of_range(reach)
        return self.value(f"({kind}){self.table('table', table)}[{index.text}]", reach)

    def leading(self, x: Term, bits: int) -> tuple[Term, Term]:
        """Return the position of the leading one of x > 0, and the `bits` bits below it."""
        below = 0, (1 << bits) - 1
        if not _is_short(x):
            one = self.call("leading_one", f"(uint64_t){x.text}", reach=(0, 62))
            return one, self.narrowed(f"below_leading({x.text}, {one.text}, {bits})", below)
        one = self.call("leading_one_short", f"(uint32_t){x.text}", reach=(0, 31))
        return one, self.call("below_leading_short", x, one, bits, reach=below)

    def narrowed(self, expression: str, reach: Range) -> Term:
        """Return an expression of 64 bits in as many as its range takes."""
        return self.value(f"({type_of_range(reach)}){expression}", reach)

    def scaled(self, x: Numbers, power: Numbers) -> Term:
        """Return 2^power x, to nearest, ties up; 2^bits or more where it is."""
        most = max(1 << self.bits, reach_of(x)[1])
        if _is_short(x) and most < SHORT and _is_short(power):
            return self.call("scaled_short", x, power, self.bits, reach=(0, most))
        return self.narrowed(f"scaled({as_text(x)}, {as_text(power)}, {self.bits})", (0, most))

    def ratio(self, num: Numbers, den: Numbers, fraction: Numbers) -> Term:
        """Return 2^fraction num / den, to nearest, ties up."""
        up = max(reach_of(fraction)[1], 0)
        reach = 0, min((max(reach_of(num)[1], 0) << min(up, 62)) + 1, ANY[1])
        widest = max(reach[1] * 2, reach_of(den)[1])
        if widest < SHORT and _is_short(fraction):
            return self.call("ratio_short", num, den, fraction, reach=reach)
        return self.narrowed(f"ratio({as_text(num)}, {as_text(den)}, {as_text(fraction)})", reach)

    def quotient(self, x: Term, y: Numbers) -> Term:
        """Return floor(x / y) of x >= 0 and y > 0."""
        reach = 0, max(reach_of(x)[1], 0)
        if _is_short(x) and _is_short(y):
            return self.value(f"{as_text(x)} / {as_text(y)}", reach)
        return self.narrowed(f"(({WORD}){as_text(x)} / {as_text(y)})", reach)

    def saturated(self, x: Term) -> tuple[Term, int]:
        """Return x clipped to the width in bits; nobody counts how often."""
        limit = 1 << (self.bits - 1)
        low, high = reach_of(x)
        above = self._chosen(x > limit - 1, limit - 1, x, (low, min(high, limit - 1)))
        within = max(low, -limit), min(high, limit - 1)
        return self._chosen(x < -limit, -limit, above, within), 0

    def whole(self, truth: Term) -> Term:
        """Return the truth, which is one or zero."""
        return truth

    def per_neuron(self, values: Array, like: Numbers) -> Term:
        """Return the number of neuron n."""
        del like
        reach = int(values.min()), int(values.max())
        if reach[0] == reach[1]:
            return Term(self, as_text(values[0]), reach)
        return self.value(f"({type_of_range(reach)}){self.table('own', values)}[n]", reach)


def _union(x: Range, y: Range) -> Range:
    return min(x[0], y[0]), max(x[1], y[1])
