"""What divisions and neurons are written in, as statements of C (`numeric.operators`)."""

from collections.abc import Callable
from typing import ClassVar

from eideploy.backends.c.syntax import literal
from eideploy.circuit import Array
from eideploy.numeric.operators import Numbers

WORD = "int64_t"


class Term:
    """A value of a function, with the operators of numbers; each makes a constant of the next."""

    __array_ufunc__: ClassVar[None] = None  # an array on the left leaves the operator to a term

    def __init__(self, body: "Body", text: str) -> None:
        self.body, self.text = body, text

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
        return self.body.call("floored", self, f"{by}u")

    def __lt__(self, other: Numbers) -> "Term":
        return self._op("<", self, other)

    def __gt__(self, other: Numbers) -> "Term":
        return self._op(">", self, other)

    def __ge__(self, other: Numbers) -> "Term":
        return self._op(">=", self, other)

    def _op(self, operator: str, left: Numbers, right: Numbers) -> "Term":
        return self.body.value(f"{as_text(left)} {operator} {as_text(right)}")


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

    def value(self, expression: str) -> Term:
        """Return the constant that an expression is called by from here on."""
        name = f"t{len(self.lines)}"
        self.lines.append(f"const {WORD} {name} = {expression};")
        return Term(self, name)

    def call(self, function: str, *arguments: Numbers) -> Term:
        """Return what a function of arithmetic.c makes of its arguments."""
        given = (x if isinstance(x, str) else as_text(x) for x in arguments)
        return self.value(f"{function}({', '.join(given)})")

    def where(self, condition: Term, x: Numbers, y: Numbers) -> Term:
        """Return x where the condition holds, else y."""
        return self.value(f"{condition.text} != 0 ? {as_text(x)} : {as_text(y)}")

    def take(self, table: Array, index: Term) -> Term:
        """Return table[index]."""
        return self.value(f"({WORD}){self.table('table', table)}[{index.text}]")

    def leading(self, x: Term, bits: int) -> tuple[Term, Term]:
        """Return the position of the leading one of x > 0, and the `bits` bits below it."""
        one = self.call("leading_one", f"(uint64_t){x.text}")
        return one, self.call("below_leading", x, one, bits)

    def scaled(self, x: Numbers, power: Numbers) -> Term:
        """Return 2^power x, to nearest, ties up; 2^bits or more where it is."""
        return self.call("scaled", x, power, self.bits)

    def ratio(self, num: Numbers, den: Numbers, fraction: Numbers) -> Term:
        """Return 2^fraction num / den, to nearest, ties up."""
        return self.call("ratio", num, den, fraction)

    def quotient(self, x: Term, y: Numbers) -> Term:
        """Return floor(x / y) of x >= 0 and y > 0."""
        return self.value(f"{as_text(x)} / {as_text(y)}")

    def saturated(self, x: Term) -> tuple[Term, int]:
        """Return x clipped to the width in bits; nobody counts how often."""
        limit = 1 << (self.bits - 1)
        above = self.where(x > limit - 1, limit - 1, x)
        return self.where(x < -limit, -limit, above), 0

    def whole(self, truth: Term) -> Term:
        """Return the truth, which is one or zero."""
        return truth

    def per_neuron(self, values: Array, like: Numbers) -> Term:
        """Return the number of neuron n."""
        del like
        if (values == values[0]).all():
            return Term(self, as_text(values[0]))
        return self.value(f"({WORD}){self.table('own', values)}[n]")
