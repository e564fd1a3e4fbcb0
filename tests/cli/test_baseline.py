"""A batch-normalised baseline trains through the same command, and is told apart afterwards."""

import pytest


@pytest.fixture
def baseline(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = call(
        "train", "digits-mlp", "--out", "bn", "--set", "network.normalization=batch",
        "--set", "training.epochs=1", "--set", "training.warmup_epochs=0",
        "--set", "network.widths=[8]",
    )  # fmt: skip
    assert found.code == 0
    assert "test accuracy" in found.out


def test_baseline_is_finished_and_cannot_be_compiled(baseline, call):
    found = call("compile", "bn")
    assert found.code == 1
    assert "the run is a batch-normalised baseline" in found.err
    assert "Traceback" not in found.err


def test_baseline_cannot_be_resumed_once_it_is_finished(baseline, call):
    assert call("train", "--resume", "bn").code == 2
