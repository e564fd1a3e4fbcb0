"""General neurons in integers: plain integers, arrays, and what floats become."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit import Neurons
from eideploy.errors import CapacityError, FormatError
from eideploy.neurons import GeneralLIF, IntegerGeneralLIF, IntegerLIF
from eideploy.numeric.operators import InArrays
from tests.helpers.layers import circuit, linear, readout, source
from tests.helpers.random_circuits import general

NEURONS = 4


@given(data=st.data(), model=general(NEURONS))
def test_a_step_is_what_its_plain_integers_say(data, model):
    limit = 1 << (model.membrane_bits - 1)
    membranes = st.lists(st.integers(-limit, limit - 1), min_size=NEURONS, max_size=NEURONS)
    currents = st.lists(st.integers(-(2**17), 2**17), min_size=NEURONS, max_size=NEURONS)
    v, s, i = (np.array([data.draw(x)], np.int64) for x in (membranes, membranes, currents))
    do = InArrays(model.membrane_bits)
    after, spikes, clipped = model.step(v, i, do)
    filtered, beyond = model.filtered(s, i, do) if model.has_synapse else (None, 0)
    plain_clipped = plain_beyond = 0
    for n in range(NEURONS):
        own = {name: int(getattr(model, name)[n]) for name in model.per_neuron}
        *plain, one = model.scalar(int(v[0, n]), int(i[0, n]), own)
        assert plain == [after[0, n], spikes[0, n]]
        plain_clipped += one
        if filtered is not None:
            value, one = model.scalar_filtered(int(s[0, n]), int(i[0, n]), own)
            assert value == filtered[0, n]
            plain_beyond += one
    assert (clipped, beyond) == (plain_clipped, plain_beyond)


@given(v=st.integers(-(2**15), 2**15 - 1), i=st.integers(-(2**16), 2**16), tau=st.integers(0, 8))
def test_a_leak_by_a_power_of_two_is_that_of_lif_bit_for_bit(v, i, tau):
    unit = np.array([1000.0])
    model = GeneralLIF(beta=1 - 2.0**-tau).to_integers(unit, bits=16, where="")
    lif = IntegerLIF(threshold=model.threshold, leak=tau, membrane_bits=16)
    assert model.scalar(v, i, {"threshold": 1000, "leak": int(model.leak[0])}) == lif.scalar(
        v, i, {"threshold": 1000}
    )
    assert (model.leak[0], model.leak_fraction) == (1, tau)
    assert model.product_bits == 0


@given(beta=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_a_leak_is_as_near_as_twelve_bits_come(beta):
    model = GeneralLIF(beta=np.array(beta)).to_integers(np.ones(len(beta)), bits=16, where="")
    lost = 1 - np.array(beta)
    assert model.leak.max() <= 1 << 12
    units = np.ldexp(lost, model.leak_fraction)
    assert (np.abs(units - model.leak) <= 0.5).all()
    if lost.max() > 2.0**-19:  # beyond, the last of 31 bits decide
        assert abs(model.leak.max() / 2**model.leak_fraction / lost.max() - 1) <= 2.0**-12


def test_numbers_of_neurons_are_in_units_of_their_own_membrane():
    model = GeneralLIF(
        beta=0.9, threshold=np.array([1.0, 0.5]), reset="value", v_reset=-0.25, v_min=-1.0
    )
    made = model.to_integers(np.array([100.0, 1000.0]), bits=16, where="")
    assert made.threshold.tolist() == [100, 500]
    assert made.v_reset.tolist() == [-25, -250]
    assert made.v_min.tolist() == [-100, -1000]


def test_a_membrane_that_is_reset_to_where_it_cannot_be_is_refused():
    model = GeneralLIF(beta=0.5, reset="value", v_reset=-40.0)
    with pytest.raises(CapacityError, match="v_reset is -4000 LSB, less than a membrane of 12"):
        model.to_integers(np.array([100.0]), bits=12, where="node n")


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"leak": np.array([9])}, "has a leak outside of 0..8"),
        ({"leak": np.array([1.0])}, "has a leak of float64"),
        ({"leak_fraction": 40}, "has a leak in units of 2\\^-40"),
        ({"v_min": np.array([-129])}, "below what 8 bits hold"),
        ({"v_min": np.array([0, 0])}, "has a v_min of int64\\[2\\]"),
        ({"reset": "value"}, "has reset 'value' and v_reset None"),
    ],
)
def test_integers_that_contradict_themselves_are_refused(wrong, what):
    fields = {"threshold": np.array([5]), "leak": np.array([1]), "leak_fraction": 3}
    model = IntegerGeneralLIF(**{**fields, "membrane_bits": 8, **wrong})
    one = np.ones((1, 1))
    with pytest.raises(FormatError, match=what):
        circuit(
            source((1,)), linear("layer", "input", one, one, one),
            Neurons(name="neurons", inputs=("layer",), model=model),
            readout("neurons", one, one, one),
        )  # fmt: skip
