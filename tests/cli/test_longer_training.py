"""A training that goes on for more epochs, keeps the best, and says where it learned nothing."""

import json

import numpy as np
import pytest

from eideploy.data import load
from eideploy.model import rate_finder
from eideploy.model.checkpoint import BEST, load_state
from eideploy.model.collapse import chance, is_chance
from eideploy.model.evaluate import accuracy
from tests.cli.support import RUN, TINY, listing

MORE = ("train", "--resume", RUN, "--set", "training.epochs=3")


def manifest(run):
    return json.loads((run / "manifest.json").read_text())


def test_a_finished_run_goes_on_for_more_epochs(trained, call):
    before = (trained / RUN / "metrics.csv").read_text().splitlines()
    said = call(*MORE)
    assert said.code == 0
    assert "trained 3 epochs" in said.out
    rows = (trained / RUN / "metrics.csv").read_text().splitlines()
    assert rows[: len(before)] == before
    assert len(rows) == 4
    assert manifest(trained / RUN)["metrics"]["epoch"] == 3
    assert "epochs = 3" in (trained / RUN / "config.toml").read_text()
    assert call("compile", RUN).code == 0


def test_what_is_interrupted_while_it_goes_on_resumes_bit_for_bit(
    trained, call, tmp_path, monkeypatch
):
    import eideploy.model.training as training

    run_epoch = training.run_epoch

    def stopped(state, job):
        if len(state.metrics) == 2:
            raise KeyboardInterrupt
        return run_epoch(state, job)

    with monkeypatch.context() as patch:
        patch.setattr(training, "run_epoch", stopped)
        assert call(*MORE).code == 130
    assert not (trained / RUN / "manifest.json").exists()
    assert call("train", "--resume").code == 0
    parts = (trained / RUN / "checkpoint.safetensors").read_bytes()
    assert call("train", *TINY, "--out", "whole").code == 0
    assert call("train", "--resume", "whole", "--set", "training.epochs=3").code == 0
    assert (trained / "whole/checkpoint.safetensors").read_bytes() == parts


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (("training.epochs=2",), "the run has 2 epochs already, 2 is not more"),
        (("training.epochs=3", "training.rate=0.1"), "training.rate cannot be changed in a run"),
        (("seed=3",), "seed cannot be changed in a run that is resumed, only training.epochs"),
    ],
)
def test_what_is_no_more_epochs_is_refused_and_the_run_stays(trained, call, more, what):
    before = listing(trained / RUN)
    said = call("train", "--resume", RUN, *(word for one in more for word in ("--set", one)))
    assert said.code == 2
    assert what in said.err
    assert listing(trained / RUN) == before


def test_the_best_epoch_is_kept_beside_the_last(trained, call):
    best = manifest(trained / RUN)["best"]
    rows = (trained / RUN / "metrics.csv").read_text().splitlines()[1:]
    assert best["test_accuracy"] == max(float(row.split(",")[5]) for row in rows)
    network = load_state(trained / RUN, BEST).network
    assert accuracy(network, load("digits").test) == best["test_accuracy"]
    taken = call("import", f"{RUN}/{BEST}", "--json")
    run = json.loads(taken.out)["run"]
    assert run.endswith(f"digits-conv-1-epoch{best['epoch']}-1")
    said = json.loads(call("simulate", run, "--executor", "float", "--json").out)
    assert said["float_accuracy"] == best["test_accuracy"]


def test_no_other_file_of_a_run_is_an_epoch_of_it(trained, call):
    said = call("import", f"{RUN}/circuit.safetensors")
    assert said.code == 2
    assert f"fix:   name {RUN}/{BEST}, the best epoch, or compile the run itself" in said.err


def test_a_rate_is_found_said_and_stored(trained, call, monkeypatch):
    monkeypatch.setattr(rate_finder, "BATCHES", 2)
    monkeypatch.setattr(rate_finder, "CANDIDATES", (0.004, 0.02))
    said = call("train", *TINY, "--set", "training.rate=auto", "--out", "auto")
    assert said.code == 0
    line = next(line for line in said.err.splitlines() if line.startswith("training.rate = "))
    rate = line.split()[2].rstrip(",")
    assert rate in ("0.004", "0.02")
    assert f"rate = {rate}\n" in (trained / "auto/config.toml").read_text()
    assert "0.004 " in line
    assert "0.02 " in line


def test_a_training_that_ends_at_chance_exits_with_1_and_says_so(trained, call, monkeypatch):
    monkeypatch.setattr("eideploy.model.collapse.is_chance", lambda *_: True)
    said = call("train", *TINY, "--out", "chance")
    assert said.code == 1
    assert "warning: the training ended at chance: " in said.err
    assert manifest(trained / "chance")["metrics"]["epoch"] == 2
    short = call("train", *TINY, "--set", "training.max_iterations=2", "--out", "short")
    assert short.code == 0  # it was asked to end there


def test_chance_is_told_within_two_standard_errors():
    y = np.repeat(np.arange(10), 36)
    assert chance(y) == 0.1
    assert is_chance(0.1, y)
    assert is_chance(0.13, y)
    assert not is_chance(0.14, y)
