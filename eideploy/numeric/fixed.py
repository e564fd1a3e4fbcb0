"""Fixed point: saturation, rounding, widths, exact products of integer matrices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.int64]
Array = NDArray[Any]

EXACT_FLOAT32 = 1 << 24  # integers up to here are exact in float32, and so are their sums
EXACT_FLOAT64 = 1 << 53
WIDEST = (1 << 63) - 1  # of int64
PART = 16  # bits of a factor that are multiplied at once where the product is wider
HALVES = np.array([0, *(1 << n for n in range(63))], np.int64)  # half of 2^n, floored


def top(bits: int) -> int:
    """Return the largest value of a signed integer of `bits`."""
    return (1 << (bits - 1)) - 1


def saturate(x: Int, bits: int) -> tuple[Int, int]:
    """Clip to the signed range of `bits`; return also how many entries were clipped."""
    limit = top(bits)
    if x.size and -limit - 1 <= x.min() and x.max() <= limit:
        return x, 0
    clipped = np.clip(x, -limit - 1, limit)
    return clipped, int(np.count_nonzero(clipped != x))


def scaled(x: Int, power: Int, bits: int) -> Int:
    """Return x 2^power for x >= 0, rounded to nearest (ties up); 2^bits or more where it is."""
    right = np.clip(-power, 0, 63)
    down: Int = (x + HALVES[right]) >> right
    if not np.any(power > 0):
        return down
    left = np.clip(power, 0, bits)
    up = np.where(x > ((1 << bits) >> left), 1 << bits, x << left)
    return np.where(power > 0, up, down)


def signed_bits(low: int, high: int) -> int:
    """Return the least width of a two's complement integer that holds low..high."""
    return 1 + max((x if x >= 0 else ~x).bit_length() for x in (low, high))


def unsigned_bits(high: int) -> int:
    """Return the least width of an unsigned integer that holds 0..high."""
    return max(1, high.bit_length())


def leading_one(x: Int) -> Int:
    """Return the position of the highest set bit, floor(log2(x)), of 0 < x < 2^62.

    It is the exponent of the float64 of x. Beyond 2^53 that would be rounded and may reach the next
    power of two, so there the upper half is looked at alone.
    """
    if not np.any(x >= EXACT_FLOAT64):
        return _exponent(x)
    upper = x >> 31
    high = upper > 0
    return _exponent(np.where(high, upper, x)) + np.where(high, 31, 0)


def _exponent(x: Int) -> Int:
    return (np.asarray(x, np.float64).view(np.int64) >> 52) - 1023


def exact_type(bound: int) -> type[Any]:
    """Return the type in which sums of integers are exact, if their magnitudes add up to `bound`.

    Below 2^24 (2^53) that is float32 (float64), where every partial sum is an integer that is
    represented exactly; beyond it is int64.
    """
    if bound < EXACT_FLOAT32:
        return np.float32
    return np.float64 if bound < EXACT_FLOAT64 else np.int64


def exact_matmul(a: Array, b: Array, *, bound: int) -> Int:
    """Return the integer matrix product a @ b as int64, or as Python's integers where it is wider.

    `bound` is a proven limit of sum |a| |b| over every entry: the product runs in its `exact_type`.
    """
    if bound > WIDEST:
        return _wide_matmul(a, b)
    kind = exact_type(bound)
    product = finite_matmul(a.astype(kind, copy=False), b.astype(kind, copy=False))
    return product.astype(np.int64, copy=False)


def finite_matmul(a: Array, b: Array) -> Array:
    """Return a @ b of numbers that are finite, without a warning.

    For some shapes OpenBLAS also computes lanes that it then discards. What lay in memory there may
    raise the processor's flag for invalid operations, which numpy would report.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.matmul(a, b))


def _wide_matmul(a: Array, b: Array) -> Array:
    """Return a @ b of int64 as Python's integers, as a sum of products of parts of 16 bits.

    The highest part keeps the sign, so that a = sum of part << 16 i, as a shift floors.
    """
    total: Any = 0
    bound = a.shape[-1] << 2 * PART
    for i, left in enumerate(_parts(a)):
        for j, right in enumerate(_parts(b)):
            total = total + (
                exact_matmul(left, right, bound=bound).astype(object) << PART * (i + j)
            )
    return np.asarray(total, object)


def _parts(x: Array) -> list[Array]:
    last, mask = 64 // PART - 1, (1 << PART) - 1
    return [(x >> PART * i) & mask for i in range(last)] + [x >> PART * last]


def left_shifted(x: Array, by: Array) -> Array:
    """Return x << by of integers x >= 0 as int64, or as Python's integers where one is wider."""
    widest = int(x.max(initial=0)) << int(by.max(initial=0))
    return x << by if widest <= WIDEST else x.astype(object) << by.astype(object)


def row_sums(rows: Array) -> Array:
    """Return the sums of rows of integers (n, m) as Python's integers, which nothing overflows."""
    most = max(int(rows.max(initial=0)), -int(rows.min(initial=0))) * rows.shape[1]
    return np.asarray((rows if most <= WIDEST else rows.astype(object)).sum(1).astype(object))
