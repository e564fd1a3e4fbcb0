"""Data of the user's own through the whole chain: found again, missed by name, or not needed."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import eideploy as ei
from eideploy.config import load_config
from eideploy.data import Dataset, load
from eideploy.errors import StoppedError
from eideploy.flow.kept_samples import Kept
from eideploy.flow.own_network import adapted, choice_for
from eideploy.model.networks import build
from eideploy.nn import Shunting
from eideploy.target import load_target
from tests.cli.support import RUN, only

SHORT = ("--set", "training.epochs=1", "--set", "training.warmup_epochs=0",
         "--set", 'network.widths=[8, "P", 8]')  # fmt: skip
NAMES = np.array(["nought", "one", "two", "three"])


@pytest.fixture
def mine(empty):
    """Write digits 0 to 3, as bytes from 0 to 16, with names."""
    digits = load("digits")
    some = digits.all_y < 4
    x = (digits.all_x[some, 0] * 16).astype(np.uint8)
    np.savez("mine.npz", x=x, y=digits.all_y[some], classes=NAMES)
    np.save("x.npy", x[:9])
    return Path("mine.npz")


@pytest.fixture
def run(mine, call):
    """Train on them by default, shortly."""
    assert call("train", "--data", mine, *SHORT).code == 0
    return Path("runs/mine-1")


def told(found):
    assert found.code == 0, found.err
    return json.loads(found.out)


def test_data_of_ones_own_are_trained_on_with_no_more_said(mine, call):
    found = call("train", "--data", mine, *SHORT)
    assert found.code == 0, found.err
    assert "split 576/144 by class, random_state 0" in found.err
    assert "the network sees value / 16" in found.err
    assert (
        "4 classes (nought, one, two, three); taking the network of preset digits-conv" in found.err
    )
    manifest = json.loads(Path("runs/mine-1/manifest.json").read_text())
    assert manifest["data"] == "mine.npz"
    assert manifest["classes"] == NAMES.tolist()
    scaling = {"offset": 0.0, "divisor": 16.0, "high": 1.0, "shape": [1, 8, 8]}
    assert manifest["scaling"] == scaling
    assert manifest["own_data"]["path"] == str(mine.resolve())


@pytest.mark.parametrize("count", [2, 3])
def test_few_classes_are_enough(empty, call, count):
    digits = load("digits")
    some = digits.all_y < count
    np.savez("few.npz", x=digits.all_x[some], y=digits.all_y[some])
    assert told(call("train", "--data", "few.npz", *SHORT, "--json"))["classes"] == [*"012"[:count]]
    assert call("compile").code == 0
    assert told(call("simulate", "--json"))["agreement"] > 0.9


def test_the_chain_finds_the_data_again(run, call):
    build = told(call("compile", run, "--json"))
    assert build["data"] == "mine.npz"
    assert build["classes"] == NAMES.tolist()
    assert told(call("simulate", "--json"))["samples"] == 144
    assert told(call("report", "--json"))["provenance"]["data"] == "mine.npz"
    assert told(call("report", run, "--json"))["provenance"]["data"] == "mine.npz"
    swept = told(
        call("sweep", "--schemes", "int8", "--divisions", "lut:8x8", "--jobs", 1, "--json")
    )
    assert swept["cells"][0]["samples"] == 144


def test_a_report_names_the_classes_and_says_augmented_only_of_what_is(run, mine, call):
    assert call("report", run).code == 0
    page = (run / "report.html").read_text()
    assert "as augmented" not in page
    assert all(name in page for name in NAMES)
    moved = ("--set", "data.shift=1", "--out", "moved")
    assert call("train", "--data", mine, *SHORT, *moved).code == 0
    assert call("report", "moved").code == 0
    assert "as augmented" in Path("moved/report.html").read_text()


def test_fewer_samples_than_were_asked_for_are_told(run, call):
    said = call("simulate", run, "--samples", 100_000)
    assert "there are 144 samples, all of which are used, and not 100000" in said.err
    assert "all of which" not in call("simulate", run, "--samples", 144).err


def test_data_in_the_place_of_a_preset_are_told_of_their_option(mine, call):
    said = call("train", mine.name)
    assert said.code == 1
    assert f"fix:   write --data {mine.name}, if it holds your data" in said.err


def test_a_training_in_memory_that_stops_says_how_it_goes_on(mine, call):
    held = dict(np.load(mine))

    def stop(_metrics):
        raise KeyboardInterrupt

    with pytest.raises(StoppedError) as stopped:
        ei.train_network(data=(held["x"], held["y"]), out="held", callbacks=[stop])
    assert "continue with eideploy train --resume held --data mine.npz" in stopped.value.fix
    lost = call("train", "--resume", "held")
    assert "fix:   save them, numpy.savez('mine.npz'" in lost.err


def test_a_result_never_replaces_the_data(run, mine, call):
    before = mine.read_bytes()
    refused = call("simulate", run, "--samples", 3, "--save", "mine.npz")
    assert refused.code == 1
    assert "the result would replace" in refused.err
    assert mine.read_bytes() == before


def test_without_the_data_a_run_compiles_to_the_same_build(run, mine, call):
    first = told(call("compile", run, "--json"))["build"]
    mine.unlink()
    second = told(call("compile", run, "--json"))["build"]
    name = "integer.safetensors"
    assert (Path(first) / name).read_bytes() == (Path(second) / name).read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "--split", "train", "--samples", 9),
        ("sweep", "--samples", 9, "--schemes", "int8", "--divisions", "shift"),
    ],
)
def test_moved_data_are_asked_for_by_name_and_taken(run, mine, call, words):
    assert call("compile", run).code == 0
    moved = mine.rename("moved.npz").resolve()
    asked = call(*words)
    assert asked.code == 1
    assert f"mine.npz, are not at {mine.resolve()} any more" in asked.err
    assert "fix:   give its new location with --data PATH" in asked.err
    assert call(*words, "--data", moved).code == 0


def test_a_build_is_simulated_verified_and_reported_on_without_the_data(
    run, mine, call, monkeypatch
):
    monkeypatch.setattr("eideploy.flow.kept_samples.CALIBRATION_SAMPLES", 100)
    assert call("train", "--data", mine, *SHORT, "--out", "few").code == 0
    build = told(call("compile", "few", "--json"))["build"]
    with_data = told(call("simulate", build, "--samples", 100, "--json"))
    mine.unlink()
    shutil.rmtree("few")
    without = call("simulate", build, "--json")
    assert "mine.npz is not where it was: taking 100 of 144 test samples" in without.err
    assert told(without) == with_data
    assert call("verify", build).code == 0
    assert call("report", build, "--samples", 9).code == 0
    refused = call("simulate", build, "--data", mine)
    assert "there is no such file" in refused.err or "not at" in refused.err


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_kept_samples_take_what_they_are_written_as(monkeypatch, kind):
    monkeypatch.setattr("eideploy.flow.kept_samples.MOST_BYTES", 1000)
    kept = Kept.unlabelled(np.zeros((64, 50), kind))
    assert (len(kept.x), kept.x.nbytes, kept.of) == (5, 1000, 64)


def test_other_data_than_those_trained_on_are_refused(run, call):
    assert call("compile", run).code == 0
    np.savez("other.npz", x=np.arange(64 * 40).reshape(40, 8, 8) % 17, y=np.arange(40) % 4)
    asked = call("simulate", "--data", "other.npz")
    assert asked.code == 1
    assert "this is not the data that the network was trained on, mine.npz" in asked.err
    assert "it is 32 training and 8 test samples" in asked.err
    mine = np.load("mine.npz")
    fewer = {name: mine[name][:-1] for name in mine.files if len(mine[name]) > 9}
    np.savez("mine.npz", **{name: mine[name] for name in mine.files} | fewer)
    asked = call("simulate", "--data", "mine.npz")
    assert asked.code == 1
    assert "the data have changed since the network was trained on them; they are" in asked.err


def test_where_data_lie_has_no_effect_on_others(run, trained_run, call):
    refused = call("compile", RUN, "--data", "mine.npz")
    assert refused.code == 2
    assert "--data has no effect on the data set digits, which has a name" in refused.err
    refused = call("compile", run, "--data-dir", ".", "--calibration-samples", 999)
    assert refused.code == 2
    assert "--data-dir has no effect on mine.npz, which is data of your own" in refused.err


@pytest.fixture
def trained_run(finished, run):
    import shutil

    shutil.copytree(finished / RUN, RUN)


def test_a_configuration_names_the_data_too(mine, call):
    Path("my.toml").write_text(
        '[data]\npath = "mine.npz"\n[network]\nwidths = [8, "P", 8]\n'
        "[training]\nepochs = 1\nwarmup_epochs = 0\n"
    )
    assert told(call("train", "my.toml", "--json"))["data"] == "mine.npz"
    assert only(Path("runs")).name == "my-1"


def test_a_run_is_finetuned_on_its_data(run, call):
    tuned = call("train", "--finetune", run, "--set", "training.epochs=1", "--json")
    assert told(tuned)["data"] == "mine.npz"


@pytest.mark.parametrize("side", [8, 15, 16, 28, 29, 32, 64])
def test_the_network_for_images_fits_the_weight_memory_of_the_default_target(side):
    x = np.zeros((20, 3, side, side), np.uint8)
    y = np.arange(20) % 10
    dataset = Dataset(name="mine", train_x=x, train_y=y, test_x=x, test_y=y, classes=10)
    choice = choice_for(dataset)
    config = adapted(load_config(choice.preset), choice, dataset)
    weights = [
        layer.get_parameter(f"{part}.weight")
        for layer in build(config.network, dataset.input_shape, 10).modules()
        if isinstance(layer, Shunting)
        for part in ("excitatory", "inhibitory")
    ]
    core = load_target("digital")
    rows = sum(-(-len(w) // core.core.lanes) * w[0].numel() for w in weights)
    assert rows < 0.98 * core.memory.weight_rows


def test_few_samples_are_trained_on_in_small_batches():
    x = np.zeros((120, 10, 2, 32, 32), np.uint8)
    y = np.arange(120) % 3
    few = Dataset(name="few", train_x=x[:96], train_y=y[:96], test_x=x[96:], test_y=y[96:],
                  classes=3)  # fmt: skip
    preset = load_config(choice_for(few).preset)
    training = adapted(preset, choice_for(few), few).training
    assert (preset.training.batch, training.batch) == (32, 12)
    assert training.epochs == 3 * preset.training.epochs * 12 // 32


def test_a_data_set_by_name_takes_the_network_that_suits_it(empty, call):
    found = call("train", "--data", "digits", *SHORT)
    assert found.code == 0
    assert "taking the network of preset digits-conv" in found.err
    assert only(Path("runs")).name == "digits-1"


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("--data", "gone.npz"), 1, "there is no such file or folder"),
        (("--data", "mine.npz", "--set", "data.path=x.npz"), 2, "data.path is set twice"),
        (("--data", "mine.npz", "--set", "data.name=cifar10"), 2, "data.name is set twice"),
        (("cifar10-vgg8", "--set", "data.path=mine.npz"), 1, "two sets of data"),
        (("--set", "data.size=8x8"), 1, "data.size has no effect on the data set digits"),
        (("--data", "mine.npz", "--data-dir", "."), 2, "--data-dir has no effect on mine.npz"),
    ],
)
def test_data_that_contradict_are_refused_and_nothing_is_written(mine, call, words, code, what):
    found = call("train", *words)
    assert (found.code, what in found.err) == (code, True), found.err
    assert not Path("runs").exists()
