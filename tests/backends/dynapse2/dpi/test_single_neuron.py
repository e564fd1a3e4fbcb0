"""What shunt and GABA_B make of one neuron's membrane and rate."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.dpi.single_neuron import DRIVE, respond
from tests.backends.dynapse2.wirings import wiring


@pytest.fixture(scope="module")
def found():
    return respond(replace(wiring(2, []), dendrite="linear"), 1, 2.0)


def test_the_shunt_divides_the_membrane_whatever_the_input(found):
    assert found.ratio["shunt"] == pytest.approx((0.5, 0.5), rel=1e-3)


def test_gaba_subtracts_the_same_whatever_the_input(found):
    taken = DRIVE / 2 * (1 - 1 / 2.0)
    assert found.change["gaba"] == pytest.approx((-taken, -taken), rel=1e-2)


def test_with_full_dendrites_the_shunt_still_divides_by_one_number():
    least, most = respond(wiring(2, []), 1, 2.0).ratio["shunt"]
    assert 0.4 < least <= most < 0.6
    assert most / least < 1.01


def test_on_the_rate_both_subtract(found):
    for case in ("shunt", "gaba"):
        slope, offset = found.line[case]
        assert slope > 1  # a division would have 1/2
        assert offset < -10
        assert np.diff(found.rate_hz[case]).min() >= 0
    assert found.line["none"] == pytest.approx((1, 0), abs=1e-9)


def test_a_divisor_of_one_changes_nothing():
    same = respond(wiring(1, []), 0, 1.0)
    assert same.rate_hz["shunt"] == same.rate_hz["none"] == same.rate_hz["gaba"]
