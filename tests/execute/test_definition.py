"""The fast simulator gives what the definition gives, whatever the node, division and time step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.circuit import Division, Layer
from eideploy.divisions import (
    constant,
    divide,
    exact,
    lut,
    methods,
    mitchell,
    none,
    pwl,
    shift,
    shift2,
)
from eideploy.execute.definition import init, step, totals
from eideploy.execute.integer import INNER, run_integer
from eideploy.execute.samples import over_time
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.float_circuits import changed
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import lif, linear, source
from tests.helpers.random_circuits import circuits, general, looped, samples

DIVIDERS = (
    exact(), lut(3, 4), lut(8, 8), pwl(2, 6), shift(), shift2(), mitchell(), constant(), none(),
)  # fmt: skip
COMPILED = KEEP_ALL - INNER  # what compiled layers can keep, too
each_divider = pytest.mark.parametrize("divider", DIVIDERS, ids=lambda d: d.label)


def test_every_method_is_tried():
    assert {divider.method for divider in DIVIDERS} == {kind.method for kind in methods()}


@each_divider
def test_the_fast_simulator_equals_the_definition(divider):
    @settings(max_examples=30)
    @given(data=st.data(), circuit=circuits(method="exact"))
    def check(data, circuit):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="constants"))
        policy = data.draw(st.sampled_from(["minimum", "floor"]), label="policy")
        division = Division(divider=divider, zero_policy=policy)
        divided = circuit.rewrite(
            Layer,
            lambda n: (
                n
                if n.is_readout
                else changed(n, division=division, constant=rng.integers(1, 99, n.n_e))
            ),
        )
        x = data.draw(samples(divided), label="samples")
        for kinds in (KEEP_ALL, COMPILED):
            assert_same(divided, x, run_integer(divided, x, keep=kinds))

    check()


def some_lif(n):
    """Draw general neurons, or LIF neurons among them, which may read several spikes a step."""
    return st.one_of(general(n), st.just(lif("", "", n, threshold=3).model))


@settings(max_examples=60)
@given(data=st.data(), circuit=looped(neurons=some_lif))
def test_networks_of_general_neurons_are_what_the_definition_says(data, circuit):
    x = data.draw(samples(circuit), label="samples")
    fast = run_integer(circuit, x, keep=KEEP_ALL)
    assert_same(circuit, x, fast)


def assert_same(circuit, x, fast):
    """Run every sample by the definition; every number of every step is that of the trace."""
    given_at = over_time(circuit, x)
    clipped = dict.fromkeys(fast.saturated, 0)
    for b in range(len(x)):
        state, moments = init(circuit), []
        for t in range(circuit.steps):
            state, moment = step(circuit, state, given_at[t % len(given_at), b])
            moments.append(moment)
            assert_moment(fast, moment, state, t, b)
            for name, count in moment.saturated.items():
                clipped[name] += count
        np.testing.assert_array_equal(fast.totals[b], totals(circuit, moments).astype(np.int64))
    assert clipped == dict(fast.saturated)


def assert_moment(fast, moment, state, t, b):
    defined = {
        "spikes": moment.outputs, "currents": moment.outputs, "inhibition": moment.inhibition,
        "divisors": moment.divisors, "membranes": state.membranes,
    }  # fmt: skip
    for kind, by_node in defined.items():
        for name, array in getattr(fast, kind).items():
            expected = by_node[name].astype(np.int64)
            np.testing.assert_array_equal(array[t, b], expected, err_msg=f"{kind} of {name}")


@each_divider
@given(
    num=st.integers(-(1 << 45), 1 << 45),
    den=st.integers(1, 1 << 45),
    fraction=st.integers(-45, 14),
)
def test_a_quotient_of_arrays_is_that_of_the_definition(divider, num, den, fraction):
    numbers = (np.array([n], np.int64) for n in (num, den, fraction))
    fast, saturated = divide(*numbers, divider, bits=24)
    magnitude = divider.scalar(abs(num), den, fraction)
    most = (1 << 23) - 1
    assert abs(int(fast[0])) == min(magnitude, most)
    assert bool(saturated[0]) == (magnitude > most)


def test_state_goes_in_and_comes_out():
    """Nothing is kept between calls: from the same state a step gives the same."""
    layer = linear("layer", "input", [[3]], [[1]], [[1]])
    circuit = of_nodes(source((1,)), layer, lif("lif", "layer", 1, threshold=100), steps=2)
    first, _ = step(circuit, init(circuit), np.ones(1))
    second, moment = step(circuit, first, np.ones(1))
    again, repeated = step(circuit, first, np.ones(1))
    v = [state.membranes["lif"].tolist() for state in (first, second, again)]
    assert v[1] == v[2] != v[0]
    assert moment.outputs["lif"].tolist() == repeated.outputs["lif"].tolist()
