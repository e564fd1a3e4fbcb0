"""`train --finetune`: its run compiles to the integers that it was trained through."""

import json
import shutil
import signal

import pytest

from eideploy.cli import main

TUNE = ["--finetune", "runs/digits-conv-1", "--scheme", "int4", "--division", "shift"]
SHORT = ["--set", "training.epochs=2", "--set", "training.batch=480"]  # 3 batches an epoch


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture(scope="module")
def tuned_run(finished, tmp_path_factory):
    """Return a run that is fine-tuned for int4 and shifts."""
    folder = tmp_path_factory.mktemp("finetune") / "tuned"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished)
        assert main(["train", *TUNE, *SHORT, "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def tuned(tuned_run, trained):
    """Work in a folder that holds it as well as its parent."""
    return shutil.copytree(tuned_run, trained / "tuned")


def test_a_fine_tuned_run_compiles_to_what_it_was_trained_through(tuned, trained, call):
    said = manifest(tuned)
    assert said["finetuned"]["parent"] == "digits-conv-1"
    assert said["finetuned"]["scheme"]["name"] == "int4"
    assert call("compile", "tuned", "--out", "build").code == 0
    build = manifest(trained / "build")
    assert (build["scheme"]["name"], build["division"]) == ("int4", "shift")
    found = call("simulate", "build", "--split", "test", "--json")
    assert json.loads(found.out)["integer_accuracy"] == said["metrics"]["test_accuracy"]


@pytest.mark.usefixtures("tuned")
def test_other_integers_may_be_asked_for_and_are_said(trained, call):
    found = call("compile", "tuned", "--scheme", "int8", "--lut", "8bit", "--out", "b")
    build = manifest(trained / "b")
    assert (build["scheme"]["name"], build["division"]) == ("int8", "lut 8x8")
    said = "fine-tuned for int4, shift, policy minimum, and is compiled for int8, lut 8x8, policy"
    assert said in found.err
    assert "fine-tuned for" not in call("compile", "tuned", "--out", "c").err


def test_it_goes_on_where_it_was_stopped_bit_for_bit(tuned, trained, call, monkeypatch):
    from eideploy.flow.training_log import TrainingLog

    batches = []

    def stopping(log, images):
        batches.append(images)
        if len(batches) == 4:  # in the second epoch
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingLog, "on_batch", stopping)
        assert call("train", *TUNE, *SHORT, "--out", "halves").code == 130
    assert not (trained / "halves/manifest.json").exists()
    assert call("train", "--resume", "halves").code == 0
    one, other = ((f / "circuit.safetensors").read_bytes() for f in (tuned, trained / "halves"))
    assert one == other


@pytest.mark.parametrize(
    ("argv", "what"),
    [
        (["--scheme", "int4"], "--scheme has no effect in a new training"),
        ([*TUNE, "--resume"], "no effect on a run that is resumed"),
        (["digits-mlp", *TUNE], "preset has no effect on a run that is fine-tuned"),
        ([*TUNE[:2], "--scheme", "int99"], "no scheme is called 'int99'"),
        ([*TUNE[:2], "--division", "newton"], "no division is called 'newton'"),
        ([*TUNE, "--set", "network.steps=2"], "network.steps is that of the run"),
        (
            [*TUNE, "--set", "training.precision=bfloat16"],
            "training.precision is what training through",
        ),
        (["--finetune", "nowhere"], "there is no such folder"),
    ],
)
def test_what_cannot_be_fine_tuned_is_refused(trained, call, argv, what):
    found = call("train", *argv, "--out", "tuned")
    assert found.code == 2
    assert what in found.err
    assert not (trained / "tuned").exists()


def test_neurons_that_have_no_gradients_are_refused_by_their_tau(empty, call):
    short = ("--set", "training.epochs=1", "--set", "training.max_iterations=1")
    call("train", "digits-mlp", *short, "--set", "network.tau=3.0", "--out", "slow")
    refused = call("train", "--finetune", "slow", *short)
    assert "takes LIF neurons alone, with a tau that is a power of two" in refused.err


@pytest.mark.usefixtures("trained")
def test_a_division_that_another_target_has_is_trained_for_and_compiled_for_that(call):
    short = ("--set", "training.epochs=1", "--set", "training.max_iterations=1")
    found = call("train", *TUNE[:2], *short, "--division", "constant", "--out", "tuned")
    assert found.code == 0, found.err
    refused = call("compile", "tuned", "--out", "built")
    assert "the target cannot divide by constant" in refused.err
    assert call("compile", "tuned", "--target", "digital-model", "--out", "built").code == 0


def test_several_processes_are_refused(trained, call, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = call("train", *TUNE, "--out", "tuned")
    assert found.code == 2
    assert "fine-tuning runs in one process" in found.err
    assert not (trained / "tuned").exists()
