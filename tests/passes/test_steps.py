import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.passes.steps import (
    input_step,
    least_error_steps,
    mean_matched_levels,
    shifts,
    to_levels,
)

seeds = st.integers(0, 2**32 - 1)
widths = st.integers(1, 10)


def weights(seed, n=5, m=30):
    rng = np.random.default_rng(seed)
    return rng.exponential(1.0, (n, m)) * (rng.random((n, m)) < 0.8)


@given(seed=seeds, bits=widths)
def test_levels_are_within_half_a_step_of_what_fits(seed, bits):
    w = weights(seed)
    step = w.max() / ((1 << bits) - 1)
    assert np.abs(to_levels(w, np.array(step), bits) * step - w).max() <= step / 2 * (1 + 1e-12)


@given(seed=seeds, bits=widths)
def test_least_error_steps_err_no_more_than_full_scale(seed, bits):
    w = weights(seed)
    full = w.max(1, keepdims=True) / ((1 << bits) - 1)
    best = least_error_steps(w, bits)[:, None]

    def error(step):
        return ((to_levels(w, step, bits) * step - w) ** 2).sum(1)

    assert (error(best) <= error(full) * (1 + 1e-12)).all()


def test_row_of_zeros_gets_a_step_that_is_positive():
    assert (least_error_steps(np.array([[0.0, 0.0], [1.0, 2.0]]), 8) > 0).all()
    assert (least_error_steps(np.zeros((2, 3)), 8) > 0).all()


@given(seed=seeds, bits=st.integers(2, 10))
def test_mean_matched_levels_bring_the_mean_response_no_further_from_zero(seed, bits):
    w, mean = weights(seed), np.random.default_rng(seed + 1).random(30)
    step = least_error_steps(w, bits)[:, None]
    nearest, matched = to_levels(w, step, bits), mean_matched_levels(w, step, bits, mean)

    def drift(levels):
        return np.abs((levels - w / step) @ mean)

    assert (drift(matched) <= drift(nearest) + 1e-9).all()
    assert np.abs(matched - nearest).max() <= 1
    assert matched.min() >= 0
    assert matched.max() < 1 << bits


def test_mean_matched_levels_stay_nearest_where_nothing_is_heard():
    w = weights(0)
    step = least_error_steps(w, 4)[:, None]
    levels = mean_matched_levels(w, step, 4, np.zeros(30))
    assert (levels == to_levels(w, step, 4)).all()


@given(seed=seeds, bits=widths)
def test_shifts_err_no_more_than_the_largest_that_clips_nothing(seed, bits):
    w = weights(seed, m=6) + 1e-3
    unit = np.random.default_rng(seed).uniform(1, 100, 5) * w.max(1)
    k = shifts(w, unit, bits)
    full = (1 << bits) - 1
    safe = np.maximum(np.floor(np.log2(full * unit / w.max(1))), 0)

    def error(shift):
        step = (unit * 2.0**-shift)[:, None]
        return ((to_levels(w, step, bits) * step - w) ** 2).sum(1)

    assert (k >= 0).all()
    assert (error(k) <= error(safe) * (1 + 1e-12)).all()


@pytest.mark.parametrize(
    ("values", "step", "top"),
    [
        (np.arange(17) / 16, 1 / 128, 128),
        (np.arange(256) / 255, 1 / 255, 255),
    ],
    ids=["sixteenths", "bytes"],
)
def test_pixels_on_a_grid_stay_exact(values, step, top):
    found, highest = input_step(values, 1.0, 8)
    assert found == pytest.approx(step)
    assert highest == top
    assert np.abs(np.rint(values / found) * found - values).max() < 1e-15


@given(seed=seeds, bits=st.integers(1, 12), high=st.floats(0.1, 300))
def test_input_levels_reach_the_highest_input_and_fit_their_bits(seed, bits, high):
    values = np.random.default_rng(seed).random(20) * high
    step, top = input_step(values, high, bits)
    assert top < 1 << bits
    assert abs(top * step - high) <= step
