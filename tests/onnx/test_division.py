"""Division in ONNX operators is that of division over all that its units allow."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.circuit import Division
from eideploy.divisions import constant, exact, lut, mitchell, pwl, shift, shift2
from eideploy.execute.integer import divided as defined
from tests.helpers.layers import linear
from tests.helpers.onnx_models import quotients

DIVIDERS = (exact(), lut(1, 1), lut(8, 8), lut(5, 12), lut(12, 3), lut(16, 16), shift(), shift2(),
            pwl(4, 12), mitchell(), constant())  # fmt: skip


@pytest.mark.parametrize("policy", ["minimum", "floor"])
@pytest.mark.parametrize("divider", DIVIDERS, ids=lambda d: d.label)
def test_every_quotient_is_the_simulators(divider, policy):
    @settings(max_examples=8)
    @given(
        seed=st.integers(0, 2**32 - 1),
        fraction=st.integers(-62, 40),
        bits=st.sampled_from([2, 8, 16, 24, 32]),
    )
    def check(seed, fraction, bits):
        rng = np.random.default_rng(seed)
        fractions = np.clip(fraction + rng.integers(-3, 4, 6), -62, 57)
        room = 60 - max(int(fractions.max()) + 3, divider.fraction_bits)
        wide = (40, 2, 3, 6)
        num = rng.integers(-(1 << 62), 1 << 62, wide) >> (62 - rng.integers(0, room + 1, wide))
        den = rng.integers(1 << 61, 1 << 62, wide) >> rng.integers(0, 63, wide)
        den >>= np.int64(4)  # room for align
        den[rng.random(wide) < 0.2] = 0
        den[:3] = 0
        node = linear(
            "layer", "input", np.ones((6, 1), int), np.ones((1, 1), int), np.ones((6, 1), int),
            fraction=fractions, align=rng.integers(0, 4, 6), floor=rng.integers(1, 999, 6),
            constant=rng.integers(1, 999, 6),
            current_bits=bits, division=Division(divider=divider, zero_policy=policy),
        )  # fmt: skip
        expected, _ = defined(node, num, den)
        for found in quotients(node, num, den):
            np.testing.assert_array_equal(found, expected)

    check()
