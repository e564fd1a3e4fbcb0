"""What `check` says of a network: that it compiles and what it takes, or everything against it."""

import json
import re
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest

from tests.cli.support import RUN, listing


def lif(n, **changed):
    full = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changed
    return nir.LIF(**{name: np.full(n, value) for name, value in full.items()})


def write(*nodes):
    names = ["input", *(f"n{i + 1}" for i in range(len(nodes))), "output"]
    ends = nir.Input({"input": np.array([6])}), nir.Output({"output": np.array([3])})
    whole = dict(zip(names, (ends[0], *nodes, ends[1]), strict=True))
    nir.write("net.nir", nir.NIRGraph(whole, list(pairwise(names)), type_check=False))


def weights(n, m):
    return np.random.default_rng(0).normal(0.3, 1, (n, m)).astype(np.float32)


def test_a_network_that_compiles_is_said_to_with_its_sizes(empty, call):
    write(nir.Linear(weights(3, 6)), lif(3))
    before = listing(empty)
    found = call("check", "net.nir", "--steps", "4")
    assert (found.code, listing(empty)) == (0, before)
    assert found.out.startswith("net.nir compiles, for digital")
    assert "read as nir 1.0.8 writes it" in found.out
    content = json.loads(call("check", "net.nir", "--steps", "4", "--json").out)
    assert content["compiles"]
    assert content["faults"] == []
    assert {"name": "n1", "kind": "PlainLinear", "shape": [3], "weights": 18} in content["nodes"]
    assert all(use["used"] <= use["offered"] for use in content["uses"])


def test_everything_against_a_graph_is_said_at_once(empty, call):
    del empty
    write(nir.Linear(weights(3, 7)), lif(3, v_threshold=-1.0), nir.LI(*np.ones((3, 3))))
    found = call("check", "net.nir", "--steps", "4", "--dt", "1e-4", "--json")
    content = json.loads(found.out)
    assert (found.code, content["compiles"]) == (1, False)
    assert [fault.partition(":")[0] for fault in content["faults"]] == ["n2 (LIF)"]
    write(nir.Linear(weights(3, 6)), lif(3, v_threshold=-1.0), nir.Delay(np.ones(3)))
    content = json.loads(call("check", "net.nir", "--steps", "4", "--dt", "1e-4", "--json").out)
    assert [fault.partition(":")[0] for fault in content["faults"]] == ["n2 (LIF)", "n3 (Delay)"]


def test_what_is_too_large_for_a_target_is_said_with_both_numbers(empty, call):
    del empty
    write(nir.Linear(weights(4000, 6)), lif(4000), nir.Linear(weights(3, 4000)), lif(3))
    found = call("check", "net.nir", "--steps", "4")
    assert found.code == 1
    assert "does not compile: 1 reason, for digital" in found.out
    assert re.search(r"parameter words: 40\d\d of 2048", found.out)
    assert "fix: choose a target with larger memories" in found.out


def test_a_run_is_checked_as_a_graph_is(finished, call, monkeypatch):
    monkeypatch.chdir(finished)
    found = call("check", RUN)
    assert found.code == 0
    assert "compiles, for digital" in found.out
    found = call("check", RUN, "--steps", "4")
    assert found.code == 2
    assert "--steps has no effect on" in found.err


@pytest.mark.parametrize("target", ["dynapse2"])
def test_a_chip_whose_networks_are_trained_for_it_says_so(target, empty, call):
    del empty
    write(nir.Linear(weights(3, 6)), lif(3))
    found = call("check", "net.nir", "--steps", "4", "--target", target)
    assert found.code == 2
    assert "whose networks are trained for it" in found.err


def recurrent(path):
    nodes = {
        "input": nir.Input({"input": np.array([6])}),
        "into": nir.Linear(weights(4, 6)),
        "lif": lif(4),
        "back": nir.Linear(weights(4, 4)),
        "out": nir.Linear(weights(3, 4)),
        "output": nir.Output({"output": np.array([3])}),
    }
    edges = [("input", "into"), ("into", "lif"), ("lif", "back"), ("back", "lif")]
    edges += [("lif", "out"), ("out", "output")]
    nir.write(path, nir.NIRGraph(nodes, edges, type_check=False))


@pytest.mark.parametrize("own", [[], ["--assume", "spikes=5"]])
def test_a_network_with_a_loop_and_several_spikes_a_step_compiles_for_every_target(
    own, empty, call
):
    """Its input is in no whole numbers."""
    recurrent("loop.nir")
    np.save("x.npy", np.random.default_rng(0).random((8, 6), np.float32))
    how = ["loop.nir", "--steps", "4", *own]
    for target in ("digital", "digital-model", "c", "cortex-m4"):
        assert call("check", *how, "--target", target).code == 0
        found = call("compile", *how, "--target", target, "--calibrate-on", "x.npy")
        assert found.code == 0, found.err
    fitted = call("compile", *how, "--fit", "--calibrate-on", "x.npy")
    assert fitted.code == 0, fitted.err
    assert "rtl" in {path.name for path in (empty / "builds").glob("*/*")}


def test_a_network_is_checked_for_a_board_as_it_is_compiled_for_it(empty, call):
    del empty
    np.save("x.npy", np.random.default_rng(0).random((8, 6), np.float32))
    for n, code in ((8, 0), (400, 1)):
        between = nir.Linear(weights(n, n)), lif(n), nir.Linear(weights(3, n)), lif(3)
        write(nir.Linear(weights(n, 6)), lif(n), *between)
        how = ["net.nir", "--steps", "2", "--target", "ulx3s-25f"]
        checked = call("check", *how)
        compiled = call("compile", *how, "--calibrate-on", "x.npy")
        assert (checked.code, compiled.code) == (code, code), checked.out + compiled.err
        if code:
            assert re.search(r"about \d+ block memories \(56 usable\)", checked.out)
            assert re.search(r"about \d+ block memories \(56 usable\)", compiled.err)
        else:
            assert re.search(r"lookup tables +\d+ +24288", checked.out)
            assert "--fit" not in compiled.out


def test_import_counts_layers_of_neurons_of_every_kind(empty, call):
    del empty
    write(nir.Linear(weights(4, 6)), lif(4), nir.Linear(weights(3, 4)), lif(3))
    for how, said in (
        ([], "2 layers of neurons, reset to zero; 4 steps"),
        (["--from", "snntorch"], "2 layers of neurons, reset by the threshold; 4 steps"),
    ):
        assert said in call("import", "net.nir", "--steps", "4", *how).out


def test_what_is_assumed_of_a_file_that_names_no_tool_is_warned_of(empty, call):
    del empty
    write(nir.Linear(weights(3, 6)), lif(3))
    np.save("x.npy", np.random.default_rng(0).random((8, 6), np.float32))
    told = "net.nir does not say which tool wrote it, and NIR's own equations are assumed (a step"
    how = ["net.nir", "--steps", "4"]
    compiling = ["compile", *how, "--calibrate-on", "x.npy"]
    for command in (["check", *how], ["import", *how], compiling):
        found, said = call(*command), call(*command, "--from", "norse")
        assert f"warning: {told}" in found.err
        assert told in found.out
        assert (found.code, said.code) == (0, 0)
        assert told not in said.err


def test_an_entry_of_a_convention_is_assumed_once(empty, call):
    del empty
    write(nir.Linear(weights(3, 6)), lif(3))
    how = ["import", "net.nir", "--steps", "4", "--assume", "fires=above", "--assume"]
    found = call(*how, "fires=reached")
    assert found.code == 2
    assert "fires is given twice, as above and as reached" in found.err
    assert call(*how, "fires=above").code == 0


@pytest.mark.parametrize("target", ["digital-model", "c"])
def test_an_imported_build_is_verified_without_data(target, empty, call):
    del empty
    recurrent("loop.nir")
    np.save("x.npy", np.random.default_rng(0).random((8, 6), np.float32))
    how = ["loop.nir", "--steps", "4", "--from", "nir", "--target", target]
    assert call("compile", *how, "--calibrate-on", "x.npy", "--out", "b").code == 0
    found = call("verify", "b", "--json")
    assert found.code == 0, found.err
    assert "comparing on 64 random samples" in found.err
    assert json.loads(found.out)["random_samples"]
    assert call("verify", "b", "--data-dir", "nowhere").code == 2


def test_samples_that_were_expected_at_import_are_those_that_are_calibrated_on(empty, call):
    del empty
    there = Path(__file__).parents[1] / "nir/foreign"
    how = [there / "norse_tau8.nir", "--from", "norse", "--steps", 20]
    how += ["--expect", there / "norse_tau8.npz"]
    assert call("import", *how, "--out", "run").code == 0
    for compiled in (call("compile", "run"), call("compile", *how)):
        assert compiled.code == 0, compiled.err
        assert "of those that were expected at import" in compiled.err


LARGE = {"weights": (1e20, 0.0, 1), "an outlier": (1.0, 1e15, 0), "a bias": (1.0, 0.0, 1)}


@pytest.mark.parametrize("name", LARGE)
def test_large_numbers_are_refused_by_check_as_by_compile(name, empty, call):
    del empty
    scale, outlier, code = LARGE[name]
    w = weights(4, 6) * scale
    w[0, 0] = outlier or w[0, 0]
    bias = np.full(4, 1e9 if name == "a bias" else 0.0)
    write(nir.Affine(w, bias), lif(4), nir.Linear(weights(3, 4)), lif(3))
    np.save("x.npy", np.random.default_rng(0).random((8, 6), np.float32))
    for target in ("digital", "c"):
        how = ["net.nir", "--steps", "4", "--target", target]
        found = call("compile", *how, "--calibrate-on", "x.npy")
        assert (call("check", *how).code, found.code) == (code, code), found.err
