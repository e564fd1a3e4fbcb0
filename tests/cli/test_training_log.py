"""What a training writes and says beside its checkpoint."""

import csv
import re
import sys

import pytest

from eideploy.flow.training_log import TrainingLog, write_csv
from eideploy.model.metrics import EpochMetrics, LayerHealth
from tests.cli.support import TINY


def metrics(epoch, *, silent=0.0):
    return EpochMetrics(
        epoch=epoch, epochs=5, rate=0.1, loss=1 / epoch, train_accuracy=0.5, test_accuracy=0.25,
        health=(
            LayerHealth(layer="a", silent=silent, saturated=0.0, zero_divisor=0.0),
            LayerHealth(layer="b", silent=0.0, saturated=0.0, zero_divisor=0.5),
        ),
    )  # fmt: skip


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_files_hold_a_row_an_epoch_and_a_row_a_layer(tmp_path):
    write_csv(tmp_path, [metrics(1), metrics(2)])
    assert [(r["epoch"], r["loss"]) for r in rows(tmp_path / "metrics.csv")] == [
        ("1", "1.0"),
        ("2", "0.5"),
    ]
    assert [(r["epoch"], r["layer"], r["zero_divisor"]) for r in rows(tmp_path / "health.csv")] == [
        ("1", "a", "0.0"), ("1", "b", "0.5"), ("2", "a", "0.0"), ("2", "b", "0.5"),
    ]  # fmt: skip


def test_csv_files_are_there_after_every_epoch_and_warnings_come_once(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("eideploy.flow.training_log.is_drawn", lambda: True)
    told = []
    log = TrainingLog(tmp_path, lambda steps, text: told.append((steps, text)), lambda *_: None)
    log.on_batch(32)
    log.on_epoch([metrics(1)])
    assert len(rows(tmp_path / "metrics.csv")) == 1
    assert capsys.readouterr().err == ""
    for so_far in (2, 3):
        log.on_epoch([metrics(n, silent=1.0) for n in range(1, so_far + 1)])
    assert len(rows(tmp_path / "metrics.csv")) == 3
    assert capsys.readouterr().err == (
        "warning: epoch 2: 100% of the neurons of a never fire, so little passes it: "
        "lower training.rate, or raise training.warmup_epochs\n"
    )
    assert told[0][0] == 1
    assert "samples/s" in told[0][1]
    assert told[-1][0] == 0
    assert re.fullmatch(
        r"epoch 3/\d+, loss [\d.]+, train [\d.]+ %, test 25.0 %, \d+ samples/s", told[-1][1]
    )


def test_a_line_an_epoch_is_written_where_no_bar_is_drawn(tmp_path, capsys):
    log = TrainingLog(tmp_path, lambda *_: None, lambda *_: None)
    log.on_epoch([metrics(1)])
    assert capsys.readouterr().err.startswith("epoch 1/")


def test_a_tensorboard_log_is_written_and_continued(trained, call):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert call("train", *TINY, "--tensorboard").code == 0
    found = events.EventAccumulator(str(trained / "runs/digits-conv-2/tensorboard"))
    found.Reload()
    tags = found.Tags()["scalars"]
    assert {"loss", "rate", "accuracy/test", "images_per_second", "silent/conv1"} <= set(tags)
    assert [e.step for e in found.Scalars("loss")] == [1, 2]
    assert float(rows(trained / "runs/digits-conv-2/metrics.csv")[1]["loss"]) == pytest.approx(
        found.Scalars("loss")[1].value
    )


def test_a_missing_tensorboard_is_said_before_the_work(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    refused("train", *TINY, "--tensorboard", code=2, what="tensorboard is not installed",
            where="--tensorboard", fix="pip install 'eideploy[tensorboard]'")  # fmt: skip
