"""report: a build or a run as numbers; the dividers of a build side by side."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from eideploy import __version__
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.place import place
from eideploy.backends.digital.report.advice import advice
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.validate.energy import estimate
from eideploy.divisions import exact
from eideploy.execute.integer import run_integer
from eideploy.files import sha256
from eideploy.flow.training_advice import training_advice
from eideploy.report.canvas import ROLES
from eideploy.report.charts import Lines
from eideploy.report.files import save
from tests.cli.support import BUILD, RUN, listing
from tests.helpers.layers import EXACT, circuit, lif, linear, readout, source
from tests.helpers.targets import core_target


def test_dividers_stand_side_by_side(built, call):
    found = json.loads(call("report", "--text", "--samples", 16, "--json").out)
    rows = {row["division"]: row for row in found["rows"]}
    assert list(rows) == ["exact", "lut 8x8", "shift", "shift2"]
    assert max(rows, key=lambda name: rows[name]["cycles"]) == "exact"
    assert {row["cells"] for row in rows.values()} == {None}
    simulated = json.loads(call("simulate", "--samples", 16, "--json").out)
    assert rows["lut 8x8"]["accuracy"] == simulated["integer_accuracy"]
    before = listing(built)
    assert "an estimate" in call("report", "--text", "--samples", 16).out
    assert listing(built) == before


def test_the_latest_build_is_taken_that_has_the_options(built, call):
    assert call("compile", "--target", "cortex-m4").code == 0
    found = call("report", "--text", "--samples", 4)
    assert found.code == 0, found.err
    assert f"using {BUILD}, the latest build for a digital target" in found.err


def test_energy_counts_what_the_core_does():
    nodes = [
        source((1,)),
        linear("layer", "input", [[1]] * 8, [[1]], [[1]] * 8, division=EXACT),
        lif("lif", "layer", 8, threshold=100),
        readout("lif", [[0] * 8], [[0] * 8], [[0]]),
    ]
    program = place(circuit(*nodes), target=core_target())
    assert program.division.divider.label == exact().label
    trace = run_integer(program.circuit, np.array([[3.0]]), keep=CYCLE_KINDS)
    counts = estimate(program, count_cycles(program, trace)).counts
    # one event: a row of W_IE and one of W_EE; one active unit: a row of W_EI, times two; 8 neurons
    assert counts["8-bit products"] == 2 * 8
    assert counts["32-bit products"] == 2 * 8
    assert counts["32-bit additions"] == 2 * 8 + 2 * 8 + 4 * 8


def test_a_report_wants_a_build_or_a_run(refused):
    refused("report", code=2, what="there is neither a build nor a run", where="folder builds",
            fix="eideploy train")  # fmt: skip


@pytest.mark.parametrize("option", ["--text", "--verify", "--samples=3"])
def test_a_run_has_no_program_to_look_at(trained, refused, option):
    refused("report", RUN, option, code=2, what="a run, which holds no program",
            where=option.partition("=")[0], fix="applies only on a build")  # fmt: skip


def test_every_figure_is_a_file_of_its_own_in_the_colours_of_paper(trained, call):
    found = call("report", RUN, "--figures", "figures", "--format", "svg", "--json")
    files = [Path(name) for name in json.loads(found.out)["figures"]]
    drawn = (trained / RUN / "report.html").read_text().count("<svg")
    assert len({file.stem for file in files}) == drawn == len(files)
    for file in files:
        content = file.read_text()
        assert content.startswith("<?xml")
        assert not [role for role in (*ROLES, "#a2") if role in content]


def test_a_figure_has_the_same_bytes_again(tmp_path):
    chart = Lines(lines={"one": [1.0, 2.0], "two": [2.0, 1.0]}, across="epoch", up="loss")
    for suffix in ("svg", "pdf", "png"):
        first, again = tmp_path / f"first.{suffix}", tmp_path / f"again.{suffix}"
        save(chart, first)
        save(chart, again)
        assert first.read_bytes() == again.read_bytes()


def test_a_format_without_a_folder_for_figures_is_refused(trained, refused):
    refused("report", RUN, "--figures", RUN, code=2, what="is a finished run or build",
            where="--figures", fix="of its own")  # fmt: skip
    for option in ("--out", "--figures"):
        refused("report", RUN, option, f"{RUN}/config.toml/a", code=1, what="that is a file",
                where=f"{RUN}/config.toml", fix=f"name another folder with {option}")  # fmt: skip
    refused("report", RUN, "--format", "pdf", code=2, what="no effect without --figures",
            where="--format", fix="--figures DIR")  # fmt: skip


def test_the_numbers_of_a_build_are_those_of_the_other_commands(built, call):
    told = call("report", "--samples", 70)
    assert told.code == 0
    assert "the divisions of its target, on 70 samples" in told.out
    assert "the build, on 70 samples: accuracy " in told.out
    found = json.loads((built / BUILD / "report.json").read_text())
    simulated = json.loads(call("simulate", "--samples", 70, "--json").out)
    assert found["accuracy"] == {
        "float": simulated["float_accuracy"], "integer": simulated["integer_accuracy"],
        "agreement": simulated["agreement"], "constant": False,
    }  # fmt: skip
    for layer, own in zip(found["layers"], simulated["layers"], strict=True):
        assert {key: layer[key] for key in own} == own
    assert sum(map(sum, found["confusion"])) == 70
    right = sum(row[i] for i, row in enumerate(found["confusion"]))
    assert right / 70 == found["accuracy"]["integer"]
    cycles = found["cycles"]
    assert sum(cycles["histogram"]["counts"]) == 70
    phases = sum(sum(stage["phases"].values()) for stage in cycles["stages"])
    assert phases == pytest.approx(cycles["mean"])
    for layer in found["layers"]:
        assert 0 < layer["division_error"]["largest"] <= layer["division_error"]["bound"]
        for currents in (layer["currents"]["float"], layer["currents"]["integer"]):
            inside = sum(currents["counts"])
            assert inside + currents["below"] + currents["above"] == currents["values"]
    files = json.loads((built / BUILD / "manifest.json").read_text())["files"]
    assert found["provenance"]["sha256"].items() >= files.items()
    results = {row["executor"]: row["result"] for row in found["executors"]}
    assert results["core, cycle by cycle"] == "equal"
    assert set(results.values()) <= {"equal", "not run"}
    assert call("verify", BUILD, "--samples", 2).code == 0


def test_a_build_shows_its_run_before_training(built, call):
    assert call("report", "--samples", 8).code == 0
    found = json.loads((built / BUILD / "report.json").read_text())["initially"]
    assert list(found) == ["conv1", "conv2"]
    (built / RUN / "manifest.json").write_text("{}")
    assert call("report", "--samples", 8).code == 0
    assert json.loads((built / BUILD / "report.json").read_text())["initially"] is None


def test_a_sweep_of_the_run_stands_in_the_report(built, call):
    sweep = ["sweep", RUN, "--schemes", "int8,int4", "--divisions", "lut:8x8,constant", "--samples",
             "20", "--jobs", "1", "--backend", "threading"]  # fmt: skip
    assert call(*sweep).code == 0
    written = (built / "sweeps/sweep-1/results.json").stat().st_mtime
    for name, text in (("damaged", "[1]"), ("odd", '{"cells": [{"run": "digits-conv-1"}]}')):
        (built / "sweeps" / name).mkdir()
        (built / "sweeps" / name / "results.json").write_text(text)
        os.utime(built / "sweeps" / name / "results.json", (written + 1, written + 1))
    said = call("report", "--samples", 8)
    assert said.code == 0
    assert said.err.count("is passed over") == 2
    found = json.loads((built / BUILD / "report.json").read_text())["sweep"]
    assert found["folder"] == "sweeps/sweep-1"
    assert [p["this"] for p in found["points"]].count(True) == 1
    assert [(p["scheme"], p["division"]) for p in found["points"]] == [
        (s, d) for s in ("int8", "int4") for d in ("lut 8x8", "constant")
    ]
    fastest = min(p["cycles"] for p in found["points"])
    of_these = [p for p in found["points"] if p["cycles"] == fastest]
    best = max(of_these, key=lambda p: p["value"])
    assert "cycles" in best["front"]


def test_own_samples_have_no_accuracy(built, call, samples):
    samples(5, 1, 8, 8)
    assert call("report", "--input", "x.npy", "--out", "r").code == 0
    found = json.loads((built / "r/report.json").read_text())
    assert (found["confusion"], found["accuracy"]["integer"]) == (None, None)
    assert any("no labels" in entry["what"] for entry in found["advice"])
    assert not (built / BUILD / "report.json").exists()


def test_the_numbers_of_a_run_are_those_that_it_logged(trained, call):
    assert call("report", RUN).code == 0
    found = json.loads((trained / RUN / "report.json").read_text())
    logged = list(csv.DictReader((trained / RUN / "metrics.csv").read_text().splitlines()))
    assert [e["test_accuracy"] for e in found["epochs"]] == [
        float(row["test_accuracy"]) for row in logged
    ]
    assert {row["epoch"] for row in found["distributions"]} == {0, 1, 2}
    assert [layer["name"] for layer in found["layers"]] == ["conv1", "conv2"]
    assert all(len(layer["gradient"]) == 2 for layer in found["layers"])
    assert call("compile", RUN).code == 0  # the report beside its files harms nothing
    with (trained / RUN / "gradients.csv").open() as file:
        gradients = [(row["layer"], row["parameter"]) for row in csv.DictReader(file)]
    assert [(row["layer"], row["parameter"]) for row in found["gradients"]] == gradients
    assert len(gradients) == 2 * 6
    assert "Gradients of the first iteration" in (trained / RUN / "report.html").read_text()


@pytest.mark.parametrize("file", ["metrics.csv", "health.csv", "distributions.csv"])
def test_a_damaged_log_is_refused(trained, refused, file):
    (trained / RUN / file).write_text("epoch,layer\n1,\n")
    refused("report", RUN, code=1, what="the file is damaged", where=file, fix="restore")


def test_an_imported_run_has_no_training(trained, refused):
    (trained / RUN / "metrics.csv").unlink()
    refused("report", RUN, code=1, what="no metrics.csv", where=RUN, fix="compile it")


def test_a_file_that_a_manifest_vouches_for_is_left_alone(built, refused):
    (built / BUILD / "report.json").write_text("{}")
    path = built / BUILD / "manifest.json"
    mark = json.loads(path.read_text())
    mark["files"]["report.json"] = sha256(built / BUILD / "report.json")
    path.write_text(json.dumps(mark))
    refused("report", "--samples", 4, code=2, what="the manifest protects a report.json",
            where=BUILD, fix="--out")  # fmt: skip


def test_a_report_names_what_is_wrong():
    layer = {"name": "lif1", "layer": "conv1", "mismatch": 0.2, "saturated_current": 0.0,
             "saturated_membrane": 0.5, "zero_divisors": 0.9, "rate": 0.0,
             "division_error": {"largest": 0.2, "bound": 0.1}}  # fmt: skip
    row = {"artefact": "model.onnx", "executor": "x", "result": "differs", "difference": 3.0,
           "reason": ""}  # fmt: skip
    found = advice(
        {"executors": [row], "layers": [layer], "samples": 10,
         "input": {"rounding": 0.3, "saturated": 0.2}, "resources":
         [{"resource": "rows", "used": 10, "offered": 10},
          {"resource": "words", "used": 1, "offered": 10}],
         "accuracy": {"float": 0.9, "integer": 0.7, "constant": False},
         "provenance": {"made_by": "0", "imported": False, "division": "exact"}}
    )  # fmt: skip
    said = [(entry.grade, entry.what) for entry in found]
    assert [grade for grade, _ in said] == ["error"] * 2 + ["warning"] * 7 + ["note"] * 3
    for words in (
        "model.onnx",
        "beyond its bound",
        "lose 20.00 points of accuracy, 2 of 10 samples",
        "20.00 % of the spikes",
        "the input's steps are coarse: rounding to them changes it by 30.00 %",
        "20.00 % of the input's values",
        "are 0",
        "membranes of lif1 saturate",
        "rows: 10 of 10",
        "10 samples",
        "made by",
    ):
        assert any(words in what for _, what in said), words  # fmt: skip
    assert all(entry.fix for entry in found)


def test_synthesis_needs_yosys(built, refused, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)
    refused(
        "report", "--synth", code=2, what="yosys and make not installed", where="--synth",
        fix="apt install make yosys",
    )  # fmt: skip


@pytest.mark.yosys
def test_a_report_with_cells(built, call):
    found = json.loads(call("report", "--text", "--samples", 4, "--synth", "--json").out)
    cells = {row["division"]: row["cells"]["kinds"] for row in found["rows"]}
    assert cells["lut 8x8"]["multipliers"] > cells["exact"]["multipliers"]


def test_files_that_nobody_asked_for_are_named_once(built, call):
    assert call("report", "--samples", 2).code == 0
    found = json.loads((built / BUILD / "report.json").read_text())["advice"]
    named = [entry for entry in found if "model.onnx" in entry["what"]]
    assert len(named) == 1
    assert "model.int.onnx, model.nir" in named[0]["what"]
    assert "--emit onnx, --emit nir --nir-dialect ei" in named[0]["fix"]


def test_a_core_that_is_cut_to_its_network_has_no_note_of_full_memories():
    content = {
        "executors": [], "layers": [], "samples": 200,
        "resources": [{"resource": "rows", "used": 10, "offered": 10}],
        "input": {"rounding": 0.0, "saturated": 0.0},
        "accuracy": {"float": 1.0, "integer": 1.0, "constant": False},
        "provenance": {"made_by": __version__, "imported": False, "division": "exact"},
    }  # fmt: skip
    assert advice(content) == []


@pytest.mark.parametrize(("lost", "warns"), [(1, False), (2, True)])
def test_a_single_sample_is_no_loss_of_accuracy(lost, warns):
    content = {
        "executors": [], "layers": [], "samples": 24, "resources": [],
        "input": {"rounding": 0.0, "saturated": 0.0},
        "accuracy": {"float": 1.0, "integer": 1 - lost / 24, "constant": False},
        "provenance": {"made_by": __version__, "imported": False, "division": "exact"},
    }  # fmt: skip
    assert any("the integers lose" in notice.what for notice in advice(content)) == warns


@pytest.mark.parametrize(("share", "grade"), [(0.02, "note"), (0.27, "warning")])
def test_much_saturation_is_a_warning(share, grade):
    content = {
        "executors": [], "layers": [], "samples": 200, "resources": [],
        "input": {"rounding": 0.0, "saturated": share},
        "accuracy": {"float": 1.0, "integer": 1.0, "constant": False},
        "provenance": {"made_by": __version__, "imported": False, "division": "exact"},
    }  # fmt: skip
    assert [notice.grade for notice in advice(content) if "saturate" in notice.what] == [grade]


@pytest.mark.parametrize(("accuracies", "warns"), [([1.0, 23 / 24], False), ([0.5, 0.2], True)])
def test_a_training_that_ends_a_single_sample_lower_is_not_warned_of(accuracies, warns):
    epochs = [
        {"epoch": at, "epochs": 2, "test_accuracy": value, "train_accuracy": value}
        for at, value in enumerate(accuracies, 1)
    ]
    content = {
        "epochs": epochs, "provenance": {"finished": True}, "layers": [], "distributions": [0],
    }  # fmt: skip
    assert any("ends at" in notice.what for notice in training_advice(content)) == warns
