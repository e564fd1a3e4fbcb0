"""The width proof holds for whatever runs, and its edges are reached."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit import Neurons
from eideploy.circuit.proof import Number, prove
from eideploy.execute.integer import run_integer
from eideploy.neurons import IntegerLIF
from eideploy.numeric.operators import InArrays
from tests.helpers.layers import circuit, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, general, samples

KEEP = frozenset({"currents", "divisors", "inhibition", "membranes", "spikes", "inputs"})


def of(numbers, role):
    return next(n for n in numbers if n.role == role)


@given(data=st.data(), net=circuits())
def test_no_number_leaves_its_interval(data, net):
    trace = run_integer(net, data.draw(samples(net, count=4)), keep=KEEP)
    lifs = net.of(Neurons)
    assert trace.membranes.keys() == {lif.name for lif in lifs}
    assert trace.currents.keys() == {lif.inputs[0] for lif in lifs}
    for name, numbers in prove(net).items():
        if name in trace.currents:
            currents, of_i = trace.currents[name], of(numbers, "I")
            assert of_i.low <= currents.min()
            assert currents.max() <= of_i.high
            if name in trace.divisors:
                assert trace.divisors[name].max() <= of(numbers, "DEN").high
            assert trace.saturated[name] == 0 or of(numbers, "c").can_saturate
        if name in trace.membranes:
            node = net.node(name)
            threshold = node.model.threshold.reshape(-1, *(1,) * (trace.membranes[name].ndim - 3))
            u, proven = trace.membranes[name] + threshold * trace.spikes[name], numbers[0]
            assert proven.low <= u.min()
            assert u.max() <= proven.high
            assert trace.saturated[name] == 0 or proven.can_saturate


@given(data=st.data())
def test_general_neurons_never_leave_their_interval(data):
    """Unclipped, and with currents of which many are at the ends of their interval."""
    model = replace(data.draw(general(3)), membrane_bits=32)
    low = data.draw(st.integers(-30, 5), label="low")
    high = data.draw(st.integers(low, 40), label="high")
    steps = data.draw(st.integers(1, 12), label="steps")
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    ends = rng.choice([low, high], (steps, 20, 3))
    currents = np.where(rng.random((steps, 20, 3)) < 0.7, ends, rng.integers(low, high + 1, 3))
    do, v, s = InArrays(32), np.zeros((20, 3), np.int64), np.zeros((20, 3), np.int64)
    given_to, found, filtered = (low, high), [0, 0], [0, 0]
    if model.has_synapse:
        given_to = model.reach_filtered(low, high, steps)
    for current in currents:
        now = current
        if model.has_synapse:
            s, _ = model.filtered(s, current, do)
            now, filtered = s, [min(filtered[0], s.min()), max(filtered[1], s.max())]
        u = unreset(model, v, now)
        v, _, clipped = model.step(v, now, do)
        assert clipped == 0
        found = [min(found[0], u.min()), max(found[1], u.max())]
    proven = model.reach(*given_to, steps)
    assert proven[0] <= found[0]
    assert found[1] <= proven[1]
    assert given_to[0] <= filtered[0] or not model.has_synapse
    assert filtered[1] <= given_to[1] or not model.has_synapse


def unreset(model, v, current):
    """Return u of (A35): the membrane of the same neuron whose reset follows a step late, or not.

    A neuron without a delay has u where nothing is reset; one with a delay keeps u.
    """
    if model.delay == "none":
        model = replace(model, reset="none", v_reset=None)
    u, _, _ = model.step(v, current, InArrays(32))
    return u


@given(
    low=st.integers(-6, 0),
    high=st.integers(0, 6),
    threshold=st.integers(1, 5),
    leak=st.integers(0, 3),
    steps=st.integers(1, 3),
)
def test_some_currents_drive_a_membrane_to_both_edges(low, high, threshold, leak, steps):
    model = IntegerLIF(threshold=np.array([threshold]), leak=leak, membrane_bits=32)
    proven = model.reach(low, high, steps)
    currents = np.array(list(product(range(low, high + 1), repeat=steps))).T
    v, seen = np.zeros((currents.shape[1], 1), np.int64), [0, 0]
    for current in currents:
        before = v - (v >> leak) + current[:, None]
        v, _, _ = model.step(v, current[:, None], InArrays(32))
        seen = [min(seen[0], int(before.min())), max(seen[1], int(before.max()))]
    assert tuple(seen) == proven


@pytest.mark.parametrize(("steps", "reaches"), [(1, 20), (2, 30), (3, 35)])
def test_a_membrane_that_outgrows_its_width_is_said_to_saturate(steps, reaches):
    low, high = IntegerLIF(threshold=np.array([1]), leak=1, membrane_bits=6).reach(-5, 20, steps)
    assert high == reaches
    assert Number(role="u", low=low, high=high, saturates=6).can_saturate == (reaches > 31)


def test_widths_are_those_of_the_interval():
    def bits(low, high):
        return Number(role="x", low=low, high=high).bits

    assert [bits(0, 255), bits(0, 256), bits(-128, 127), bits(-129, 0)] == [8, 9, 8, 9]


def test_products_are_proven_from_the_largest_weights():
    layer = linear("layer", "input", [[3, 5]], [[7, 2]], [[11]], gain=13)
    net = circuit(
        source((2,), top=10), layer, lif("lif", "layer", 1), readout("lif", [[1]], [[0]], [[0]])
    )
    highest = {n.role: n.high for n in prove(net)["layer"]}
    assert highest["Q_EE X, a product"] == 50
    assert highest["Q_IE X, a product"] == 70
    assert highest["S"] == 90
    assert highest["Q_EI S, a product"] == 990
    assert highest["Q_EI G S, a product"] == 90 * 13 * 11
