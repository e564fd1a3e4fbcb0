"""`--inhibition`: what is folded, why, and what the build says of it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.digital.build import load_build
from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.validate.compare import compare
from eideploy.backends.digital.validate.inhibition import Cost, _chosen
from eideploy.folders import load_run
from eideploy.target import load_target
from tests.cli.support import RUN


def cost(factored, folded, rows=(10, 10)):
    return Cost(
        factored_cycles=factored, folded_cycles=folded, factored_rows=rows[0], folded_rows=rows[1]
    )


def test_what_saves_cycles_is_folded():
    costs = {"a": cost(10, 9), "b": cost(10, 11), "c": cost(10, 10)}
    assert _chosen(costs, 100) == ("a",)


def test_where_rows_do_not_suffice_those_that_save_most_a_row_are_folded():
    costs = {
        "a": cost(100, 90, (10, 20)),  # a cycle a row
        "b": cost(100, 60, (10, 20)),  # four
        "c": cost(100, 99, (20, 10)),  # takes fewer rows
    }
    assert _chosen(costs, 50) == ("a", "b", "c")
    assert _chosen(costs, 49) == ("b", "c")
    assert _chosen(costs, 39) == ("c",)


def test_layers_are_folded_at_a_loss_where_nothing_else_fits():
    costs = {
        "a": cost(10, 20, (20, 10)),  # a cycle a row
        "b": cost(10, 30, (20, 10)),  # two
        "c": cost(10, 7, (10, 15)),
    }
    assert _chosen(costs, 55) == ("c",)
    assert _chosen(costs, 50) == ()
    assert _chosen(costs, 49) == ("a",)
    assert _chosen(costs, 30) == _chosen(costs, 3) == ("a", "b")


def test_a_form_that_does_not_fit_is_not_taken():
    costs = {"a": replace(cost(10, 9), folded_fits=False)}
    costs["b"] = replace(cost(9, 10), factored_fits=False)
    assert _chosen(costs, 100) == _chosen(costs, 0) == ("b",)


def test_a_build_says_what_is_folded_and_both_costs(trained, call):
    found = call("compile", RUN, "--inhibition", "auto", "--out", "b")
    assert found.code == 0
    said = json.loads((trained / "b/passes.json").read_text())["inhibition"]
    assert (said["form"], said["samples"]) == ("auto", 64)
    cheaper = [
        name for name, c in said["costs"].items() if c["folded_cycles"] < c["factored_cycles"]
    ]
    assert said["folded"] == cheaper
    assert cheaper
    folded = [n.name for n in load_build(trained / "b").program.circuit.layers if n.is_folded]
    assert folded == cheaper
    for name, c in said["costs"].items():
        assert f"{c['factored_cycles']:.0f}" in found.out
        assert name in found.out
    form = json.loads((trained / "b/manifest.json").read_text())["inhibition"]
    assert form == {"form": "auto", "folded": cheaper}


def test_costs_are_the_cycles_of_either_form(trained, call):
    """The first layer's exactly, as its events are the input; the others' but for a few spikes."""
    run, target = load_run(trained / RUN), load_target("digital")
    costs = compile_in_memory(run, Compiling(inhibition="auto"), target).decision.costs
    for form in ("factored", "folded"):
        made = compile_in_memory(run, Compiling(inhibition=form), target)
        by_stage = compare(run.circuit, made.program, made.samples[:64], None).cycles.by_stage
        estimated = {name: getattr(c, f"{form}_cycles") for name, c in costs.items()}
        assert by_stage["conv1"] == estimated["conv1"]
        for name, cycles in by_stage.items():
            np.testing.assert_allclose(estimated[name], cycles, rtol=0.03)


def test_the_ladder_says_that_folding_changes_nothing(trained, call):
    assert call("compile", RUN, "--inhibition", "folded", "--out", "b").code == 0
    passes = json.loads((trained / "b/passes.json").read_text())["passes"]
    rung = next(p for p in passes if p["after"] == "fold")
    assert set(rung["mismatch"].values()) == {0.0}
    assert rung["agreement"] == 1.0


def test_a_run_is_folded_in_passing_and_a_build_is_not(trained, call):
    found = call("simulate", RUN, "--inhibition", "folded", "--samples", "20", "--json")
    assert found.code == 0
    assert call("compile", RUN, "--inhibition", "folded", "--out", "b").code == 0
    build = call("simulate", "b", "--samples", "20", "--json")
    assert json.loads(build.out)["cycles"] == json.loads(found.out)["cycles"]
    other = call("simulate", "b", "--inhibition", "auto")
    assert (other.code, other.out) == (2, "")
    assert "--inhibition has no effect on a build, and this one's layers are folded" in other.err
    assert "compile the run again with --inhibition auto" in other.err


def test_a_target_that_runs_no_folded_layers(trained, call):
    own = (trained / "own.toml", "own.toml")
    assert call("compile", RUN, "--out", "b").code == 0
    spec = (trained / "b/target.toml").read_text()
    assert 'inhibition = "both"' in spec
    own[0].write_text(spec.replace('inhibition = "both"', 'inhibition = "factored"'))
    refused = call("compile", RUN, "--target", own[1], "--inhibition", "folded")
    assert refused.code == 1
    assert "the target runs no folded layers" in refused.err
    auto = call("compile", RUN, "--target", own[1], "--inhibition", "auto")
    assert auto.code == 0
    assert "inhibition  auto: no layer folded" in auto.out


def test_a_sweep_sets_both_forms_side_by_side(trained, call):
    sweep = ["sweep", RUN, "--schemes", "int8", "--divisions", "lut:8x8", "--jobs", "1",
             "--samples", "40", "--backend", "threading", "--out", "s"]  # fmt: skip
    assert call(*sweep, "--inhibitions", "factored,folded,auto").code == 0
    cells = json.loads((trained / "s/results.json").read_text())["cells"]
    assert [c["inhibition"] for c in cells] == ["factored", "folded", "auto"]
    assert cells[2]["cycles"] < cells[0]["cycles"]
    assert [len(c["folded"]) for c in cells[:2]] == [0, 3]
    assert cells[0]["weight_bits"] != cells[1]["weight_bits"]
    unknown = call(*sweep, "--inhibitions", "unfolded")
    assert unknown.code == 2
    assert "--inhibitions is 'unfolded', which is none of factored, folded, auto" in unknown.err


@pytest.mark.rtl
def test_a_folded_build_runs_on_the_core(trained, call):
    assert call("compile", RUN, "--inhibition", "folded", "--out", "b").code == 0
    found = call("simulate", "b", "--executor", "rtl", "--samples", "4")
    assert found.code == 0, found.out
