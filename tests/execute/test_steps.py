"""Time: a step at a time is a whole sequence, also of networks whose edges carry a delay."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.place import place
from eideploy.backends.nir import graph
from eideploy.circuit import Add, Circuit, Conv, Flatten, Input, Layer, Neurons
from eideploy.circuit.forms import folded
from eideploy.circuit.store import load, save
from eideploy.divisions import lut
from eideploy.errors import CapacityError, FormatError
from eideploy.execute.float_reference import FloatReference, run_float
from eideploy.execute.integer import IntegerSimulator, run_integer
from eideploy.execute.observe import observe
from eideploy.execute.samples import over_time
from eideploy.execute.trace import KEEP_ALL
from eideploy.neurons import LIF
from eideploy.passes.calibrate import calibrate
from eideploy.passes.check_widths import check_widths
from eideploy.passes.lower_division import lower_division
from eideploy.passes.quantize import quantize
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from tests.execute.test_definition import assert_same as assert_as_defined
from tests.helpers.equality import assert_same
from tests.helpers.float_circuits import (
    conv_net,
    ei_fields,
    ei_linear,
    layer,
    mlp,
    readout,
    synapses,
)
from tests.helpers.random_circuits import circuits, samples

DIGITAL = load_target("digital")


def recurrent(rng, steps=5):
    """Return a network of every kind of edge: own-layer recurrence, a back edge, a late skip."""
    nodes = (
        Input(name="input", size=(2, 5, 5)),
        layer("conv1", "input", geometry=Conv(padding=1), **ei_fields(rng, 4, (2, 3, 3))),
        Neurons(name="lif1", inputs=("conv1",), model=LIF()),
        late("conv2", "lif1", "lif2", "lif3", geometry=Conv(padding=1),
             **ei_fields(rng, 4, (12, 3, 3))),
        Neurons(name="lif2", inputs=("conv2",), model=LIF(reset="zero")),
        layer("conv3", "lif2", geometry=Conv(padding=1), **ei_fields(rng, 4, (4, 3, 3))),
        Neurons(name="lif3", inputs=("conv3",), model=LIF()),
        Add(name="add", inputs=("lif3", "lif1"), delayed=("lif1",)),
        Flatten(name="flatten", inputs=("add",)),
        late("linear4", "flatten", "lif4", **ei_fields(rng, 6, (106,))),
        Neurons(name="lif4", inputs=("linear4",), model=LIF()),
        readout("readout", "lif4", **synapses(rng, 3, (6,))),
    )  # fmt: skip
    return Circuit(nodes=nodes, steps=steps)


def late(name, reads, *delayed, **fields):
    """Return a layer that reads a node, and beside it others one step late."""
    return replace(layer(name, reads, **fields), inputs=(reads, *delayed), delayed=delayed)


def compiled(circuit, x):
    made = quantize(
        calibrate(circuit, ranges=observe(circuit, x)),
        scheme=load_scheme("int8"),
        widths=DIGITAL.widths,
    )
    lowered = lower_division(made, divider=lut(8, 8), zero_policy="minimum", target=DIGITAL)
    return check_widths(lowered, widths=DIGITAL.widths)


def given_samples(rng, circuit, count=3):
    shape = (count, circuit.steps, *circuit.input.size)
    return rng.random(shape) * (rng.random(shape) < 0.6)


def assert_steps_are_the_sequence(executor, trace, x):
    """Step through x (B, T, ...): outputs add up, and membranes end as the sequence's do."""
    state, total = executor.init(len(x)), 0
    for t in range(executor.circuit.steps):
        state, y = executor.step(state, x[:, t])
        total = total + y
    np.testing.assert_array_equal(total, trace.totals)
    for name, v in trace.membranes.items():
        np.testing.assert_array_equal(state.membranes[name], v[-1])


def sequence(circuit, x):
    """Return samples as (B, T, ...)."""
    steps = over_time(circuit, x).repeat(circuit.steps // len(over_time(circuit, x)), axis=0)
    return steps.swapaxes(0, 1)


@given(data=st.data(), circuit=circuits())
def test_steps_of_any_integer_circuit_are_its_sequence(data, circuit):
    x = sequence(circuit, data.draw(samples(circuit), label="samples"))
    trace = run_integer(circuit, x, keep=frozenset({"membranes"}))
    assert_steps_are_the_sequence(IntegerSimulator(circuit), trace, x)


@pytest.mark.parametrize("net", [mlp, conv_net, recurrent])
@pytest.mark.parametrize("form", ["factored", "folded"])
def test_steps_of_a_float_circuit_are_its_sequence(net, form):
    rng = np.random.default_rng(1)
    circuit = net(rng)
    circuit = circuit.rewrite(Layer, folded) if form == "folded" else circuit
    x = given_samples(rng, circuit)
    trace = run_float(circuit, x, keep=frozenset({"membranes"}))
    state, total = FloatReference(circuit).init(len(x)), 0
    for t in range(circuit.steps):
        state, y = FloatReference(circuit).step(state, x[:, t])
        total = total + y
    np.testing.assert_allclose(total, trace.totals, rtol=1e-12)
    for name, v in trace.membranes.items():
        np.testing.assert_allclose(state.membranes[name], v[-1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_a_recurrent_network_is_what_the_definition_says(seed):
    rng = np.random.default_rng(seed)
    circuit = recurrent(rng)
    integer = compiled(circuit, given_samples(rng, circuit, 16))
    x = given_samples(rng, circuit)
    trace = run_integer(integer, x, keep=KEEP_ALL)
    assert all(z.any() for z in trace.spikes.values())
    assert_as_defined(integer, x, trace)
    assert_steps_are_the_sequence(IntegerSimulator(integer), trace, x)


def test_a_recurrent_network_of_integers_spikes_as_that_of_floats():
    rng = np.random.default_rng(5)
    circuit = recurrent(rng)
    x = given_samples(rng, circuit, 32)
    keep = frozenset({"spikes"})
    ours = run_integer(compiled(circuit, x), x, keep=keep)
    for name, theirs in run_float(circuit, x, keep=keep).spikes.items():
        assert (ours.spikes[name] != theirs).mean() < 0.05 * theirs.mean(), name


def test_a_network_without_its_loops_spikes_otherwise():
    rng = np.random.default_rng(6)
    circuit = recurrent(rng)
    silent = circuit.rewrite(Layer, without_late_weights)
    x, keep = given_samples(rng, circuit), frozenset({"spikes"})
    with_loops, without = (run_float(c, x, keep=keep).spikes for c in (circuit, silent))
    np.testing.assert_array_equal(with_loops["lif1"], without["lif1"])
    np.testing.assert_array_equal(with_loops["lif2"][0], without["lif2"][0])
    assert (with_loops["lif2"][1:] != without["lif2"][1:]).any()


def without_late_weights(node):
    """Return a layer that makes nothing of what it reads one step late."""
    if not node.delayed:
        return node
    w, kept = node.projection, {"conv2": 4, "linear4": 100}[node.name]
    mask = (np.arange(w.w_ee.shape[1]) < kept).reshape(-1, *(1,) * (w.w_ee.ndim - 2))
    return replace(node, projection=replace(w, w_ee=w.w_ee * mask, w_ie=w.w_ie * mask))


def test_delays_are_kept_in_the_file_and_shown_in_the_text(tmp_path):
    circuit = recurrent(np.random.default_rng(0))
    save(circuit, tmp_path / "net.eic")
    assert_same(load(tmp_path / "net.eic"), circuit)
    assert (
        "conv2 = Layer(lif1, lif2 one step late, lif3 one step late) -> 4x5x5" in circuit.in_full()
    )


EDGE = "lif2 -> conv2, one step late; lif3 -> conv2, one step late; lif1 -> add, one step late"


def test_what_cannot_carry_a_delay_names_the_edges():
    rng = np.random.default_rng(0)
    circuit = recurrent(rng)
    with pytest.raises(CapacityError, match="cannot run the edges") as caught:
        graph(circuit)
    assert EDGE in caught.value.what


def test_the_core_steps_a_recurrent_network_as_it_runs_at_once():
    """A made data set of the shape of SHD: 700 channels, 500 steps, few events."""
    rng = np.random.default_rng(2)
    nodes = (
        Input(name="input", size=(700,)),
        late("linear1", "input", "lif1", **ei_fields(rng, 24, (724,))),
        Neurons(name="lif1", inputs=("linear1",), model=LIF(tau=16.0)),
        late("linear2", "lif1", "lif2", **ei_fields(rng, 16, (40,))),
        Neurons(name="lif2", inputs=("linear2",), model=LIF(tau=16.0)),
        readout("readout", "lif2", **synapses(rng, 20, (16,))),
    )
    circuit = Circuit(nodes=nodes, steps=500)
    x = (rng.random((9, 500, 700)) < 0.01).astype(np.float32)
    integer = compiled(circuit, x[1:])
    trace = run_integer(integer, x[:1], keep=KEEP_ALL)
    assert all(0.01 < z.mean() < 0.9 for z in trace.spikes.values())
    program = place(integer, target=DIGITAL)
    machine, simulator = StateMachine(program), IntegerSimulator(integer)
    core, streamed, cycles = machine.init(), simulator.init(1), 0
    for t in range(500):
        core, step = machine.step(core, x[0, t])
        streamed, _ = simulator.step(streamed, x[:1, t])
        for name, z in trace.spikes.items():
            np.testing.assert_array_equal(step.spikes[name], z[t, 0])
            np.testing.assert_array_equal(step.membranes[name], streamed.membranes[name][0])
        cycles += sum(counted.total() for counted in step.cycles.values())
    assert step.logits == trace.totals[0].tolist()
    assert cycles == count_cycles(program, trace).per_inference[0]


def test_a_layer_that_reads_two_nodes_is_placed_and_has_no_form_in_nir():
    rng = np.random.default_rng(0)
    base = mlp(rng)
    both = replace(ei_linear(rng, "linear2", "lif1", 16, 8), inputs=("lif1", "lif1"))
    nodes = (*base.nodes[:3], both, Neurons(name="lif2", inputs=("linear2",), model=LIF()))
    net = Circuit(nodes=(*nodes, replace(base.nodes[3], inputs=("lif2",))), steps=3)
    integer = compiled(net, given_samples(rng, net))
    assert [route.first for route in place(integer, target=DIGITAL).stages[1].routes] == [0, 8]
    with pytest.raises(CapacityError, match="edges lif1, lif1 -> linear2, side by side"):
        graph(net)


@pytest.mark.parametrize(
    ("edges", "what"),
    [
        ({"inputs": ("input", "linear1"), "delayed": ("linear1",)}, "which are no neurons"),
        ({"inputs": ("lif1",), "delayed": ("lif1",)}, "lif1, which does not stand before it"),
        ({"inputs": ("input", "lif1"), "delayed": ("lif1",)}, "its weights take"),
        ({"delayed": ("lif1",)}, "does not read all of"),
    ],
)
def test_an_edge_that_cannot_be_is_refused(edges, what):
    first, linear, *others = mlp(np.random.default_rng(0)).nodes
    with pytest.raises(FormatError, match=what):
        Circuit(nodes=(first, replace(linear, **edges), *others), steps=3)
