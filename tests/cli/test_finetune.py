"""`train --finetune`: its run compiles to the integers that it was trained through."""

import json
import os
import signal

import pytest

TUNE = ["--finetune", "runs/digits-conv-1", "--scheme", "int4", "--division", "shift"]
SHORT = ["--set", "training.epochs=2"]


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


def test_a_fine_tuned_run_compiles_to_what_it_was_trained_through(trained, call):
    assert call("train", *TUNE, *SHORT, "--out", "tuned").code == 0
    said = manifest(trained / "tuned")
    assert said["finetuned"]["parent"] == "digits-conv-1"
    assert said["finetuned"]["scheme"]["name"] == "int4"
    assert call("compile", "tuned", "--out", "build").code == 0
    build = manifest(trained / "build")
    assert (build["scheme"]["name"], build["division"]) == ("int4", "shift")
    found = call("simulate", "build", "--split", "test", "--json")
    assert json.loads(found.out)["integer_accuracy"] == said["metrics"]["test_accuracy"]


def test_other_integers_may_be_asked_for_and_are_said(trained, call):
    assert call("train", *TUNE, *SHORT, "--out", "tuned").code == 0
    found = call("compile", "tuned", "--scheme", "int8", "--lut", "8bit", "--out", "b")
    build = manifest(trained / "b")
    assert (build["scheme"]["name"], build["division"]) == ("int8", "lut 8x8")
    said = "fine-tuned for int4, shift, policy minimum, and is compiled for int8, lut 8x8, policy"
    assert said in found.err
    assert "fine-tuned for" not in call("compile", "tuned", "--out", "c").err


def test_it_goes_on_where_it_was_stopped_bit_for_bit(trained, call, monkeypatch):
    from eideploy.flow.training_log import TrainingLog

    assert call("train", *TUNE, *SHORT, "--out", "whole").code == 0
    batches = []

    def stopping(log, images):
        batches.append(images)
        if len(batches) == 50:  # in the second epoch
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patched:
        patched.setattr(TrainingLog, "on_batch", stopping)
        assert call("train", *TUNE, *SHORT, "--out", "halves").code == 130
    assert not (trained / "halves/manifest.json").exists()
    assert call("train", "--resume", "halves").code == 0
    one, other = ((trained / n / "circuit.safetensors").read_bytes() for n in ("whole", "halves"))
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


def test_a_division_that_the_target_lacks_leaves_no_folder(trained, call):
    found = call("train", *TUNE[:2], "--division", "constant", "--out", "tuned")
    assert found.code == 1
    assert "the target cannot divide by constant" in found.err
    assert not (trained / "tuned").exists()


def test_several_processes_are_refused(trained, call, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    found = call("train", *TUNE, "--out", "tuned")
    assert found.code == 2
    assert "fine-tuning runs in one process" in found.err
    assert not (trained / "tuned").exists()
