"""The neuron of docs/extending.md: two classes, which everything that computes neurons takes."""

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.build import load_build
from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.place import place
from eideploy.circuit import Neurons
from eideploy.circuit.proof import prove
from eideploy.circuit.store import load, save
from eideploy.errors import CapacityError, FormatError
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL
from eideploy.folders import load_run
from eideploy.numeric.operators import InArrays
from tests.cli.support import RUN, listing, rehash
from tests.cli.test_verify import rows
from tests.execute.test_definition import assert_same
from tests.helpers.examples import blocks, installed, uninstall
from tests.helpers.float_circuits import mlp
from tests.helpers.layers import circuit, ints, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, samples
from tests.helpers.targets import core_target

(CLASSES, REWRITE), (ENTRY,) = blocks("A neuron", "python"), blocks("A neuron", "toml")
OWN = "runs/own"


@pytest.fixture(scope="module", autouse=True)
def rewrite(tmp_path_factory):
    """Install the page's classes in a package of their own, and return the page's function."""
    with installed("rectified", CLASSES, ENTRY, tmp_path_factory.mktemp("site")):
        page = {}
        exec(REWRITE, page)
        yield page["rectified"]


@pytest.fixture
def of_its_own(trained, rewrite):
    """Work in a folder with a run whose network has these neurons."""
    shutil.copytree(RUN, OWN)
    save(rewrite(load_run(trained / RUN).circuit), trained / OWN / "circuit.safetensors")
    rehash(trained / OWN)
    return trained


def in_integers(circuit):
    """Return an integer circuit with these neurons in place of its LIF neurons."""
    from rectified import IntegerRectified

    def rule(node):
        own = {k: v for k, v in vars(node.model).items() if k != "reset"}
        return replace(node, model=IntegerRectified(**own))

    return circuit.rewrite(Neurons, rule)


@given(
    v=st.integers(0, 2**15 - 1),
    current=st.integers(-(2**20), 2**20),
    threshold=st.integers(1, 2**14),
    leak=st.integers(0, 15),
)
def test_a_step_is_what_its_plain_integers_say(v, current, threshold, leak):
    from rectified import IntegerRectified

    model = IntegerRectified(threshold=np.array([threshold]), leak=leak, membrane_bits=16)
    after, spikes, clipped = model.step(np.array([[v]]), np.array([[current]]), InArrays(16))
    plain = model.scalar(v, current, {"threshold": threshold})
    assert plain == (after[0, 0], spikes[0, 0], clipped)
    u = max(v - v // 2**leak + current, 0)
    assert plain[0] + threshold * plain[1] == min(u, 2**15 - 1)


@settings(max_examples=15)
@given(data=st.data(), drawn=circuits())
def test_networks_of_it_are_the_same_everywhere(data, drawn):
    """On networks: the simulator, the definition, the proof and the core, cycle by cycle."""
    own = in_integers(drawn)
    x = data.draw(samples(own), label="samples")
    trace = run_integer(own, x, keep=KEEP_ALL)
    assert_same(own, x, trace)
    for name, membranes in trace.membranes.items():
        (u,) = prove(own)[name]
        assert membranes.min() >= 0
        assert membranes.max() <= u.high
    program = place(own, target=core_target())
    for b, run in enumerate(map(StateMachine(program).run, x)):
        np.testing.assert_array_equal(run.totals, trace.totals[b])


def test_files_and_texts_have_it_under_its_name(tmp_path, monkeypatch, rewrite):
    own = rewrite(mlp(np.random.default_rng(0), tau=4.0))
    assert "lif1 = Rectified(linear1) -> 8  tau=4.0 threshold=1.0" in own.in_full()
    file = tmp_path / "circuit.safetensors"
    save(own, file)
    assert load(file).in_full() == own.in_full()
    uninstall("rectified", monkeypatch)
    with pytest.raises(FormatError, match="no installed package has the kind 'Rectified'"):
        load(file)


@pytest.mark.parametrize(
    ("target", "executor"), [("digital-model --emit onnx", "onnx"), ("c", "C compiler")]
)
def test_a_build_of_it_is_verified(target, executor, of_its_own, call):
    assert call("compile", OWN, "--out", "build", "--target", *target.split()).code == 0
    program = load_build(of_its_own / "build").program
    assert {node.kind for node in program.circuit.of(Neurons)} == {"IntegerRectified"}
    verified = call("verify", "build", "--samples", 8, "--json")
    assert verified.code == 0
    results = {name: r["result"] for name, r in rows(verified).items()}
    assert set(results.values()) <= {"equal", "not run"}
    assert "equal" in {of for (_, by), of in results.items() if by.startswith(executor)}
    assert call("simulate", "build", "--samples", 20).code == 0


def test_the_shipped_core_and_nir_have_no_such_neurons(of_its_own, call):
    assert call("compile", OWN, "--target", "digital", "--out", "build").code == 0
    assert not (of_its_own / "build/rtl").exists()
    what = "the shipped SystemVerilog has no IntegerRectified neurons"
    assert what in (of_its_own / "build/README.md").read_text()
    in_rtl = call("simulate", "build", "--executor", "rtl")
    assert (in_rtl.code, in_rtl.err.splitlines()[0]) == (1, f"error: {what}")
    in_nir = call("compile", OWN, "--emit", "nir")
    assert (in_nir.code, in_nir.err.splitlines()[0]) == (2, "error: NIR has no Rectified neurons")
    assert listing(of_its_own / "builds") == {}


def test_the_core_has_memory_for_thresholds_alone():
    from rectified import IntegerRectified

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Resting(IntegerRectified):
        rest: np.ndarray
        per_neuron = ("threshold", "rest")

    ones = np.ones((2, 2))
    model = Resting(threshold=ints([1, 1]), rest=ints([0, 0]), leak=1, membrane_bits=16)
    neurons = replace(lif("neurons", "layer", 2), model=model)
    layer = linear("layer", "input", ones, ones, ones)
    whole = circuit(source((2,)), layer, neurons, readout("neurons", ones, ones, ones))
    with pytest.raises(CapacityError, match="and no rest, which Resting neurons have"):
        place(whole, target=core_target())
