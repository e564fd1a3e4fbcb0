"""A neuron's quotient, by any method of division, in Python's integers."""

from collections.abc import Callable
from functools import partial, singledispatch

from eideploy.errors import InvariantError
from eideploy.numeric.division import Constant, Divider, Exact, Mitchell, Tabulated, Undivided

Quotient = Callable[[int, int, int], int]  # num >= 0, den > 0, fraction


@singledispatch
def quotient_of(divider: Divider) -> Quotient:
    """Return what finds 2^fraction num / den as `divider` does, rounded to nearest, ties up (A8).

    Raises:
        InvariantError: a method that is not known here.
    """
    raise InvariantError(
        f"the core's state machine does not know the division {divider.method!r}",
        where="simulate/core/quotient.py",
        fix="give the method a rule there",
    )


@quotient_of.register
def _(divider: Exact | Constant | Undivided) -> Quotient:
    del divider
    return _rounded


@quotient_of.register
def _(divider: Tabulated) -> Quotient:
    return partial(_by_table, divider)


@quotient_of.register
def _(divider: Mitchell) -> Quotient:
    return partial(_by_logarithms, divider.index_bits)


def _rounded(num: int, den: int, fraction: int) -> int:
    if fraction >= 0:
        num <<= fraction
    else:
        den <<= -fraction
    return (2 * num + den) // (2 * den)


def _by_table(divider: Tabulated, num: int, den: int, fraction: int) -> int:
    """1 / den is table[i] / 2^(e + m): e the leading one of den, i the n bits below it (A7)."""
    exponent = den.bit_length() - 1
    below = (den << divider.index_bits >> exponent) - (1 << divider.index_bits)
    return _rounded(num * int(divider.table[below]), 1, fraction - exponent - divider.fraction_bits)


def _by_logarithms(bits: int, num: int, den: int, fraction: int) -> int:
    """The characteristics and the mantissas' `bits` bits are subtracted; a borrow takes one."""
    if num == 0:
        return 0
    difference = _logarithm(num, bits) - _logarithm(den, bits)
    power, mantissa = difference >> bits, difference & ((1 << bits) - 1)
    return _rounded((1 << bits) + mantissa, 1, fraction + power - bits)


def _logarithm(x: int, bits: int) -> int:
    """Return e + f of x = 2^e (1 + f) in units of 2^-bits, f cut off there."""
    exponent = x.bit_length() - 1
    return (exponent << bits) + (x << bits >> exponent) - (1 << bits)
