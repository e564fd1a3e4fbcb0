"""The division in floats gives the integers of the one in integers, ties and all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit import Division
from eideploy.circuit.limits import limits
from eideploy.divisions import exact, lut, mitchell, named, shift, shift2
from eideploy.execute.integer import divided
from eideploy.execute.quotients import Quotients, has_quotients
from eideploy.numeric.fixed import EXACT_FLOAT64
from tests.helpers.layers import circuit, linear, source

DIVIDERS = [lut(8, 8), lut(1, 10), lut(3, 4), shift(), shift2(), named("pwl:4x12")]


def layer(rng, divider, policy, n_e=7):
    return linear(
        "layer", "input", np.ones((n_e, 1)), np.ones((1, 1)), np.ones((n_e, 1)),
        fraction=rng.integers(-40, 30, n_e), align=rng.integers(0, 9, n_e),
        floor=rng.integers(1, 1 << int(rng.integers(1, 40)), n_e),
        current_bits=int(rng.choice([4, 8, 20])),
        division=Division(divider=divider, zero_policy=policy),
    )  # fmt: skip


def in_floats(node, num, den):
    quotients = Quotients(node)
    return quotients.divided(num * quotients.of_num, den * quotients.of_den, np.int64)


def assert_equal(node, num, den):
    expected, saturated = divided(node, num, den)
    found, counted = in_floats(node, num, den)
    np.testing.assert_array_equal(found, expected)
    assert counted == saturated


@given(
    seed=st.integers(0, 2**32 - 1),
    divider=st.sampled_from(DIVIDERS),
    policy=st.sampled_from(["minimum", "floor"]),
)
def test_quotients_are_those_of_the_definition(seed, divider, policy):
    rng = np.random.default_rng(seed)
    node = layer(rng, divider, policy)
    shape = 2, 3, 11, node.n_e
    widest = (EXACT_FLOAT64 >> 1) // int(divider.table.max())
    size = 2.0 ** rng.uniform(0, np.log2(widest), shape)
    num = np.minimum(size.astype(np.int64), widest - 1) * rng.choice([-1, 0, 1], shape)
    den = (2.0 ** rng.uniform(0, 53, shape)).astype(np.int64) * (rng.random(shape) < 0.8)
    den[0, 0] = 0  # a sample and step without any
    assert_equal(node, num, den)


@pytest.mark.parametrize("divider", DIVIDERS)
def test_ties_are_rounded_away_from_zero(divider):
    """Powers of two by one: with the table's first entry, every half is met exactly."""
    rng = np.random.default_rng(0)
    node = layer(rng, divider, "minimum")
    numbers = np.arange(-4096, 4096)
    num = np.broadcast_to(numbers[:, None], (1, 1, numbers.size, node.n_e)).copy()
    for power in range(14):
        assert_equal(node, num, np.full_like(num, 1 << power))


def test_every_mantissa_of_a_table_is_met():
    node = layer(np.random.default_rng(1), lut(8, 8), "floor")
    den = np.arange(1, 1 << 12)[None, None, :, None].repeat(node.n_e, 3)
    for num in (1, 255, -(1 << 20) + 1, 1 << 40):
        assert_equal(node, np.full_like(den, num), den)


def test_what_is_not_proven_exact_is_left_to_the_definition():
    def has(divider, *, w_ee=1, floor=1):
        division = Division(divider=divider, zero_policy="floor") if divider else None
        node = linear("layer", "input", [[w_ee]], [[1]], [[1]], floor=floor, division=division)
        return has_quotients(node, limits(circuit(source((1,), top=1), node))["layer"])

    table = lut(8, 8)
    most = (EXACT_FLOAT64 >> 1) // int(table.table.max())
    assert has(table)
    assert has(table, w_ee=most)
    assert not has(table, w_ee=most + 1)
    assert not has(table, floor=EXACT_FLOAT64)
    assert not any(has(other) for other in (exact(), mitchell(), named("constant"), None))
