"""What Python sees of a training: its epochs as they end, and its history."""

import pytest

import eideploy
from eideploy.errors import UsageError
from eideploy.options.fields import fields_of

SMALL = {"training.epochs": 2, "training.warmup_epochs": 0, "network.widths": [8, "P", 8]}


class StopNowError(Exception):
    pass


def test_callbacks_are_called_after_every_epoch_and_the_history_has_the_same(tmp_path):
    told = []
    folder = tmp_path / "run"
    eideploy.train_network(overrides=SMALL, out=folder, callbacks=[told.append])
    history = eideploy.load_run(folder).history
    assert [epoch.epoch for epoch in told] == [1, 2]
    for key in ("epoch", "rate", "loss", "train_accuracy", "test_accuracy", "setbacks"):
        assert [row[key] for row in history] == [getattr(epoch, key) for epoch in told]


def test_what_a_callback_raises_ends_a_training_that_goes_on_later(tmp_path):
    def stop(epoch):
        raise StopNowError(epoch)

    folder = tmp_path / "run"
    with pytest.raises(StopNowError):
        eideploy.train_network(overrides=SMALL, out=folder, callbacks=[stop])
    told = []
    eideploy.resume_run(folder, callbacks=[told.append])
    assert [epoch.epoch for epoch in told] == [2]


def test_callbacks_are_refused_where_a_chip_is_trained_for(tmp_path):
    with pytest.raises(UsageError, match="callbacks have no effect"):
        eideploy.train_network("digits-dynapse2", out=tmp_path / "run", callbacks=[print])
    assert not (tmp_path / "run").exists()


def test_callbacks_are_said_in_python_and_no_option_of_the_command_line():
    from eideploy.flow.requests.train import Train

    assert "callbacks: Functions that are called after every epoch" in (
        eideploy.train_network.__doc__
    )
    assert "callbacks" not in {field.name for field in fields_of(Train)}
