"""report on a build and a run for a mixed-signal chip: numbers, page, warnings."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from eideploy import cli, native
from eideploy.backends.dynapse2 import folders as chip_folders
from eideploy.backends.dynapse2.jobs import results as chip_results
from eideploy.backends.dynapse2.report.advice import chip_advice
from eideploy.backends.dynapse2.report.charts import _runs
from eideploy.errors import DataError
from tests.cli.support import listing
from tests.cli.test_chip_training import SMALL
from tests.helpers.chromium import chromium
from tests.helpers.pages import WAYS, keys_with_numbers, shown_whole

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
RUN, BUILD = Path("runs/digits-dynapse2-1"), Path("builds/digits-dynapse2-1-dynapse2-1")
SIMULATED = ("simulate", str(BUILD), "--executor", "dpi", "--chips", "2", "--samples", "32")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a folder with a small run for the chip and its build, simulated, both reported on."""
    place, before = tmp_path_factory.mktemp("chip"), os.getcwd()  # noqa: PTH109
    os.chdir(place)
    try:
        for argv in (
            ("train", "digits-dynapse2", *SMALL), ("compile", "--target", "dynapse2"), SIMULATED,
            ("report", str(BUILD)), ("report", str(RUN)),
        ):  # fmt: skip
            assert cli.main(list(argv)) == 0
    finally:
        os.chdir(before)
    return place


@pytest.fixture
def copied(made, empty):
    """Work in a copy of it."""
    shutil.copytree(made, empty, dirs_exist_ok=True)
    return empty


@pytest.fixture(scope="module")
def numbers(made):
    return json.loads((made / BUILD / "report.json").read_text())


def test_every_core_is_counted_as_the_patch_has_it(made, numbers):
    c = chip_folders.load_chip_build(made / BUILD).configuration
    assert len(numbers["cores"]) == 4
    for core in numbers["cores"]:
        at = core["chip"], core["core"]
        assert core["neurons"] == {"used": int(c.used[at].sum()), "offered": 256}
        assert core["cams"]["used"] == sum(core["cams_by_neuron"]) == (c.cams.mask[at] > 0).sum()
        assert core["cams"]["most"] == max(core["cams_by_neuron"]) <= core["cams"]["of_one"] == 64
        assert core["destinations"]["used"] == (c.srams.cores[at] > 0).sum()
        assert core["tags"]["offered"] == 2048
        counts = dict.fromkeys(core["populations"], 0)
        for number in core["map"]:
            if number >= 0:
                counts[c.populations[number]] += 1
        assert counts == core["populations"]
    assert sum(core["neurons"]["used"] for core in numbers["cores"]) == c.used.sum()
    heard = sum(row["cams"] for row in numbers["projections"])
    assert heard == sum(core["cams"]["used"] for core in numbers["cores"])


def test_the_ladder_is_what_was_trained_and_simulated(made, numbers):
    run = json.loads((made / RUN / "manifest.json").read_text())
    assert numbers["trained"] == {"float_accuracy": None, "test_accuracy": run["test_accuracy"]}
    kept = json.loads((made / BUILD / "simulation.json").read_text())
    assert numbers["simulation"]["accuracy"] == kept["accuracy"]
    assert numbers["simulation"]["gap"] == kept["gap"]
    drawn = {cv: len(found) for cv, found in numbers["simulation"]["accuracy_by_cv"].items()}
    assert drawn == {"0.1": 2, "0.2": 2}


@pytest.mark.parametrize("folder", [BUILD, RUN], ids=["build", "run"])
def test_every_figure_has_its_numbers(made, folder):
    assert keys_with_numbers(made / folder) > 5


def test_the_page_has_all_that_a_mapping_is_judged_by(made):
    page = (made / BUILD / "report.html").read_text()
    for words in (
        "What was mapped", "Resources of every core", "Map of the cores", "Chip 0: populations",
        "CAMs in use", "tags", "destinations", "mismatch of CV 10%", "mismatch of CV 20%",
        "Semantic gap", "One excitatory neuron", "Rates of the populations", "SHA-256",
        "no board has run", "Emulated boards", "on emulated boards, as mapped",
        "2 emulated boards, biases err by CV 20% a core, as mapped",
    ):  # fmt: skip
        assert words in page, words
    assert "<script" not in page


@pytest.mark.chromium
@pytest.mark.parametrize("folder", [BUILD, RUN], ids=["build", "run"])
def test_chromium_shows_all_of_it(made, folder):
    least = {BUILD: 6, RUN: 4}[folder]
    with chromium() as tab:
        for way in WAYS:
            assert shown_whole(tab, made / folder / "report.html", way) >= least


def test_without_a_simulation_it_says_how_to_make_one(copied, call):
    (BUILD / "simulation.json").unlink()
    assert call("report", BUILD).code == 0
    found = json.loads((BUILD / "report.json").read_text())
    assert found["simulation"] is None
    assert any("--executor dpi" in entry["fix"] for entry in found["advice"])
    assert "Semantic gap" not in (BUILD / "report.html").read_text()
    assert keys_with_numbers(BUILD) > 5


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("build_sha256", "0" * 64), ("kind", "x"), ("accuracy", 2), ("accuracy", None),
        ("accuracy_by_cv", {"0.1": []}), ("accuracy_by_cv", {"x": [1.0]}), ("accuracy_by_cv", []),
        ("samples", 0), ("samples", "many"), ("gap", {"as emitted": "high"}), ("rate_hz", 3),
        ("boards", {"as mapped": [1.0], "tuned": [1.0, 0.5]}), ("boards", {"as mapped": [2.0]}),
        ("divisor", 1e400), ("accuracy_by_class", [[]]), ("calibrated_on", -1),
        ("single_neuron", {"divisor": 2.0, "rate_hz": {"none": [1.0], "shunt": [], "gaba": [1.0]}}),
    ],
)  # fmt: skip
def test_a_simulation_that_is_damaged_or_of_another_build_is_passed_over(
    copied, key, value, capsys
):
    path = BUILD / "simulation.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert chip_results.kept_simulation(chip_folders.load_chip_build(BUILD)) is None
    assert "is passed over" in capsys.readouterr().err


def test_a_simulation_that_cannot_be_written_is_not_kept_and_said_so(copied, call, monkeypatch):
    def fail(*_):
        raise DataError("cannot write: full", where="x", fix="y")

    monkeypatch.setattr(chip_results, "write_json", fail)
    found = call(*SIMULATED[:-3], "1", "--samples", "16")
    assert found.code == 0
    assert "not kept for a report: cannot write: full" in found.err


@pytest.mark.parametrize("option", ["--text", "--verify", "--samples=3"])
def test_options_of_a_program_are_refused(copied, call, option):
    before = listing(copied)
    found = call("report", BUILD, option)
    assert found.code == 2
    assert f"no effect on {BUILD}, a build for a mixed-signal chip" in found.err
    assert listing(copied) == before


def test_warnings_say_what_to_do(numbers):
    def said(**changes):
        return " | ".join(f"{e.what}: {e.fix}" for e in chip_advice(numbers | changes))

    row = numbers["projections"][0]
    assert "above the aim" in said(projections=[row | {"error": 0.2}])
    assert "3 synapses" in said(projections=[row | {"lost": 3}])
    found = numbers["simulation"] | {"accuracy": 0.9, "accuracy_by_cv": {"0.2": [0.7, 0.8]}}
    assert "CV 20 % takes 15.0 points" in said(simulation=found)
    assert "fire at 0.5 Hz" in said(simulation=found | {"rate_hz": {"out": 0.5}})
    tags = {"tags": {"used": 2000, "offered": 2048}}
    assert "2,000 of 2,048 tags are used" in said(cores=[numbers["cores"][0] | tags])
    assert "resolve an accuracy to 3.1 points" in said()
    other = numbers["provenance"] | {"made_by": "0.0.1"}
    assert "made by eideploy 0.0.1" in said(provenance=other)


def test_a_damaged_account_is_named(copied, call):
    path = BUILD / "manifest.json"
    content = json.loads(path.read_text())
    content["mapping"]["projections"][0]["error"] = "small"
    path.write_text(json.dumps(content))
    found = call("report", BUILD)
    assert found.code == 1
    assert "account of the mapping is damaged" in found.err


def test_the_latest_build_is_reported_on_whatever_its_target(copied, call):
    assert "report on build digits-dynapse2-1-dynapse2-1" in call("report").out


@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 255, 256])
def test_a_map_draws_every_neuron_once(count):
    values = [int(n) for n in np.random.default_rng(0).integers(0, 3, count)]
    seen = {}
    for y, x, width, value in _runs(values):
        for column in range(x, x + width):
            assert (y, column) not in seen
            seen[y, column] = value
    assert [seen[place] for place in sorted(seen)] == values
