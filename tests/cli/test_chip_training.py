"""`train digits-dynapse2`, adaptation in `compile`, and `simulate --executor dpi`, in small."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from eideploy import native
from eideploy.backends.dynapse2 import config as chip
from eideploy.backends.dynapse2.training import checkpoint
from eideploy.data import load
from eideploy.errors import CapacityError
from eideploy.folders import CONFIG
from eideploy.staging import locked
from tests.backends.dynapse2.networks import SPEC
from tests.cli.support import RUN

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
SMALL = (
    "--set", "network.excitatory=60", "--set", "network.inhibitory=16",
    "--set", "network.output_inhibitory=6", "--set", "network.outputs=4",
    "--set", "training.epochs=3", "--set", "training.threads=1", "--set", "training.bias_error=0",
)  # fmt: skip


def test_train_compile_simulate(empty, call):
    made = call("train", "digits-dynapse2", *SMALL)
    assert made.code == 0
    assert "no board has run it" in made.out
    assert {p.name for p in Path("runs/digits-dynapse2-1").iterdir()} >= {
        "config.toml", "metrics.csv", "chip_network.safetensors", "manifest.json",
    }  # fmt: skip
    assert call("compile", "--target", "dynapse2").code == 0
    out = call("simulate", "--executor", "dpi", "--chips", "1", "--samples", "48", "--json")
    assert out.code == 0
    told = json.loads(out.out)
    assert told["samples"] == 48
    assert 0.1 < told["accuracy"] <= 1
    assert set(told["accuracy_by_cv"]) == {"0.1", "0.2"}
    assert told["divisor"] >= 1
    assert told["synaptic_events"] > told["spikes"] > 0
    assert told["gap"]["as emitted"] == told["accuracy"]
    assert (told["dendrite"], [*told["boards"]]) == ("full", ["as mapped"])
    found = call("simulate", "--executor", "dpi", "--chips", "1", "--samples", "16",
                 "--calibrate-chips", "2", "--tune-boards", "--json")  # fmt: skip
    told = json.loads(found.out)
    assert told["calibrated_on"] == 2
    assert [*told["boards"]] == [
        "as mapped", "as mapped, outputs scaled", "tuned", "tuned, outputs scaled",
    ]  # fmt: skip
    assert set(told["scaled_by_cv"]) == {"0.1", "0.2"}
    assert all(0 <= x <= 1 for xs in told["calibrated_by_cv"].values() for x in xs)
    text = call("simulate", "--executor", "dpi", "--chips", "1", "--samples", "16",
                "--write-events", "events.csv").out  # fmt: skip
    with Path("events.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {int(row["trial"]) for row in rows} == set(range(16))
    assert len(rows) / 16 == pytest.approx(told["input_events"], rel=0.01)
    assert "semantic gap" in text
    assert "asked by the paper's division" in text
    assert_own_samples_are_decided(call)


def assert_own_samples_are_decided(call):
    images = load("digits").test_x[:12]
    np.save("mine.npy", images)
    out = call("simulate", "--executor", "dpi", "--chips", "1", "--input", "mine.npy",
               "--save", "out.npz", "--json")  # fmt: skip
    assert out.code == 0
    told = json.loads(out.out)
    assert "accuracy" not in told
    assert len(told["decided"]) == 12
    with np.load("out.npz") as saved:
        assert saved["logits"].argmax(1).tolist() == told["decided"]
        assert saved["spikes"].shape[0] == 12
        assert saved["spikes"].sum() / 12 == pytest.approx(told["spikes"])
    assert "agreement" in call("simulate", "--executor", "dpi", "--chips", "1",
                               "--input", "mine.npy").out  # fmt: skip
    for wrong, said in ((images[:, :, :4], "32 values"), (images * 16, "not within 0 to 1")):
        np.save("wrong.npy", wrong)
        out = call("simulate", "--executor", "dpi", "--input", "wrong.npy")
        assert out.code == 1
        assert said in out.err
    out = call("simulate", "--executor", "dpi", "--input", "mine.npy", "--calibrate-chips", "2")
    assert out.code == 2
    assert "--calibrate-chips has no effect on samples of your own" in out.err
    out = call("simulate", "--executor", "dpi", "--split", "all", "--calibrate-chips", "2")
    assert out.code == 2
    assert "tried on test samples" in out.err


def test_a_plain_run_is_adapted_by_compile(empty, call, tmp_path, monkeypatch):
    preset = tmp_path / "chips"
    preset.mkdir()
    small = chip.load_chip_config("digits-dynapse2").with_overrides(
        dict(entry.split("=") for entry in SMALL[1::2])
    )
    (preset / "digits-dynapse2.toml").write_text(small.to_toml())
    tiny = ("--set", "training.epochs=2", "--set", "training.warmup_epochs=0")
    assert call("train", *tiny, "--set", 'network.widths=[8, "P", 8]').code == 0
    monkeypatch.setattr(chip, "CHIP_PRESETS", preset)
    out = call("compile", "--target", "dynapse2")
    assert out.code == 0
    assert "adapted in" in out.err
    content = json.loads(Path("runs/digits-conv-1-dynapse2-1/manifest.json").read_text())
    assert content["adapted"] == "digits-conv-1"
    assert 0 < content["float_accuracy"] <= 1
    shown = call("simulate", "--executor", "dpi", "--chips", "1", "--samples", "16")
    assert shown.code == 0
    shown = call("simulate", "--lut", "8bit", "--samples", "16")
    assert shown.code == 0
    assert "using runs/digits-conv-1, the latest run" in shown.err
    made = call("train", "--finetune", "runs/digits-conv-1", "--target", "dynapse2", *SMALL[:4])
    assert made.code == 0
    assert "before" in made.out


def interrupting(saved):
    """Return checkpoint.save, which notes folders in `saved` and is struck after the second."""
    kept = checkpoint.save

    def save(progress, folder, **more):
        kept(progress, folder, **more)
        saved.append(folder)
        if len(saved) == 2:
            raise KeyboardInterrupt

    return save


def test_an_interrupted_training_goes_on(empty, call, monkeypatch):
    saved = []
    tiny = (*SMALL, "--set", "network.excitatory=20", "--set", "network.outputs=1")
    assert call("train", "digits-dynapse2", *tiny, "--out", "whole").code == 0
    monkeypatch.setattr(checkpoint, "save", interrupting(saved))
    out = call("train", "digits-dynapse2", *tiny)
    assert out.code == 130
    assert "eideploy train --resume runs/digits-dynapse2-1" in out.err
    assert call("compile", "runs/digits-dynapse2-1", "--target", "dynapse2").code == 1
    out = call("train", "--resume")
    assert out.code == 0
    assert len(saved) == 3
    for name in ("chip_network.safetensors", "config.toml", "metrics.csv"):
        assert Path("runs/digits-dynapse2-1", name).read_bytes() == Path("whole", name).read_bytes()
    assert call("train", "--resume", "--tensorboard").code == 2


def test_an_adaptation_that_is_stopped_goes_on_by_the_same_command(
    trained, call, tmp_path, monkeypatch
):
    preset = tmp_path / "chips"
    preset.mkdir()
    few = (*SMALL, "--set", "neuron.base_na=60", "--set", "network.outputs=1")
    small = chip.load_chip_config("digits-dynapse2").with_overrides(
        dict(entry.split("=") for entry in few[1::2])
    )
    (preset / "digits-dynapse2.toml").write_text(small.to_toml())
    monkeypatch.setattr(chip, "CHIP_PRESETS", preset)
    whole = ("train", "--finetune", RUN, "--target", "dynapse2", "--out", "whole")
    assert call(*whole).code == 0
    kept = checkpoint.save
    monkeypatch.setattr(checkpoint, "save", interrupting([]))
    out = call("compile", RUN, "--target", "dynapse2")
    assert out.code == 130
    made = Path(f"{RUN}-dynapse2-1")
    assert f"eideploy train --resume {made}" in out.err
    assert not Path("builds").exists()
    assert not list(Path("runs").glob(".*"))
    monkeypatch.setattr(checkpoint, "save", kept)
    copy = Path("copy")
    shutil.copytree(made, copy)
    out = call("compile", RUN, "--target", "dynapse2")
    assert out.code == 0, out.err
    assert f"going on with {made}" in out.err
    out = call("train", "--resume", copy)
    assert out.code == 0, out.err
    assert f"distilled {Path(RUN).resolve()}" in out.out
    for name in ("chip_network.safetensors", "metrics.csv"):
        for other in (made, copy):
            assert (other / name).read_bytes() == Path("whole", name).read_bytes()
    content = json.loads((copy / "manifest.json").read_text())
    assert content["adapted"] == Path(RUN).name
    assert call("train", "--resume", made).code == 2  # it is finished


FIRST, SECOND = Path(f"{RUN}-dynapse2-1"), Path(f"{RUN}-dynapse2-2")


@pytest.fixture
def fitted(monkeypatch):
    """Return a function that lets every training end in an error, and tells of which spec it is."""
    specs = []

    def ends_in(error):
        def fit(_config, spec, *_others):
            specs.append(spec)
            raise error

        monkeypatch.setattr("eideploy.backends.dynapse2.jobs.train.fit", fit)
        return specs

    return ends_in


def test_an_adaptation_that_another_process_trains_is_left_alone(trained, call, fitted):
    to_chip = ("compile", RUN, "--target", "dynapse2")
    fitted(KeyboardInterrupt())
    assert call(*to_chip).code == 130
    with locked(FIRST / CONFIG):  # in its first epoch
        out = call("train", "--resume", FIRST)
        assert (out.code, "another process is training the run" in out.err) == (2, True), out.err
        out = call(*to_chip)
        assert (out.code, f"--resume {SECOND}" in out.err) == (130, True), out.err
    assert FIRST.is_dir()
    fitted(CapacityError("too much", where="here", fix="less"))
    assert call("train", "--resume", FIRST).code == 1
    assert f"going on with {SECOND}" in call(*to_chip).err
    assert FIRST.is_dir()  # begun before, so it stays
    assert SECOND.is_dir()
    assert call("train", "--finetune", *to_chip[1:], "--out", "other").code == 1
    assert not Path("other").exists()


def test_an_adaptation_goes_on_for_the_spec_that_it_was_begun_for(
    trained, call, fitted, tmp_path_factory, monkeypatch
):
    mine = Path("mine/spec.toml")
    mine.parent.mkdir()
    text = SPEC.source.read_text("utf-8").replace("entry = 0", 'defects = "d.json"\nentry = 0')
    mine.write_text(text, "utf-8")
    specs, own = fitted(KeyboardInterrupt()), ("compile", RUN, "--target", mine)
    out = call(*own)  # the map is missing, which is said before the training
    assert (out.code, "d.json" in out.err, specs) == (1, True, []), out.err
    (mine.parent / "d.json").write_text('{"version": 1, "chips": {}}')
    assert call(*own).code == 130
    assert f"--resume {SECOND}" in call("compile", RUN, "--target", "dynapse2").err
    assert f"going on with {FIRST}" in call(*own).err
    here = Path.cwd()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert call("train", "--resume", here / FIRST).code == 130
    assert [spec.board.defects for spec in specs] == ["d.json", "", "d.json", "d.json"]
    monkeypatch.chdir(here)
    (mine.parent / "d.json").write_text('{"version": 1, "chips": {"0": {"neurons": [[0, 1]]}}}')
    out = call("train", "--resume", FIRST)
    assert (out.code, "is not what the run was started for" in out.err) == (1, True), out.err
    assert f"--resume {RUN}-dynapse2-3" in call(*own).err
    out = call("train", "--finetune", *own[1:], "--set", "target=dynapse2")
    assert (out.code, "target has no effect" in out.err) == (2, True), out.err


def test_what_a_run_was_distilled_on_is_found_from_any_folder(
    trained, call, fitted, tmp_path_factory, monkeypatch
):
    np.save("x.npy", load("digits").train_x[:320])
    specs = fitted(KeyboardInterrupt())
    made = call("train", "--finetune", RUN, "--target", "dynapse2", "--distil-on", "x.npy")
    assert made.code == 130, made.err
    here = Path.cwd()
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    out = call("train", "--resume", here / FIRST)
    assert (out.code, len(specs)) == (130, 2), out.err
    (here / "x.npy").rename(here / "y.npy")
    out = call("train", "--resume", here / FIRST)
    assert (out.code, "the file is not where it was" in out.err) == (1, True), out.err
    (here / "x.npy").write_bytes(b"other")
    out = call("train", "--resume", here / FIRST)
    assert (out.code, "is not what the run was started with" in out.err) == (1, True), out.err


def test_a_network_that_does_not_fit_leaves_no_run_behind(empty, call):
    out = call("train", "digits-dynapse2", "--set", "network.excitatory=5000")
    assert out.code == 1
    assert "5000" in out.err or "neurons, the board has" in out.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ("training.epochs=1", "ends before synapses are pruned"),
        ("training.batch=64", "32 training samples are fewer than the 64 of a batch"),
    ],
)
def test_a_training_that_cannot_end_in_a_network_is_not_begun(empty, call, setting, what):
    x = np.random.default_rng(0).random((40, 8, 8), dtype=np.float32)
    np.savez("few.npz", x=x, y=np.arange(40) % 4)
    out = call("train", "digits-dynapse2", "--data", "few.npz", "--set", setting)
    assert (out.code, what in out.err) == (1, True), out.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ("train", "digits-dynapse2", "--resume"),
        ("train", "digits-dynapse2", "--scheme", "int8"),
        ("train", "--target", "dynapse2"),
        ("simulate", "--executor", "dpi", "--lut", "8bit"),
        ("simulate", "--executor", "dpi", "--trace", "--save", "a.npz"),
        ("simulate", "--executor", "dpi"),
    ],
)
def test_misuse_is_told(empty, call, argv):
    out = call(*argv)
    assert out.code == 2
    assert "fix:" in out.err


def test_a_run_without_a_data_set_is_distilled_on_images(trained, call, refused):
    path = trained / RUN / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"data": None}))
    np.save("x.npy", load("digits").train_x[:320])
    np.save("few.npy", load("digits").train_x[:4])
    to_chip = ("train", "--finetune", RUN, "--target", "dynapse2")
    refused(*to_chip, code=1, what="which data set it was trained on", where=RUN,
            fix=f"eideploy {' '.join(to_chip)} --distil-on X.npy")  # fmt: skip
    refused(*to_chip, "--distil-on", "few.npy", code=1, what="samples of shape (4, 1, 8, 8)",
            where="few.npy", fix="at least 5 still images")  # fmt: skip
    strong = ("--set", "neuron.base_na=60")  # so that after 3 epochs no dendrite is dark
    made = call(*to_chip, "--distil-on", "x.npy", *SMALL, *strong)
    assert made.code == 0, made.err
    assert f"agreement with {RUN}" in made.out
    (run,) = Path("runs").glob("*-dynapse2-*")
    content = json.loads((run / "manifest.json").read_text())
    assert (content["data"], content["test_accuracy"], content["float_accuracy"]) == (None,) * 3
    assert 0 <= content["agreement"] <= 1
    assert call("compile", run, "--target", "dynapse2").code == 0
