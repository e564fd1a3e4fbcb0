"""The operators that divisions and neurons are written in, and what numpy makes of them."""

from typing import Any, Protocol

import numpy as np

from eideploy.numeric.fixed import Array, Int, leading_one, saturate, scaled

# Numbers or truths: arrays, or the values of a graph; all have + - * / >> and comparisons.
Numbers = Any


class Operators(Protocol):
    """What may be done with numbers beside calculating with and comparing them.

    Whoever computes brings its own: `InArrays` is numpy's, `eideploy.backends.onnx` writes a graph.
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

    def quotient(self, x: Numbers, y: Numbers) -> Numbers:
        """Return floor(x / y) of x >= 0 and y > 0."""

    def saturated(self, x: Numbers) -> tuple[Numbers, int]:
        """Return x clipped to the width in bits, and how many entries were, if they are counted."""

    def whole(self, truth: Numbers) -> Numbers:
        """Return one where the truth holds, else zero."""

    def per_neuron(self, values: Array, like: Numbers) -> Numbers:
        """Return a number for every neuron (channel), (n,), so that it broadcasts with `like`."""


class InArrays:
    """The operators of numpy, of arrays (B, n, ...); a quotient is of int64.

    bits  of the signed integer that a result saturates to
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def where(self, condition: Array, x: Numbers, y: Numbers) -> Array:
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

    def quotient(self, x: Array, y: Numbers) -> Array:
        """Return floor(x / y); of floats, of their rounded quotient."""
        return np.asarray(x // y if x.dtype.kind in "iu" else np.floor(x / y))

    def saturated(self, x: Int) -> tuple[Int, int]:
        """Return x clipped to the width in bits, and how many entries were."""
        return saturate(x, self.bits)

    def whole(self, truth: Array) -> Array:
        """Return the truths, which numpy multiplies as they are."""
        return truth

    def per_neuron(self, values: Array, like: Array) -> Array:
        """Return (n,) of the type of `like`, so that it broadcasts with (B, n, ...)."""
        return values.reshape(-1, *(1,) * (like.ndim - 2)).astype(like.dtype, copy=False)


def leading(x: Int, bits: int) -> tuple[Int, Int]:
    """Return the position of the leading one of x > 0, and the `bits` bits below it."""
    e = leading_one(x)
    below = e - bits
    return e, (x >> np.maximum(below, 0) << np.maximum(-below, 0)) - (1 << bits)
