"""The division of docs/extending.md: a class, which everything that divides takes as it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.parameters import shape_of
from eideploy.backends.digital.place import place
from eideploy.circuit.store import load, save
from eideploy.divisions import named
from eideploy.errors import CapacityError, FormatError, UsageError
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL
from eideploy.passes.lower_division import lower_division
from tests.cli.support import ROOT
from tests.cli.test_verify import rows
from tests.execute.test_definition import assert_same
from tests.helpers.divisions import EXECUTORS, N_E, layer, operands
from tests.helpers.examples import blocks, installed, uninstall
from tests.helpers.layers import circuit, folded_readout, source
from tests.helpers.random_circuits import circuits, samples
from tests.helpers.targets import core_target

(CLASS,), (ENTRY, TIMING) = (
    blocks("A division method", "python"),
    blocks("A division method", "toml"),
)
MODEL = (ROOT / "targets/digital-model/spec.toml").read_text()


@pytest.fixture(scope="module", autouse=True)
def _installed(tmp_path_factory):
    """Install the page's class in a package of its own."""
    with installed("coarse", CLASS, ENTRY, tmp_path_factory.mktemp("site")):
        yield


def test_it_is_named_with_and_without_a_size():
    assert (named("coarse").label, named("coarse:5").label) == ("coarse 3", "coarse 5")


@pytest.mark.parametrize("size", ["5x5", "0", "17", "40"])
def test_a_size_that_no_division_has_is_refused(size):
    with pytest.raises(UsageError, match="gives no size") as error:
        named(f"coarse:{size}")
    assert error.value.fix == "write coarse:3, with numbers from 1 to 16"


@pytest.mark.parametrize("policy", ["minimum", "floor"])
@pytest.mark.parametrize("executor", sorted(EXECUTORS.keys() - {"floats"}))
def test_every_executor_divides_as_its_plain_integers_do(executor, policy):
    by = EXECUTORS[executor]

    @settings(max_examples=5)
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed):
        rng, divider = np.random.default_rng(seed), named("coarse:2")
        node = layer(rng, divider, policy)
        num, den = operands(rng, node, by.widest - divider.index_bits)
        den = np.maximum(den, 1)
        current = node.integer_current
        top = (1 << current.current_bits - 1) - 1
        numbers = (a.flat for a in np.broadcast_arrays(np.abs(num), den, current.fraction))
        expected = [min(top, divider.scalar(*map(int, n))) for n in zip(*numbers, strict=True)]
        expected = np.sign(num) * np.reshape(expected, num.shape)
        assert len(np.unique(expected)) > 4
        for currents in by.run(node, num.copy(), den.copy()):
            np.testing.assert_array_equal(currents, expected)

    check()


@given(num=st.integers(1, 1 << 40), den=st.integers(1, 1 << 40), bits=st.integers(1, 8))
def test_its_quotients_err_by_at_most_the_bound(num, den, bits):
    divider = named(f"coarse:{bits}")
    error = divider.relative_error(np.array([num]), np.array([den]))[0]
    assert abs(error) <= divider.bound
    assert abs(divider.scalar(num, den, 60) / (num / den * 2**60) - 1) <= divider.bound + 1e-9


@settings(max_examples=15)
@given(data=st.data(), policy=st.sampled_from(["minimum", "floor"]))
def test_networks_that_divide_by_it_are_the_same_everywhere(data, policy):
    """On networks: the simulator, the definition and the core, stepped cycle by cycle."""
    target = replace(core_target(), divider={"coarse": core_target().divider["lut"]})
    drawn = data.draw(circuits(method="exact"), label="circuit")
    own = lower_division(drawn, divider=named("coarse"), zero_policy=policy, target=target)
    x = data.draw(samples(own), label="samples")
    trace = run_integer(own, x, keep=KEEP_ALL)
    assert_same(own, x, trace)
    program = place(own, target=target)
    for b, run in enumerate(map(StateMachine(program).run, x)):
        np.testing.assert_array_equal(run.totals, trace.totals[b])
    with pytest.raises(CapacityError, match="does not divide by coarse 3"):
        shape_of(program)


def test_a_file_with_it_is_read_where_it_is_installed(tmp_path, monkeypatch):
    node = layer(np.random.default_rng(0), named("coarse:5"), "floor")
    file = tmp_path / "circuit.safetensors"
    save(circuit(source((1,)), node, folded_readout("layer", np.ones((1, N_E)))), file)
    assert load(file).node("layer").division.divider.label == "coarse 5"
    uninstall("coarse", monkeypatch)
    with pytest.raises(FormatError, match="no installed package has the division 'coarse'"):
        load(file)


def test_a_build_that_divides_by_it_is_verified(trained, call):
    (trained / "spec.toml").write_text(MODEL + TIMING)
    options = "--target", "spec.toml", "--division", "coarse:4", "--emit", "onnx", "--emit", "c"
    assert call("compile", *options).code == 0
    verified = call("verify", "--samples", 8, "--json")
    assert verified.code == 0
    assert rows(verified)["c/net.c", "C compiler"]["result"] == "equal"
    integer = [r for (name, by), r in rows(verified).items() if "int" in name]
    assert [r["result"] for r in integer if r["result"] != "not run"] == ["equal"] * 4
    said = call("simulate", "--samples", 20).out
    assert "division  coarse 4 (relative error of 1/I_div at most 3.13 %)" in said


def test_a_chip_whose_spec_does_not_list_it_refuses_it(trained, call):
    refused = call("compile", "--target", "digital-model", "--division", "coarse")
    assert refused.code == 1
    assert "the target cannot divide by coarse" in refused.err
