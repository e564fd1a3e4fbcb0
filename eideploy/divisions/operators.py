"""The integer operators that a quotient is written in, and what numpy makes of them."""

from typing import Any, Protocol

import numpy as np

from eideploy.numeric.fixed import Array, Int, leading_one, scaled

Numbers = Any  # whole numbers, or truths: arrays, or the values of a graph; all have + - * < and >


class Operators(Protocol):
    """What a quotient may do with numbers beside adding, multiplying and comparing them.

    Whoever divides brings its own: `InArrays` computes with numpy, `eideploy.backends.onnx` writes
    a graph.
    """

    def where(self, condition: Numbers, x: Numbers, y: Numbers) -> Numbers:
        """Return x where the condition holds, else y."""

    def take(self, table: Array, index: Numbers) -> Numbers:
        """Return table[index]."""

    def leading(self, x: Numbers, bits: int) -> tuple[Numbers, Numbers]:
        """Return the position of the leading one of x > 0, and the `bits` bits below it."""

    def scaled(self, x: Numbers, power: Numbers) -> Numbers:
        """Return 2^power x of x >= 0, to nearest, ties up; anything too wide where it saturates."""

    def ratio(self, num: Numbers, den: Numbers, fraction: Numbers) -> Numbers:
        """Return 2^fraction num / den of num >= 0 and den > 0, to nearest, ties up."""


class InArrays:
    """The operators of numpy, on int64.

    bits  of the signed integer that a quotient saturates to
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def where(self, condition: Array, x: Int | int, y: Int | int) -> Int:
        """Return x where the condition holds, else y."""
        return np.asarray(np.where(condition, x, y))

    def take(self, table: Array, index: Int) -> Int:
        """Return table[index]."""
        return table[index]

    def leading(self, x: Int, bits: int) -> tuple[Int, Int]:
        """Return the position of the leading one of x, and the `bits` bits below it."""
        return leading(x, bits)

    def scaled(self, x: Int, power: Int) -> Int:
        """Return 2^power x, to nearest, ties up; 2^bits or more where it is."""
        return scaled(x, power, self.bits)

    def ratio(self, num: Int, den: Int, fraction: Int) -> Int:
        """Return 2^fraction num / den, to nearest, ties up."""
        up, down = np.maximum(fraction, 0), np.maximum(-fraction, 0)
        numerator = num << (up + 1)
        room = np.minimum(down + 1, 62 - leading_one(den))
        beyond = down + 1 > room  # the divisor alone exceeds 2^61: the quotient rounds to zero
        divisor = den << room
        quotient: Int = np.where(beyond, 0, (numerator + (divisor >> 1)) // divisor)
        return quotient


def leading(x: Int, bits: int) -> tuple[Int, Int]:
    """Return the position of the leading one of x > 0, and the `bits` bits below it."""
    e = leading_one(x)
    below = e - bits
    return e, (x >> np.maximum(below, 0) << np.maximum(-below, 0)) - (1 << bits)
