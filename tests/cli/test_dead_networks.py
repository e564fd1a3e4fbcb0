"""A network that is silent, or always says the same, is warned of and not praised."""

import json
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy import native
from eideploy.backends.digital.report.program import saturation_warnings
from eideploy.backends.digital.validate.compare import LayerComparison
from eideploy.execute.trace import Trace
from eideploy.validate.activity import SILENT, ActivityTally
from tests.backends.dynapse2.networks import finished_run
from tests.cli.support import BUILD

PRAISE = ("100.00 %", "none: all spikes are equal")
OWN = ("--input", "x.npy", "--samples", "40")


def weights(n, m, seed):
    return np.random.default_rng(seed).normal(0.2, 0.4, (n, m)).astype(np.float32)


def write(neurons):
    """Write a graph of two layers of neurons, from 20 inputs to 5 outputs, and samples of it."""
    nodes = {
        "input": nir.Input({"input": np.array([20])}),
        "fc1": nir.Linear(weights(30, 20, 0)), "one": neurons(30),
        "fc2": nir.Linear(weights(5, 30, 1)), "two": neurons(5),
        "output": nir.Output({"output": np.array([5])}),
    }  # fmt: skip
    nir.write("net.nir", nir.NIRGraph(nodes, list(pairwise(nodes))))
    np.save("x.npy", np.random.default_rng(2).random((40, 20), np.float32))


def integrating(n):
    """As SpikingJelly writes IF for steps of 1 ms: r dt = 1, and dt is not in the file."""
    one = np.ones(n)
    return nir.IF(r=1000 * one, v_threshold=2 * one, v_reset=0 * one)


def leaking(n):
    """As spyx writes LIF of beta 0.9: tau in steps, and r = beta in place of tau."""
    one = np.ones(n)
    return nir.LIF(tau=10 * one, r=0.9 * one, v_leak=0 * one, v_threshold=one, v_reset=0 * one)


RECIPES = {
    "integrating": (integrating, ["--steps", "8", "--dt", "1e-4"], ["--steps", "8"]),
    "leaking": (leaking, ["--steps", "8", "--dt", "1", "--nearest-tau", "--from", "nir"], None),
}


@pytest.fixture(params=RECIPES)
def recipe(empty, request):
    """Work in a folder with a graph; return how it is read wrongly, and rightly."""
    neurons, *reading = RECIPES[request.param]
    write(neurons)
    return reading


def warned(found):
    """Return whether a command warned: in its text, and on stderr."""
    in_text = "warning: in floats, on " in found.out
    assert in_text == ("warning: in floats, on " in found.err)
    return in_text


def test_import_warns_of_what_is_dead_on_random_inputs(recipe, call):
    dead, alive = recipe
    found = call("import", "net.nir", *dead, "--out", "dead")
    assert found.code == 0
    assert warned(found)
    assert "the neurons of two fire at 0.000 % of the steps" in found.out
    assert "the logits are the same for all samples" in found.out
    assert "read as its tool means it (docs/nir.md has the options)" in found.out
    warnings = json.loads(call("import", "net.nir", *dead, "--json").out)["warnings"]
    assert all(f"warning: {line}" in found.out for line in warnings)
    assert sum("the neurons of two" in line for line in warnings) == 1
    if alive is not None:
        found = call("import", "net.nir", *alive)
        assert (found.code, warned(found)) == (0, False)


@pytest.mark.usefixtures("without_rtl")
def test_a_dead_network_is_warned_of_by_every_command_and_praised_by_none(recipe, call):
    dead, _ = recipe
    build = ("compile", "net.nir", *dead, "--calibrate-on", "x.npy", "--out", "build")
    for command in (
        build,
        ("simulate", "build", *OWN),
        ("simulate", "build", *OWN, "--executor", "float"),
        ("verify", "build", *OWN),
    ):
        found = call(*command)
        assert found.code == 0
        assert warned(found), command
        assert not [words for words in PRAISE if words in found.out], command
    told = json.loads(call("simulate", "build", *OWN, "--json").out)
    assert len(told["warnings"]) == 1
    assert told["activity"]["constant"]
    assert told["float_activity"]["rates"]["two"] == 0
    assert "prediction agreement  says nothing: hardly a neuron" in call(*build[:-1], "b").out


def test_a_report_says_it_too(recipe, call):
    dead, _ = recipe
    assert call("compile", "net.nir", *dead, "--calibrate-on", "x.npy", "--out", "b").code == 0
    assert call("report", "b", *OWN).code == 0
    content = json.loads(Path("b/report.json").read_text())
    said = [entry["what"] for entry in content["advice"] if entry["grade"] == "warning"]
    assert "the logits are the same for all samples, so that predictions" in " ".join(said)
    assert any(what.startswith("the neurons of two fire at") for what in said)
    assert "predictions that agree say nothing" in Path("b/report.html").read_text()


@pytest.mark.usefixtures("without_rtl")
def test_a_network_that_is_alive_is_not_warned_of(empty, call):
    neurons, _, alive = RECIPES["integrating"]
    write(neurons)
    build = ("compile", "net.nir", *alive, "--calibrate-on", "x.npy", "--out", "build")
    for command in (build, ("simulate", "build", *OWN), ("verify", "build", *OWN)):
        found = call(*command)
        assert (found.code, warned(found)) == (0, False)
    assert json.loads(call("simulate", "build", *OWN, "--json").out)["warnings"] == []


def test_a_trained_network_is_not_warned_of(built, call):
    found = call("simulate", BUILD, "--samples", "50")
    assert (found.code, warned(found)) == (0, False)
    assert "prediction agreement" in found.out


def test_samples_that_are_all_alike_say_nothing_of_the_network(built, call):
    np.save("x.npy", np.repeat(np.random.default_rng(0).random((1, 1, 8, 8), np.float32), 9, 0))
    found = call("simulate", BUILD, "--input", "x.npy")
    assert (found.code, warned(found)) == (0, False)


@pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
def test_a_chip_whose_populations_are_silent_is_warned_of(empty, call):
    finished_run(Path("runs/chip-1"))
    assert call("compile", "--target", "dynapse2").code == 0
    np.save("dim.npy", 1e-4 * np.random.default_rng(0).random((6, 30)))
    command = ("simulate", "--executor", "dpi", "--chips", "1", "--input", "dim.npy")
    found = call(*command)
    assert found.code == 0
    assert "warning: as simulated, on 6 samples, the neurons of out fire at 0 Hz" in found.out
    assert "the votes are the same for all samples" in found.err
    assert len(json.loads(call(*command, "--json").out)["warnings"]) == 1


def trace_of(spikes, logits):
    return Trace(logits=logits, totals=logits, spikes={"lif": spikes})


@given(
    st.integers(1, 4), st.integers(2, 6), st.integers(1, 5), st.integers(0, 5), st.integers(0, 9)
)
def test_rates_are_of_the_neurons_that_do_not_fire_at_every_step(steps, batch, n, always, seed):
    """A neuron that always fires stands for a bias; it must not hide that all others are silent."""
    rng = np.random.default_rng(seed)
    spikes = rng.random((steps, batch, n)) < 0.3
    spikes[0, 0] = False
    whole = np.concatenate([spikes, np.ones((steps, batch, always), bool)], 2)
    x, logits = rng.random((batch, 3)), rng.random((batch, 2))
    tally = ActivityTally()
    for part in (slice(1), slice(1, None)):
        tally.add(trace_of(whole[:, part], logits[part]), x[part])
    found = tally.activity()
    assert found.rates["lif"] == pytest.approx(spikes.mean())
    assert found.silent == ({"lif": found.rates["lif"]} if spikes.mean() < SILENT else {})
    assert not found.constant


@pytest.mark.parametrize(
    ("samples", "logits", "constant"),
    [([0, 1], [5, 5], True), ([0, 1], [5, 6], False), ([1, 1], [5, 5], False)],
)
def test_logits_are_constant_where_the_samples_are_not(samples, logits, constant):
    tally = ActivityTally()
    x, y = np.array(samples)[:, None], np.array(logits)[:, None]
    for part in (slice(1), slice(1, 2)):
        tally.add(trace_of(np.ones((1, 1, 1), bool), y[part]), x[part])
    assert tally.activity().constant == constant


@pytest.mark.parametrize("bound", ["MOST_VALUES", "MOST_PRODUCTS"])
def test_a_network_too_large_for_two_samples_is_imported_without_running_it(
    empty, call, monkeypatch, bound
):
    neurons, dead, _ = RECIPES["integrating"]
    write(neurons)
    monkeypatch.setattr(f"eideploy.flow.probe.{bound}", 1)
    monkeypatch.setattr("eideploy.flow.probe.run_float", None)
    found = call("import", "net.nir", *dead)
    assert (found.code, warned(found)) == (0, False)


def layer(current, membrane):
    return LayerComparison(
        name="lif1",
        rate=0.1,
        mismatch=0.0,
        zero_divisors=0.0,
        saturated_current=current,
        saturated_membrane=membrane,
    )


def test_currents_and_membranes_that_saturate_are_warned_of():
    assert [*saturation_warnings([layer(0.5, 0.2)])] == [
        f"{what}s saturate, {share} of those of lif1: calibrate on samples like those it will see, "
        f"or raise bits.{what} in a scheme of your own, for a target with as many bits"
        for what, share in {"current": "50.00 %", "membrane": "20.00 %"}.items()
    ]
    assert not [*saturation_warnings([layer(0.05, 0.0)])]
