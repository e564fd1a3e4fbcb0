"""A run on event recordings, through every command that loads its samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.dynapse2.jobs import adapt as adapting
from eideploy.cli import main
from eideploy.data import DATASETS, RECORDINGS, digits_events, load

ENDED = (0, 1)  # a training is done, and 1 says that it has learned nothing, in so few steps
FEW = 50  # so that 10 are there to test with, one of each
TINY = ("--set", 'network.widths=[4, "P", 8, "P"]', "--set", "network.steps=3",
        "--set", "training.epochs=1", "--set", "training.warmup_epochs=0")  # fmt: skip


@pytest.fixture(scope="module")
def few_digits():
    """Let `digits-events` have the first digits alone, so that it is made in a second."""
    images, labels = digits_events.read()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits_events, "read", lambda: (images[:FEW], labels[:FEW]))
        yield


@pytest.fixture(scope="module")
def events_run(few_digits, tmp_path_factory):
    """Return the folder of a run on event frames of 3 steps; the data set's own number is 10."""
    folder = tmp_path_factory.mktemp("events") / "run"
    assert main(["train", "digits-events-vgg8", *TINY, "--out", str(folder)]) in ENDED
    return folder


@pytest.fixture
def run(events_run, empty):
    """Work in a folder that holds the run."""
    return shutil.copytree(events_run, empty / "run")


def test_only_recordings_have_steps(few_digits):
    assert load("digits").steps is None
    assert load("digits-events").steps == 10
    assert load("digits-events", steps=3).steps == 3
    assert set(RECORDINGS) < set(DATASETS)


@pytest.mark.usefixtures("without_rtl")
def test_frames_reach_every_command_in_the_steps_of_the_network(run, call):
    assert call("compile", "run", "--emit", "onnx", "--out", "build").code == 0
    for command in (("simulate", "build"), ("simulate", "run"), ("simulate", "run", "--executor",
                    "float"), ("verify", "build"), ("report", "build"), ("report", "run"),
                    ("train", "--finetune", "run", "--scheme", "int4")):  # fmt: skip
        found = call(*command)
        assert found.code in (ENDED if command[0] == "train" else (0,)), found.err
    frames = load("digits-events", steps=3).test_x.astype(np.float32)
    np.save("frames.npy", frames)
    own = call("simulate", "build", "--input", "frames.npy", "--json")
    assert json.loads(own.out)["samples"] == len(frames)


REFUSED = [
    ("compile", "run", "--target", "dynapse2"),
    ("compile", "run", "--target", "dynapse2", "--no-adapt"),
    ("train", "--finetune", "run", "--target", "dynapse2"),
    ("train", "chip.toml"),
    ("train", "digits-dynapse2", "--set", "data.name=digits-events"),
]


@pytest.mark.parametrize("command", REFUSED, ids=" ".join)
def test_a_mixed_signal_chip_is_refused_recordings_before_any_is_read(
    run, refused, monkeypatch, command
):
    Path("chip.toml").write_text('target = "dynapse2"\n[data]\nname = "digits-events"\n')
    monkeypatch.setattr(digits_events, "read", lambda: pytest.fail("it was read"))
    refused(*command, code=1, where="data set digits-events",
            what="digits-events holds recordings, which change from frame to frame",
            fix="choose a data set of images, e.g. digits")  # fmt: skip


def test_a_network_too_large_for_the_chip_is_refused_before_the_predictions(
    trained, call, monkeypatch
):
    monkeypatch.setattr(adapting, "_predictions", lambda *_: pytest.fail("it predicted"))
    (run,) = Path("runs").iterdir()
    found = call("train", "--finetune", run, "--target", "dynapse2",
                 "--set", "network.excitatory=5000")  # fmt: skip
    assert found.code == 1
    assert "the network does not fit dynapse2" in found.err
