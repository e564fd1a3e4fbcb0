"""Fixed point: widths, saturation, the leading one, exact products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.numeric.fixed import (
    EXACT_FLOAT32,
    EXACT_FLOAT64,
    exact_matmul,
    finite_matmul,
    leading_one,
    saturate,
    signed_bits,
    unsigned_bits,
)


def test_leading_one_beside_every_power_of_two():
    values = sorted({(1 << k) + d for k in range(62) for d in (-1, 0, 1)} - {0})
    expected = [x.bit_length() - 1 for x in values]
    assert leading_one(np.array(values)).tolist() == expected


@given(st.integers(1, (1 << 62) - 1))
def test_leading_one_is_the_floor_of_the_logarithm(x):
    assert leading_one(np.array([x])) == x.bit_length() - 1


def test_signed_bits_is_the_least_width():
    for low in range(-70, 71):
        for high in range(low, 71):
            bits = signed_bits(low, high)
            assert -(1 << bits - 1) <= low
            assert high < 1 << bits - 1
            narrower = bits - 1
            fits = narrower > 0 and -(1 << narrower - 1) <= low and high < 1 << narrower - 1
            assert not fits, (low, high)


def test_unsigned_bits_is_the_least_width():
    for high in range(1, 300):
        assert 1 << unsigned_bits(high) - 1 <= high < 1 << unsigned_bits(high)
    assert unsigned_bits(0) == 1


def test_saturation_clips_and_counts():
    clipped, count = saturate(np.array([-129, -128, 0, 127, 128, 1 << 40]), 8)
    assert clipped.tolist() == [-128, -128, 0, 127, 127, 127]
    assert count == 3


@pytest.mark.parametrize("limit", [EXACT_FLOAT32, EXACT_FLOAT64, 1 << 60])
def test_exact_matmul_up_to_its_bound(limit):
    """Products whose partial sums come within one of the bound, with odd values and both signs."""
    half = limit // 2 - 1
    a = np.array([[half, half - 1, 0], [half - 1, -half, 1], [-half, 1, half - 3]])
    b = np.array([[1, 0, -1], [1, 1, 0], [1, -1, 1]])
    bound = int((abs(a) @ abs(b)).max())
    assert limit - 4 <= bound < limit
    product = exact_matmul(a, b, bound=bound)
    assert product.dtype == np.int64
    np.testing.assert_array_equal(product, a @ b)


@pytest.mark.parametrize("limit", [EXACT_FLOAT32, EXACT_FLOAT64])
def test_exact_matmul_beyond_a_float_uses_the_next_wider_type(limit):
    a, b = np.array([[limit, 1]]), np.array([[1], [1]])
    assert exact_matmul(a, b, bound=limit + 1).item() == limit + 1


@given(st.integers(0, 2**32 - 1), st.sampled_from([23, 24, 52, 53, 61]))
def test_exact_matmul_equals_the_integer_product(seed, bits):
    rng = np.random.default_rng(seed)
    inner = int(rng.integers(1, 50))
    b = rng.integers(0, 256, (inner, 3))
    top = ((1 << bits) - 1) // max(1, int(b.sum(0).max()))
    a = rng.integers(-top, top + 1, (4, inner))
    bound = int((abs(a) @ b).max())
    np.testing.assert_array_equal(exact_matmul(a, b, bound=bound), a @ b)


def test_a_flag_that_the_processor_raises_in_a_product_is_no_warning():
    nothing = (
        np.array([[np.inf]], np.float32),
        np.zeros((1, 1), np.float32),
    )  # as a lane of no row may be
    assert np.isnan(finite_matmul(*nothing))
