"""Levels, and how weights are rounded to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.passes.steps import (
    Grid,
    feedback_levels,
    full_scales,
    mean_matched_levels,
    own_steps,
    shifts,
    squared_error,
)

seeds = st.integers(0, 2**32 - 1)
grids = st.one_of(
    st.builds(Grid, st.integers(1, 10)), st.builds(Grid, st.integers(1, 4), st.just("pow2"))
)


def weights(seed, n=5, m=30):
    rng = np.random.default_rng(seed)
    return rng.exponential(1.0, (n, m)) * (rng.random((n, m)) < 0.8)


def levels_of(grid):
    if grid.kind == "linear":
        return np.arange(1 << grid.bits)
    return np.array([0, *(1 << n for n in range((1 << grid.bits) - 1))])


@given(seed=seeds, bits=st.integers(2, 8), single=st.booleans())
def test_weights_that_are_multiples_of_a_step_keep_it(seed, bits, single):
    grid, rng = Grid(bits, signed=True), np.random.default_rng(seed)
    levels = rng.integers(-grid.top, grid.top + 1, (6, 30))
    steps = rng.uniform(1e-3, 1, (6, 1))
    rows = (levels * steps).astype(np.float32 if single else np.float64).astype(float)
    found = own_steps(rows, grid.top)
    assert (found > 0).all()
    kept = grid.nearest(rows / found[:, None]) * found[:, None]
    np.testing.assert_allclose(kept, rows, atol=2e-4 * float(found.max()))
    assert (found >= steps[:, 0] * (1 - 1e-6)).all()  # none finer than its own


@given(seed=seeds)
def test_weights_of_no_step_have_none(seed):
    rows = np.random.default_rng(seed).normal(0, 1, (6, 60))
    assert not own_steps(rows, 127).any()
    assert not own_steps(np.zeros((2, 5)), 127).any()


@given(seed=seeds, grid=grids)
def test_no_level_is_nearer_than_the_nearest(seed, grid):
    exact = weights(seed) * grid.top / 2
    found = grid.nearest(exact)
    best = np.abs(exact[..., None] - levels_of(grid)).min(-1)
    assert np.isin(found, levels_of(grid)).all()
    assert (np.abs(exact - found) <= best * (1 + 1e-12)).all()
    assert levels_of(grid).max() == grid.top


@given(seed=seeds, grid=grids)
def test_levels_beside_are_one_further(seed, grid):
    levels = grid.nearest(weights(seed) * grid.top / 2)
    every = levels_of(grid)
    place = np.searchsorted(every, levels)
    for toward in (-1, 0, 1):
        expected = every[np.clip(place + toward, 0, len(every) - 1)]
        assert (grid.beside(levels, np.full((5, 1), toward)) == expected).all()


@given(seed=seeds, grid=grids)
def test_mean_matched_levels_bring_the_mean_response_no_further_from_zero(seed, grid):
    exact, mean = weights(seed) * grid.top / 3, np.random.default_rng(seed + 1).random(30)
    nearest, matched = grid.nearest(exact), mean_matched_levels(exact, grid, mean)

    def drift(levels):
        return np.abs((levels - exact) @ mean)

    assert (drift(matched) <= drift(nearest) * (1 + 1e-9) + 1e-9).all()
    assert np.isin(matched, levels_of(grid)).all()


def test_mean_matched_levels_stay_nearest_where_nothing_is_heard():
    exact = weights(0) * 5
    assert (mean_matched_levels(exact, Grid(4), np.zeros(30)) == Grid(4).nearest(exact)).all()


def correlated(seed, count=400, m=30, factors=4):
    """Second moments, in two blocks of 20 that leave 10 empty, of inputs of few causes."""
    rng = np.random.default_rng(seed)
    x = np.pad(rng.random((count, factors)) @ rng.random((factors, m)), ((0, 0), (0, 10)))
    blocks = x.reshape(count, 2, 20).swapaxes(0, 1)
    return (blocks.swapaxes(1, 2) @ blocks / count).astype(np.float32)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_feedback_errs_less_than_rounding_where_inputs_are_correlated(bits):
    grid = Grid(bits)
    exact, moment = np.random.default_rng(1).random((50, 30)) * grid.top, correlated(2)
    fed, nearest = feedback_levels(exact, grid, moment), grid.nearest(exact)
    error = [squared_error(levels - exact, moment).mean() for levels in (fed, nearest)]
    assert error[0] < error[1] / 3


@given(seed=seeds, grid=grids)
def test_feedback_gives_levels(seed, grid):
    found = feedback_levels(weights(seed) * grid.top / 2, grid, correlated(seed))
    assert np.isin(found, levels_of(grid)).all()


def test_feedback_rounds_to_nearest_where_nothing_is_heard():
    exact = weights(0) * 5
    silent = np.zeros((2, 20, 20), np.float32)
    assert (feedback_levels(exact, Grid(4), silent) == Grid(4).nearest(exact)).all()


@given(seed=seeds)
def test_squared_error_is_the_mean_square_over_the_inputs(seed):
    rng = np.random.default_rng(seed)
    x, error = rng.random((100, 20)), rng.normal(size=(3, 20))
    moment = (x.T @ x / 100)[None].astype(np.float32)
    assert squared_error(error, moment) == pytest.approx(((x @ error.T) ** 2).mean(0), rel=1e-3)


@given(seed=seeds, grid=grids)
def test_shifts_err_no_more_than_the_largest_that_clips_nothing(seed, grid):
    w = weights(seed, m=6) + 1e-3
    unit = np.random.default_rng(seed).uniform(1, 100, 5) * w.max(1)
    k = shifts(w, unit, grid)
    safe = np.maximum(np.floor(np.log2(grid.top * unit / w.max(1))), 0)

    def error(shift):
        step = (unit * 2.0**-shift)[:, None]
        return ((grid.nearest(w / step) * step - w) ** 2).sum(1)

    assert (k >= 0).all()
    assert (error(k) <= error(safe) * (1 + 1e-12)).all()


@pytest.mark.parametrize("inputs", [9, 40])
def test_what_errs_least_is_sought_among_the_largest_weight_the_percentile_and_others(inputs):
    rows = weights(3, m=inputs)
    largest, percentile, tried = (full_scales(rows, how) for how in ("max", "percentile", "error"))
    assert (largest == 1).all()
    assert np.allclose(percentile[0] * rows.max(1), np.percentile(rows, 99, axis=1))
    for fraction in (largest[0], percentile[0]):
        assert np.isclose(tried, fraction).any(0).all()


def test_a_row_of_zeros_has_full_scales_that_are_positive():
    assert all((full_scales(np.zeros((2, 5)), how) > 0).all() for how in ("max", "percentile"))
