"""`board tune` by the loader, on an emulated board."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import eideploy as ei
from eideploy import native
from eideploy.backends.dynapse2 import emulator
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.backends.dynapse2.dpi import classify, tuning
from eideploy.backends.dynapse2.dpi.boards import Board
from eideploy.backends.dynapse2.folders import load_chip_build
from eideploy.backends.dynapse2.jobs import tune as job
from eideploy.backends.dynapse2.jobs.loader import run_loader
from eideploy.backends.dynapse2.patch import read_patch
from eideploy.data.origin import Place
from eideploy.flow.requests.board import Tune
from eideploy.staging import sole_writing
from tests.backends.dynapse2.small import small_build
from tests.cli.support import PATIENCE_S

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
SEED = 3
BAD = 5  # of a board that has silent and hot neurons among those in use


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a build for digits on cores of 40 neurons."""
    folder = tmp_path_factory.mktemp("digits") / "build"
    return small_build(folder, neurons=40, data="digits", inputs=64, classes=10)


def test_the_loader_measures_what_the_emulated_board_does(build, tmp_path):
    whole = load_chip_build(build)
    shown = job.first_of_training(whole.origin, Place(), 1)[0]
    bench = job.Bench.opened(tmp_path / "bench", whole, shown, ["--emulate", str(SEED)])
    found = bench.measure(whole.configuration)
    board = Board(whole.spec, SEED).wiring(whole.configuration)
    expected = classify.show(board, shown, whole.configuration.coding).counts
    assert found.shape == expected.shape
    assert expected.sum() > 1000
    assert abs(found.sum() / expected.sum() - 1) < 0.02
    assert np.corrcoef(found.sum(1), expected.sum(1))[0, 1] > 0.98


@pytest.fixture(scope="module")
def tuned(build):
    """Return the result of two rounds of bisection, and where it was written."""
    out = build.with_name("tuned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "ROUNDS", 2)
        result = ei.tune_board(build, emulate=True, seed=SEED, per_class=1, out=out)
    return result, out


def test_tuned_biases_bring_the_rates_nearer_to_those_of_the_simulator(tuned):
    result, out = tuned
    rates = result.content["rate_hz"].values()
    off = {
        key: sum(abs(np.log(hz[key] / hz["aim"])) for hz in rates) for key in ("before", "after")
    }
    assert off["after"] < 0.6 * off["before"]
    kept = json.loads((out / "tuned.json").read_text())
    assert kept == {key: value for key, value in result.content.items() if key != "tuned"}
    assert len(kept["outputs"]["slope"]) == 30


def test_a_tuned_patch_differs_by_its_biases_alone_and_lies_beside_its_loader(build, tuned):
    result, out = tuned
    before = load_chip_build(build).configuration
    after = read_patch(out / "dynapse2/patch.json", read_spec(out / "target.toml"))
    assert equal(replace(after, biases=before.biases), before)
    changed = {(row["core"], row["bias"]): row["after"] for row in result.content["biases"]}
    assert changed
    for (core, bias), code in changed.items():
        assert after.biases[0, core, after.bias_names.index(bias)].tolist() == code
    ran = subprocess.run(
        [sys.executable, "-B", str(out / "dynapse2/load.py"), "check"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ran.stdout.startswith("1 chip: 72 neurons")


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({}, "the command does not say which board"),
        ({"samna": True, "emulate": True}, "two boards are named"),
        ({"samna": True, "seed": 1}, "--seed has no effect"),
        ({"emulate": True, "serial": "1"}, "--serial has no effect"),
    ],
)
def test_what_cannot_be_tuned_is_refused_and_nothing_is_written(build, tmp_path, asked, what):
    with pytest.raises(ei.UsageError, match=what):
        ei.tune_board(build, out=tmp_path / "made" / "tuned", **asked)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("job_of", [ei.tune_board, ei.characterise_board])
def test_a_new_build_that_cannot_be_written_is_refused_before_anything_is_measured(
    build, tmp_path, monkeypatch, job_of
):
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(ei.DataError, match="exists already") as refused:
        job_of(build, emulate=True, rebuild=tmp_path, out=tmp_path / "out")
    assert refused.value.fix == "name another folder with --rebuild, or remove this one"
    with pytest.raises(ei.UsageError, match="have the same folder"):
        job_of(build, emulate=True, rebuild=tmp_path / "out", out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_the_loader_finds_is_an_error_of_eideploy(build, tmp_path):
    spikes = tmp_path / "spikes.csv"
    spikes.write_text("trial,time_us,population,index\n0,10,pixels,0\n1,10,pixels,0\n")
    words = ["run", str(spikes), str(tmp_path / "out.csv")]
    asked = {
        ("--samna",): r"is not installed\n  where: the Python .*\n  fix:   install it",
        ("--emulate", "0", "--fault", "refuse"): "the board refuses its configuration: leaks",
    }
    for more, what in asked.items():
        with pytest.raises(ei.EideployError, match=what):
            run_loader(build / "dynapse2/patch.json", [*words, *more])


def test_a_build_without_a_data_set_is_not_tuned(build):
    bare = replace(load_chip_build(build), content={})
    with pytest.raises(ei.UsageError, match="the build has no data set"):
        job.tune_board(bare, Tune(emulate=True))


def test_what_was_measured_is_not_measured_again(build, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "ROUNDS", 1)
    whole, out, asked = load_chip_build(build), tmp_path / "tuned", []
    aim = job.first_of_training(whole.origin, Place(), 1)[0]

    def answered(patch, words):
        """Answer as a board that makes one spike a trial, and be stopped the fourth time."""
        asked.append(patch.read_bytes())
        if len(asked) == 4:
            raise KeyboardInterrupt
        spikes = [f"{trial},1000,output,{trial}" for trial in range(len(aim))]
        (path := Path(words[2])).write_text("\n".join(["trial,time_us,population,index", *spikes]))
        ended = [f"{trial},1,0,x" for trial in range(len(aim))]
        path.with_suffix(".trials.csv").write_text("\n".join(["trial,spikes,class,of", *ended]))
        return ""

    monkeypatch.setattr(job, "run_loader", answered)
    with (
        sole_writing(tmp_path / "tuned.measured"),
        pytest.raises(ei.UsageError, match="another process is writing into the folder"),
    ):
        ei.tune_board(build, emulate=True, seed=SEED, per_class=1, out=out)
    with pytest.raises(ei.StoppedError, match="stopped in measurement 4") as stopped:
        ei.tune_board(build, emulate=True, seed=SEED, per_class=1, out=out)
    assert stopped.value.where == str(tmp_path / "tuned.measured")
    assert not out.exists()
    with pytest.raises(ei.DataError, match="what another board did"):
        ei.tune_board(build, emulate=True, seed=SEED + 1, per_class=1, out=out)
    ei.tune_board(build, emulate=True, seed=SEED, per_class=1, out=out)
    assert asked[3] == asked[4]  # it is asked again what it did not answer, and nothing else
    assert len(set(asked)) == len(asked) - 1
    assert not (tmp_path / "tuned.measured").exists()


def test_the_network_is_mapped_around_neurons_that_tuning_finds(build, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "ROUNDS", 1)
    out, new = tmp_path / "tuned", tmp_path / "new"
    said = ei.tune_board(
        build, emulate=True, seed=BAD, fault="neurons", per_class=1, out=out, rebuild=new
    ).content
    board = Board(load_chip_build(build).spec, BAD, emulator.BAD["neurons"])
    of_core = {core: board._circuits(core) for core in range(4)}
    assert said["hot"]
    assert all(of_core[core].hot[neuron] for _, core, neuron in said["hot"])
    silent = [of_core[core].silent[neuron] for _, core, neuron in said["silent"]]
    assert sum(silent) > 0  # others may be, as mismatch has them
    assert said["rebuilt"] == str(new)
    c = load_chip_build(new).configuration.neurons
    used = set(zip(c.chip.tolist(), c.core.tolist(), c.neuron.tolist(), strict=True))
    assert not used & {tuple(place) for place in (*said["silent"], *said["hot"])}
    outputs = json.loads((out / "dynapse2/outputs.json").read_text())["outputs"]
    assert [row[:2] for row in outputs] == [["output", k] for k in range(30)]


def test_silent_and_hot_neurons_are_told_by_their_spikes(build):
    c = load_chip_build(build).configuration
    aim = np.full((len(c.neurons.core), 4), 3)
    found = aim.copy()
    found[5], found[7], found[8] = 0, 9, [0, 9, 9, 9]
    places = np.stack([c.neurons.chip, c.neurons.core, c.neurons.neuron], 1)
    bad = job._bad({"aim": aim, "after": found}, c)
    assert bad == {"silent": [tuple(places[5])], "hot": [tuple(places[7])]}
    rows = job._map(bad)["chips"]["0"]["neurons"]
    assert sorted(rows) == sorted([list(places[k][1:]) for k in (5, 7)])
