"""The `ei` dialect of NIR: a circuit comes back as it was, and nothing else does."""

import io
from contextlib import suppress
from dataclasses import replace

import h5py
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.nir import dialect_of, graph, load, parse, save
from eideploy.backends.nir.dialects import of_dialect
from eideploy.backends.nir.foreign import read_file
from eideploy.backends.nir.meaning import as_tool
from eideploy.backends.nir.options import DIALECTS, Reading
from eideploy.backends.nir.readers import save_for
from eideploy.circuit import (
    Circuit,
    Flatten,
    Folded,
    Input,
    IntegerInput,
    Integrator,
    LayerRange,
    Logits,
    Neurons,
    Ranges,
)
from eideploy.errors import CapacityError, FormatError, InvariantError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.neurons import LIF, GeneralLIF
from tests.helpers.equality import assert_same
from tests.helpers.float_circuits import conv_net, float_twin, mlp, plain, plain_readout
from tests.helpers.random_circuits import circuits


def as_float(node):
    if isinstance(node, IntegerInput):
        return Input(name=node.name, size=node.size, high=node.step * node.top)
    if isinstance(node, Neurons):
        model = LIF(tau=2.0**node.model.leak, reset=node.model.reset)
        return Neurons(name=node.name, inputs=node.inputs, model=model)
    return node


def floating(circuit):
    """Return the float twin of a random integer circuit."""

    class Nodes:
        nodes = tuple(as_float(node) for node in circuit.nodes)

    return float_twin(circuit, Nodes)


def ranges_of(circuit, constant):
    """Return a calibration that found one constant divisor for all neurons."""
    none = np.zeros(0)
    layers = {
        node.name: LayerRange(
            divisor_floor=1.0, zero_divisors=0.0, mean_input=none, mean_inhibition=none,
            constant_divisor=np.full(node.n_e, constant), second_moment=none,
        )
        for node in circuit.layers
    }  # fmt: skip
    return Ranges(samples=1, layers=layers)


def written(circuit):
    buffer = io.BytesIO()
    nir.write(buffer, graph(circuit))
    return buffer.getvalue()


@settings(max_examples=25)
@given(data=st.data())
def test_a_circuit_comes_back_as_it_was(data):
    circuit = floating(data.draw(circuits(folding=False)))
    seen = ranges_of(circuit, data.draw(st.floats(0.1, 10)))
    for dialect in DIALECTS:
        form = of_dialect(circuit, seen, dialect)
        assert dialect_of(form) == dialect
        assert_same(parse(written(form), where="it"), form)


@pytest.mark.parametrize("make", [mlp, conv_net])
def test_a_file_holds_standard_nodes_and_one_extension_with_dales_law_kept(make, tmp_path):
    circuit = make(np.random.default_rng(0))
    save(circuit, tmp_path / "model.nir")
    assert_same(load(tmp_path / "model.nir"), circuit)
    found = nir.read(tmp_path / "model.nir")
    own = {type(n).__name__ for n in found.nodes.values() if not hasattr(nir, type(n).__name__)}
    assert own == {"EIDivision"}
    assert found.metadata["dialect"] == "ei"
    roles = ("_excitatory", "_inhibitory", "_subtractive", "_divisive")
    weights = {name: n.weight for name, n in found.nodes.items() if name.endswith(roles)}
    assert {name[name.rindex("_") :] for name in weights} == set(roles)
    assert [name for name, weight in weights.items() if weight.min() < 0] == []
    assert [name for name, weight in weights.items() if weight.max() == 0] == []


def test_a_spike_at_the_threshold_itself_is_one():
    circuit = mlp(np.random.default_rng(0))
    nodes = graph(circuit).nodes
    threshold = nodes["lif1_spikes"].threshold.ravel()[0]
    assert threshold < circuit.node("lif1").model.threshold == np.nextafter(threshold, 2)
    membrane, reset = nodes["lif1_membrane"], nodes["lif1_reset"]
    decay = 1 - 1e-4 / membrane.tau.ravel()[0]
    assert decay == pytest.approx(0.5)
    assert reset.scale.ravel()[0] == -0.5  # what is left of theta after a step of leak
    assert membrane.r.ravel()[0] * 1e-4 / membrane.tau.ravel()[0] == pytest.approx(1)


def test_a_changed_weight_a_lost_edge_and_another_dialect_are_refused(tmp_path):
    path, circuit = tmp_path / "model.nir", conv_net(np.random.default_rng(0))
    save(circuit, path)
    first = (0, 0, 0, 0)
    for place, index, value, what in (
        ("nodes/conv1_numerator/weight", first, 2.0, "changed"),
        ("nodes/lif1_reset/scale", (0, 0, 0), -0.4, "changed"),
        ("nodes/conv1_excitatory/weight", first, -1.0, "below"),
        ("metadata/dialect", (), "plain", "changed"),
        ("metadata/dialect", (), "other", "dialect"),
        ("metadata/circuit", (), "{", "not a readable NIR graph"),
    ):
        other = tmp_path / "other.nir"
        other.write_bytes(path.read_bytes())
        with h5py.File(other, "r+") as file:
            file[f"node/{place}"][index] = value
        with pytest.raises(FormatError, match=what):
            load(other)


@settings(max_examples=100, deadline=None)
@given(place=st.integers(0, 10**6), value=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_gives_a_circuit(place, value, cut):
    data = bytearray(DATA)
    place %= len(data)
    data[place] = value
    damaged = bytes(data[:place]) if cut else bytes(data)
    with suppress(FormatError):
        assert isinstance(parse(damaged, where="it"), Circuit)


DATA = written(mlp(np.random.default_rng(0)))


def test_what_is_no_file_and_names_that_collide_are_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be read"):
        load(tmp_path / "nowhere.nir")
    circuit = mlp(np.random.default_rng(0))
    first, *others = circuit.nodes
    twice = Flatten(name="linear1.excitatory", inputs=("linear1",))
    with pytest.raises(InvariantError, match="two nodes would be called"):
        graph(Circuit(nodes=(first, others[0], twice), steps=1))


GENERAL = {
    "any leak, one of each": GeneralLIF(beta=np.array([0.9, 0.5, 0.0, 1.0]), reset="zero"),
    "any reset": GeneralLIF(beta=0.7, reset="value", v_reset=-0.25, fires=">", threshold=0.8),
    "no leak": GeneralLIF(beta=1.0, reset="zero"),
    "a filter": GeneralLIF(beta=0.9, alpha=np.array([0.1, 0.5, 0.8, 0.0]), reset="zero"),
}


def general_net(model):
    rng = np.random.default_rng(0)
    hidden = plain("in", "input", rng.normal(0.2, 0.6, (4, 6)), bias=0.05)
    out = plain_readout("out", "lif", rng.normal(0, 1, (3, 4)))
    neurons = Neurons(name="lif", inputs=("in",), model=model)
    return Circuit(nodes=(Input(name="input", size=(6,)), hidden, neurons, out), steps=12)


@pytest.mark.parametrize("model", GENERAL.values(), ids=GENERAL)
def test_general_neurons_that_nir_has_come_back_and_mean_the_same_to_others(model, tmp_path):
    """As eideploy reads other tools' files, and in nirtorch, where that is installed."""
    circuit, path = general_net(model), tmp_path / "model.nir"
    save(circuit, path)
    assert_same(load(path), circuit)
    x = np.random.default_rng(1).random((20, 6))
    exact = run_float(circuit, x).logits
    assert np.ptp(exact) > 0
    foreign, _, _ = as_tool(
        read_file(path.read_bytes(), where=""), Reading(tool="nir"), steps=12, where=""
    )
    np.testing.assert_allclose(run_float(foreign, x).logits, exact, atol=1e-9)
    pytest.importorskip("nirtorch")
    from eideploy.backends.nir.torch_map import nirtorch_run

    np.testing.assert_allclose(nirtorch_run(path, circuit)(x), exact, atol=1e-9)


@pytest.mark.parametrize("read", ["mean", "last", "max"])
@pytest.mark.parametrize("alpha", [None, np.array([0.2, 0.5, 0.9])], ids=str)
def test_integrators_come_back_and_mean_the_same_to_others(read, alpha, tmp_path):
    circuit, path = general_net(GENERAL["a filter"]), tmp_path / "model.nir"
    integrator = Integrator(read=read, beta=np.array([0.0, 0.5, 0.9]), alpha=alpha)
    end = replace(circuit.output, current=Logits(integrator=integrator))
    circuit = replace(circuit, nodes=(*circuit.nodes[:-1], end))
    save(circuit, path)
    assert_same(load(path), circuit)
    x = np.random.default_rng(1).random((20, 6))
    exact = run_float(circuit, x).logits
    reading = Reading(tool="nir")
    foreign, _, _ = as_tool(read_file(path.read_bytes(), where=""), reading, steps=12, where="")
    np.testing.assert_allclose(run_float(foreign, x).logits, exact, atol=1e-9)
    pytest.importorskip("nirtorch")
    from eideploy.backends.nir.torch_map import nirtorch_run

    np.testing.assert_allclose(nirtorch_run(path, circuit)(x), exact, atol=1e-9)


@pytest.mark.parametrize("kind", ["no leak", "a filter", "any reset"])
def test_neurons_that_read_themselves_come_back_and_mean_the_same_to_others(kind, tmp_path):
    circuit, path = general_net(GENERAL[kind]), tmp_path / "model.nir"
    rng = np.random.default_rng(3)
    first, hidden, *others = circuit.nodes
    weights = np.hstack([hidden.weights[0], rng.normal(0, 0.7, (4, 4))])
    hidden = replace(
        hidden, inputs=("input", "lif"), delayed=("lif",), projection=Folded(w_num=weights)
    )
    circuit = replace(circuit, nodes=(first, hidden, *others))
    save(circuit, path)
    assert_same(load(path), circuit)
    x = rng.random((20, 6))
    exact = run_float(circuit, x).logits
    apart = replace(circuit, nodes=(first, without_its_loop(hidden), *others))
    assert np.abs(exact - run_float(apart, x).logits).max() > 0.05  # the loop matters
    reading = Reading(tool="nir")
    foreign, _, _ = as_tool(read_file(path.read_bytes(), where=""), reading, steps=12, where="")
    np.testing.assert_allclose(run_float(foreign, x).logits, exact, atol=1e-9)
    pytest.importorskip("nirtorch")
    from eideploy.backends.nir.torch_map import nirtorch_run

    np.testing.assert_allclose(nirtorch_run(path, circuit)(x), exact, atol=1e-9)
    with pytest.raises(CapacityError, match="the file for snntorch cannot run the edge lif -> in"):
        save_for(circuit, tmp_path / "other.nir", "snntorch")


def without_its_loop(layer):
    """Return a layer without what it reads of its own neurons."""
    whole = layer.weights[0]
    return replace(layer, inputs=("input",), delayed=(), projection=Folded(w_num=whole[:, :6]))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reset": "subtract"}, "reset 'subtract'"),
        ({"delay": "reset"}, "a reset one step late"),
        ({"max_spikes": 3}, "up to 3 spikes a step"),
        ({"v_min": -1.0}, "a lowest membrane"),
    ],
)
def test_general_neurons_that_nir_has_not_are_refused(changed, said, tmp_path):
    model = GeneralLIF(**({"beta": 0.9, "reset": "zero"} | changed))
    with pytest.raises(UsageError, match="NIR has no neurons with") as error:
        save(general_net(model), tmp_path / "model.nir")
    assert said in error.value.what
    assert list(tmp_path.iterdir()) == []


def test_an_old_nir_is_not_handed_a_reset_that_it_does_not_know(tmp_path):
    with pytest.raises(UsageError, match=r"nir 1\.0\.4 has no v_reset"):
        save(general_net(GENERAL["any reset"]), tmp_path / "model.nir", compat="1.0.4")
    assert list(tmp_path.iterdir()) == []
