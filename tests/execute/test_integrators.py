"""Outputs that are read off integrators: every executor gives the same, in floats and integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eideploy.backends.c.executor import Compiled
from eideploy.backends.c.network import Network
from eideploy.backends.digital.place import place
from eideploy.backends.onnx.graph import NARROW
from eideploy.backends.onnx.words import words_of
from eideploy.backends.onnx.writer import float_model, integer_model
from eideploy.circuit import (
    Circuit,
    Dense,
    Folded,
    Input,
    IntegerIntegrator,
    Integrator,
    Layer,
    Logits,
    Neurons,
)
from eideploy.circuit.limits import limits
from eideploy.circuit.store import load, save
from eideploy.errors import CapacityError, FormatError
from eideploy.execute.definition import init, step, totals
from eideploy.execute.float_reference import FloatReference, run_float
from eideploy.execute.integer import IntegerSimulator, run_integer
from eideploy.execute.samples import over_time
from eideploy.neurons import GeneralLIF
from eideploy.numeric.operators import InArrays
from tests.c.test_network import CHECKED, plans
from tests.execute.test_steps import compiled
from tests.helpers import onnx_models
from tests.helpers.float_circuits import layer as ei_layer
from tests.helpers.float_circuits import plain_readout
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import ints, lif, linear, source
from tests.helpers.random_circuits import integrated, samples
from tests.helpers.targets import core_target

READS = ("mean", "last", "max")
STEPS = 9
each_read = pytest.mark.parametrize("read", READS)


def by_definition(circuit, x):
    """Return the totals of samples (B, ...) or (B, T, ...), and every membrane of the output."""
    found, membranes = [], []
    for sample in x:
        state, moments = init(circuit), []
        still = sample.shape == circuit.input.size
        for t in range(circuit.steps):
            state, moment = step(circuit, state, sample if still else sample[t])
            moments.append(moment)
        membranes.append([moment.outputs[circuit.output.name] for moment in moments])
        found.append(totals(circuit, moments))
    return np.array(found).astype(np.int64), np.array(membranes).astype(np.int64)


@settings(max_examples=40)
@given(data=st.data(), circuit=integrated())
def test_the_fast_simulator_equals_the_definition_within_its_bounds(data, circuit):
    x = data.draw(samples(circuit), label="samples")
    expected, membranes = by_definition(circuit, x)
    np.testing.assert_array_equal(run_integer(circuit, x).totals, expected)
    reach = limits(circuit)[circuit.output.name]
    for values in (expected, membranes):
        assert reach.total_low <= values.min()
        assert values.max() <= reach.total_high
    assert reach.state_low <= membranes.min()
    assert membranes.max() <= reach.state_high


@each_read
@pytest.mark.parametrize("filtered", [False, True])
def test_no_sums_go_beyond_the_reach_which_the_extreme_ones_attain(read, filtered):
    """Of every neuron, with a leak of its own."""
    by = IntegerIntegrator(
        read=read, leak=ints([5, 0, 16]), leak_fraction=4,
        synapse_leak=ints([3, 0, 1]) if filtered else None, synapse_fraction=3,
    )  # fmt: skip
    low, high, steps = np.array([-100, 0, -7]), np.array([90, 5, 0]), 30
    rng = np.random.default_rng(0)
    sums = rng.integers(low, high + 1, (steps, 200, 3))
    sums[:, :2] = low, high
    states, total, v_seen, totals, products = [0 * sums[0]] * by.states, None, [], [], []
    for y in sums:
        states = by.step(states, y, InArrays(0))
        total = by.added(total, states[0])
        v_seen.append(states[0])
        totals.append(total)
        leaks = (by.leak, by.synapse_leak)[: by.states]
        products += [abs(s) * leak for s, leak in zip(states, leaks, strict=True)]
    kept = by.reach(low.astype(object), high.astype(object), steps)
    np.testing.assert_array_equal(kept.state_low, np.min(v_seen, axis=(0, 1)))
    np.testing.assert_array_equal(kept.state_high, np.max(v_seen, axis=(0, 1)))
    np.testing.assert_array_equal(kept.total_low, np.min([*v_seen, *totals], axis=(0, 1)))
    np.testing.assert_array_equal(kept.total_high, np.max([*v_seen, *totals], axis=(0, 1)))
    np.testing.assert_array_equal(kept.product, np.max(products, axis=(0, 1)))


def test_what_a_mean_adds_up_does_not_widen_a_leaks_product():
    """In 256 steps the membranes stay below 2^11, their sum below 2^18, a product below 2^18."""
    hidden = linear("layer", "input", [[1]], [[0]], [[0]])
    end = Layer(
        name="readout", inputs=("lif",), projection=Folded(w_num=ints([[100], [-90]])),
        geometry=Dense(),
        current=Logits(
            integrator=IntegerIntegrator(read="mean", leak=ints([100, 127]), leak_fraction=10)
        ),
    )  # fmt: skip
    net = of_nodes(source((1,), top=1), hidden, lif("lif", "layer", 1), end, steps=256)
    reach = limits(net)["readout"]
    assert reach.state_high == reach.product // 100 < 1 << 11
    assert reach.total_high < 1 << 18
    assert words_of(net) == (NARROW, "")


def test_a_leak_that_is_a_shift_makes_no_product():
    by = IntegerIntegrator(read="last", leak=ints([4, 4]), leak_fraction=6)
    assert not by.reach(ints([-5, -9]).astype(object), ints([5, 9]).astype(object), 9).product.any()


@settings(max_examples=30)
@given(data=st.data(), circuit=integrated())
def test_step_by_step_is_in_one_go(data, circuit):
    simulator = IntegerSimulator(circuit)
    x = data.draw(samples(circuit), label="samples")
    state, total = simulator.init(len(x)), None
    frames = over_time(circuit, x)
    for t in range(circuit.steps):
        state, v = simulator.step(state, frames[t % len(frames)])
        total = circuit.logits.integrator.added(total, v)
    np.testing.assert_array_equal(total, run_integer(circuit, x).totals)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), circuit=integrated())
def test_c_is_the_simulator(data, circuit, tmp_path):
    x, plan = data.draw(samples(circuit), label="samples"), data.draw(plans(circuit), label="plan")
    found = Compiled(Network(circuit, plan), tmp_path, CHECKED).totals(x)
    np.testing.assert_array_equal(found, run_integer(circuit, x).totals)


@settings(max_examples=15)
@given(data=st.data(), circuit=integrated())
def test_integer_onnx_is_the_simulator(data, circuit):
    x = data.draw(samples(circuit), label="samples").astype(np.float32)
    expected = run_integer(circuit, x).totals
    for name, run in onnx_models.runs(integer_model(circuit, {}), circuit).items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


def network(read, beta=0.9, alpha=None, seed=0):
    """Return two layers in floats, the second of which integrates."""
    rng = np.random.default_rng(seed)
    neurons = Neurons(name="lif", inputs=("layer",), model=GeneralLIF(beta=0.9))
    hidden = ei_layer(
        "layer", "input", w_ee=rng.random((8, 6)), w_ie=rng.random((2, 6)),
        w_ei=rng.random((8, 2)), g_i=np.ones(2), g_e=np.ones(8), b_e=np.zeros(8),
    )  # fmt: skip
    integrator = Integrator(read=read, beta=beta, alpha=alpha)
    end = plain_readout("readout", "lif", rng.normal(0, 1, (4, 8)) - 0.3, integrator=integrator)
    nodes = (Input(name="input", size=(6,)), hidden, neurons, end)
    return Circuit(nodes=nodes, steps=STEPS)


def frames(count=20, seed=1):
    rng = np.random.default_rng(seed)
    return rng.random((count, STEPS, 6)) * (rng.random((count, STEPS, 6)) < 0.5)


@each_read
@pytest.mark.parametrize("alpha", [None, 0.7, np.array([0.1, 0.5, 0.9, 1.0])], ids=str)
def test_floats_follow_the_equations(read, alpha):
    circuit = network(read, beta=np.array([0.0, 0.5, 0.95, 1.0]), alpha=alpha)
    integrator, x = circuit.logits.integrator, frames()
    spikes = run_float(circuit, x, keep=frozenset({"spikes"})).spikes["lif"]
    v = s = np.zeros((len(x), 4))
    membranes = []
    for z in spikes:
        y = z @ circuit.output.weights[0].T
        s = y if alpha is None else alpha * s + y
        v = integrator.beta * v + s
        membranes.append(v)
    expected = {"mean": np.mean, "max": np.max, "last": lambda a, _: a[-1]}[read](membranes, 0)
    np.testing.assert_allclose(run_float(circuit, x).logits, expected, rtol=0, atol=1e-12)
    session = onnx_models.runs(float_model(circuit, {}), circuit)
    for run in session.values():
        np.testing.assert_allclose(run(x.astype(np.float32)), expected, atol=1e-4)


def test_the_largest_of_membranes_below_zero_is_below_zero():
    circuit = network("max")
    end = replace(circuit.output, projection=Folded(w_num=-np.ones((4, 8))))
    below = replace(circuit, nodes=(*circuit.nodes[:-1], end))
    x = np.ones((1, 6))
    logits = run_float(below, x).logits
    assert (logits < 0).all()
    _, v = FloatReference(below).step(FloatReference(below).init(1), x)
    np.testing.assert_array_equal(v, logits)  # the first step's is the largest


@each_read
def test_quantized_logits_are_those_of_floats(read):
    circuit = network(read, alpha=0.6)
    integer, x = compiled(circuit, frames(60)), frames(60)
    ours, exact = run_integer(integer, x).logits, run_float(circuit, x).logits
    assert np.corrcoef(ours.ravel(), exact.ravel())[0, 1] > 0.98
    assert ours.std() == pytest.approx(exact.std(), rel=0.1)


@each_read
def test_saved_circuits_are_loaded_as_they_were(read, tmp_path):
    for circuit in (network(read, alpha=np.full(4, 0.5)), compiled(network(read), frames())):
        save(circuit, tmp_path / "c.eic")
        loaded = load(tmp_path / "c.eic")
        np.testing.assert_array_equal(
            *(FloatReference(c).sequence(frames(), frozenset(), 1).totals
              if not c.is_integer else run_integer(c, frames()).totals for c in (circuit, loaded))
        )  # fmt: skip
        assert circuit.in_full() == loaded.in_full()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"read": "mean", "beta": 1.5}, "has beta outside of 0..1"),
        ({"read": "first"}, "reads 'first' of its membranes"),
        ({"read": "last", "alpha": np.ones(3)}, r"alpha has shape \(3,\)"),
    ],
)
def test_integrators_that_make_no_sense_are_refused(fields, message):
    readout = network("mean").output
    with pytest.raises(FormatError, match=message):
        replace(readout, current=Logits(integrator=Integrator(**fields)))


def test_the_core_refuses_integrators_by_its_name():
    circuit = compiled(network("last"), frames())
    with pytest.raises(CapacityError, match="target digital has no integrators"):
        place(circuit, target=core_target())
