"""train, compile and simulate find each other's folders, and say what they did."""

import csv
import json
import re

import numpy as np
import pytest

from eideploy.backends.digital.build import load_build
from eideploy.data import load as load_data
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.folders import load_run
from tests.cli.support import BUILD, RUN


def test_each_command_takes_what_the_one_before_left(built, call):
    assert load_run(built / RUN).data == "digits"
    assert load_build(built / BUILD).data == "digits"
    found = call("simulate", "--samples", 20)
    assert found.code == 0
    assert f"using {BUILD}, the latest build" in found.err
    assert f"simulated build {BUILD}" in found.out


def test_simulate_right_after_train_compiles_in_passing_and_says_so(trained, call):
    found = call("simulate", "--lut", "8bit", "--samples", 20)
    assert found.code == 0
    assert f"compiled {RUN} for digital, scheme int8 on the fly" in found.err
    assert "division  lut 8x8 (256 entries, 2048 bits" in found.out
    assert not (trained / "builds").exists()


def test_a_run_that_is_younger_than_the_build_is_pointed_out(built, call):
    manifest = built / RUN / "manifest.json"
    mark = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**mark, "created": "2999"}))
    assert f"run {RUN} is younger" in call("simulate", "--samples", 2).err


def test_a_build_for_a_target_of_ones_own_is_found_by_simulate(built, call):
    spec = (built / BUILD / "target.toml").read_text()
    (built / "mine.toml").write_text(spec.replace('name = "digital"', 'name = "mine"'))
    assert call("compile", "--target", "mine.toml").code == 0
    assert "using builds/digits-conv-1-mine-int8-lut8x8-1" in call("simulate", "--samples", 2).err


def test_a_target_may_be_named_by_the_folder_of_its_spec(built, call):
    (built / "chip").mkdir()
    (built / "chip/spec.toml").write_text((built / BUILD / "target.toml").read_text())
    assert call("targets", "check", "chip").code == 0


def test_a_file_called_like_a_shipped_target_or_scheme_does_not_hide_it(trained, call):
    (trained / "digital").write_text("nonsense")
    (trained / "int8").write_text("nonsense")
    assert call("compile").code == 0


def test_repeated_commands_number_their_folders(built, call):
    assert call("compile").code == 0
    assert sorted(p.name[-2:] for p in (built / "builds").iterdir()) == ["-1", "-2"]


@pytest.mark.parametrize("bits", range(1, 13))
def test_every_table_that_the_target_holds_runs_and_prints_its_bound(built, call, bits):
    found = call("simulate", "--lut", f"{bits}bit", "--samples", 2)
    assert found.code == 0
    assert f"lut {bits}x{bits} ({1 << bits} entries, {bits << bits} bits" in found.out
    assert 0 < float(re.search(r"at most ([\d.]+) %", found.out)[1]) <= 100 / 2 ** (bits - 1)


@pytest.mark.parametrize("bits", range(13, 17))
def test_a_table_larger_than_the_target_holds_is_refused(built, refused, bits):
    refused(
        "simulate", "--lut", f"{bits}bit", code=1,
        what=f"table entries: {1 << bits} of 4096", where="target digital", fix="fewer table bits",
    )  # fmt: skip


@pytest.mark.parametrize(("lut", "bits"), [("4x16", 256), ("12x1", 4096), ("8X10", 2560)])
def test_index_and_entry_bits_of_a_table_may_differ(built, call, lut, bits):
    found = call("simulate", "--lut", lut, "--samples", 2)
    assert found.code == 0
    assert f"lut {lut.lower()} (" in found.out
    assert f"{bits} bits" in found.out


@pytest.mark.parametrize(
    ("division", "bound"), [("exact", "0"), ("lut", "0.286"), ("shift", "33.4"), ("shift2", "9.18")]
)
def test_every_division_runs_and_prints_its_bound(built, call, division, bound):
    found = call("simulate", "--division", division, "--samples", 2)
    assert found.code == 0
    assert f"at most {bound}" in found.out


@pytest.mark.parametrize("policy", ["minimum", "floor"])
def test_a_build_keeps_its_policy_for_zero_divisors(trained, call, policy):
    assert call("compile", "--zero-policy", policy, "--out", "b").code == 0
    assert f"zero divisors: {policy}" in call("simulate", "b", "--samples", 2).out
    assert f"zero divisors: {policy}" in call("simulate", "b", "--lut", "4bit", "--samples", 2).out
    (division,) = {n.division.zero_policy for n in load_build(trained / "b").program.circuit.hidden}
    assert division == policy


def test_simulate_says_the_same_to_machines(built, call):
    shown, told = call("simulate", "--samples", 100), call("simulate", "--samples", 100, "--json")
    facts = json.loads(told.out)
    assert f"accuracy, float       {100 * facts['float_accuracy']:.2f} %" in shown.out
    assert f"accuracy, integer     {100 * facts['integer_accuracy']:.2f} %" in shown.out
    assert f"{facts['samples']} samples" in shown.out
    assert f"zero divisors: {facts['zero_policy']}" in shown.out
    assert f"division  {facts['division']} " in shown.out
    assert f"{facts['cycles']['least']} min" in shown.out
    assert f"first diverging layer {facts['first_diverging']}" in shown.out
    assert [layer["name"] in shown.out for layer in facts["layers"]] == [True, True]


def test_compile_says_the_same_to_machines_and_in_its_manifest(trained, call):
    facts = json.loads(call("compile", "--json").out)
    written = json.loads((trained / facts["build"] / "manifest.json").read_text())
    said_of_this_time = {"build", "warnings"}
    assert {k: written[k] for k in facts if k not in said_of_this_time} == {
        k: v for k, v in facts.items() if k not in said_of_this_time
    }
    assert facts["calibration_samples"] == 256
    assert facts["limits"]["conv1"]["divisor"] > 0
    numbers = {n["role"]: n for n in facts["numbers"]["conv1"]}
    assert numbers["DEN"]["high"] == facts["limits"]["conv1"]["divisor"]
    assert facts["calibration"]["samples"] == 256
    chosen = facts["calibration"]["layers"]["conv1"]["full_scale_ee"]
    assert 0.5 <= chosen["least"] <= chosen["median"] <= chosen["most"]


def test_train_says_the_same_to_machines_and_in_its_manifest(trained, call):
    def finished(*options):
        (trained / RUN / "manifest.json").unlink()
        return call("train", "--resume", RUN, *options).out

    facts = json.loads(finished("--json"))
    written = json.loads((trained / RUN / "manifest.json").read_text())
    assert facts.pop("run") == RUN
    assert {key: written[key] for key in facts} == facts
    logged = list(csv.DictReader((trained / RUN / "metrics.csv").read_text().splitlines()))
    assert len(logged) == facts["metrics"]["epochs"] == 2
    for key in ("loss", "train_accuracy", "test_accuracy"):
        assert facts["metrics"][key] == float(logged[-1][key])
    assert f"{100 * facts['metrics']['test_accuracy']:.2f} %" in finished()


def test_targets_says_the_same_to_machines(empty, call):
    facts = json.loads(call("targets", "--json").out)
    shown = call("targets").out
    assert all(name in shown for name in [*facts["targets"], *facts["schemes"]])


@pytest.mark.parametrize("option", [("targets", "--json", "check"), ("targets", "check", "--json")])
def test_targets_check_takes_json_on_either_side(empty, call, option):
    assert json.loads(call(*option, "digital").out)["widths.weight"] == 8


@pytest.mark.parametrize(("split", "count"), [("test", 360), ("train", 1437), ("all", 1797)])
def test_a_split_is_simulated_whole(built, call, split, count):
    found = call("simulate", "--executor", "float", "--split", split, "--json")
    assert json.loads(found.out)["samples"] == count


def test_more_samples_than_there_are_is_all_of_them(built, call):
    found = call("simulate", "--executor", "float", "--samples", 10**9, "--json")
    assert json.loads(found.out)["samples"] == 360


def test_the_float_executor_needs_no_target_that_fits(trained, call, monkeypatch):
    monkeypatch.setattr("eideploy.backends.digital.jobs.simulate.compile_in_memory", None)
    assert call("simulate", "--executor", "float", "--samples", 2).code == 0


@pytest.mark.parametrize("shape", [(70, 1, 8, 8), (70, 4, 1, 8, 8)])
@pytest.mark.parametrize("executor", ["integer", "float"])
def test_saved_logits_are_the_executors_own_with_and_without_a_trace(
    built, call, samples, executor, shape
):
    x = samples(*shape)
    options = ("simulate", BUILD, "--executor", executor, "--input", "x.npy", "--save")
    assert call(*options, "plain.npz").code == 0
    assert call(*options, "traced.npz", "--trace").code == 0
    build = load_build(built / BUILD)
    direct = (
        run_float(build.circuit, x, keep=frozenset({"spikes"}))
        if executor == "float"
        else run_integer(build.program.circuit, x, keep=frozenset({"spikes"}))
    )
    plain, traced = np.load("plain.npz"), np.load("traced.npz")
    assert set(plain) == {"logits"}
    assert set(traced) == {
        "logits", "spikes/lif1", "spikes/lif2", "currents/conv1", "currents/conv2",
    }  # fmt: skip
    np.testing.assert_array_equal(plain["logits"], traced["logits"])
    np.testing.assert_allclose(plain["logits"], direct.logits, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(traced["spikes/lif1"].swapaxes(0, 1), direct.spikes["lif1"])
    assert traced["currents/conv2"].shape == (70, 4, 8, 4, 4)


def test_samples_limits_ones_own_input_too(built, call, samples):
    samples(5, 1, 8, 8)
    assert call("simulate", "--input", "x.npy", "--samples", 3, "--save", "o.npz").code == 0
    assert np.load("o.npz")["logits"].shape == (3, 10)


def test_a_run_is_calibrated_on_samples_of_ones_own(trained, call, samples):
    samples(9, 1, 8, 8)
    assert (
        json.loads(call("compile", "--calibrate-on", "x.npy", "--json").out)["calibration_samples"]
        == 9
    )
    found = call("compile", "--calibrate-on", "x.npy", "--calibration-samples", 4, "--json")
    assert json.loads(found.out)["calibration_samples"] == 4


def test_a_simulation_repeats_bit_for_bit(built, call):
    assert call("simulate", "--json").out == call("simulate", "--json").out


def test_a_build_of_the_test_split_says_what_the_data_says(built, call):
    data, build = load_data("digits"), load_build(built / BUILD)
    told = json.loads(call("simulate", "--json").out)
    trace = run_integer(build.program.circuit, data.test_x)
    assert told["integer_accuracy"] == float((trace.logits.argmax(1) == data.test_y).mean())


@pytest.mark.parametrize("name", ["läufe/ein lauf", "-x", "a/../b", "日本"])
def test_a_folder_may_have_any_name(finished, trained, call, name):
    (trained / "a").mkdir()
    (trained / RUN).rename(trained / "moved")
    assert call("compile", "moved", f"--out={name}").code == 0
    assert call("simulate", "--samples", 2, "--", name).code == 0


def test_a_run_compiled_from_inside_its_folder_gives_the_build_its_name(trained, call, monkeypatch):
    monkeypatch.chdir(trained / RUN)
    assert call("compile", ".").code == 0
    assert [p.name for p in (trained / RUN / "builds").iterdir()] == [
        "digits-conv-1-digital-int8-lut8x8-1"
    ]


def test_what_every_pass_changed_is_in_the_build_and_on_screen(trained, call):
    found = call("compile", "--division", "shift", "-v", "--out", "b")
    assert "after every pass:" in found.out
    report = json.loads((trained / "b/passes.json").read_text())
    assert "passes.json" in json.loads((trained / "b/manifest.json").read_text())["files"]
    none, given, quantized, divided = report["passes"]
    assert [rung["after"] for rung in report["passes"]] == [
        "float", "quantize: input", "quantize: weights", "lower_division",
    ]  # fmt: skip
    assert not any(none["mismatch"].values())
    assert given["agreement"] == 1.0  # the digits' levels are those of the input
    assert not any(given["mismatch"].values())
    assert sum(quantized["mismatch"].values()) < sum(divided["mismatch"].values())
    assert divided["first_diverging"] in divided["mismatch"]
    checked = json.loads((trained / "b/manifest.json").read_text())["check_on_calibration_samples"]
    layers = {layer["name"]: layer["mismatch"] for layer in checked["layers"]}
    assert layers == divided["mismatch"]
    assert checked["agreement"] == divided["agreement"]


def test_an_exact_division_changes_nothing_after_quantization(trained, call):
    assert call("compile", "--division", "exact", "--out", "b").code == 0
    *_, quantized, divided = json.loads((trained / "b/passes.json").read_text())["passes"]
    assert quantized["mismatch"] == divided["mismatch"]
