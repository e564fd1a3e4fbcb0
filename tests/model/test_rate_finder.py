"""The rate that is found by short trainings: the lowest of the best, by training samples alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.config import Training, load_config
from eideploy.data import load
from eideploy.errors import ConfigError, DivergedError
from eideploy.model import rate_finder
from eideploy.model.batches import warmup_batches
from eideploy.model.rate_finder import CANDIDATES, Trial, find_rate


@pytest.fixture
def config():
    widths = {"network.widths": '[8, "P"]', "training.rate": "auto"}
    return load_config("digits-conv").with_overrides(widths)


def test_a_rate_is_found_without_a_look_at_the_test_samples(config, monkeypatch):
    monkeypatch.setattr(rate_finder, "BATCHES", 4)
    digits, images = load("digits"), []
    rate, trials = find_rate(config, digits, images.append)
    assert [trial.rate for trial in trials] == list(CANDIDATES)
    assert rate in CANDIDATES
    assert len(images) == 4 * len(CANDIDATES)
    other = replace(digits, test_x=1 - digits.test_x, test_y=9 - digits.test_y)
    assert find_rate(config, other) == (rate, trials)


@pytest.mark.parametrize(
    ("accuracies", "rate"),
    [
        ((0.1, 0.3, 0.80, 0.81, 0.2, 0.1), CANDIDATES[2]),  # 0.02 is a standard error of 288
        ((0.1, 0.3, 0.75, 0.81, 0.2, 0.1), CANDIDATES[3]),
        ((1.0, 1.0, 1.0, 1.0, 1.0, 1.0), CANDIDATES[0]),
    ],
)
def test_the_lowest_rate_within_a_standard_error_is_taken(config, monkeypatch, accuracies, rate):
    known = dict(zip(CANDIDATES, accuracies, strict=True))
    monkeypatch.setattr(
        rate_finder, "_trial", lambda _c, _d, r, _b: Trial(rate=r, accuracy=known[r])
    )
    assert find_rate(config, load("digits"))[0] == rate


def test_a_trial_that_diverges_has_no_accuracy(config, monkeypatch):
    def diverged(*_args, **_options):
        raise DivergedError("the loss is nan", where="", fix="")

    monkeypatch.setattr(rate_finder, "train", diverged)
    assert {trial.accuracy for trial in find_rate(config, load("digits"))[1]} == {0.0}


def test_a_rate_that_is_not_found_yet_is_no_number():
    with pytest.raises(ConfigError, match="the learning rate is still to be found"):
        _ = Training(rate="auto").peak


@given(
    epochs=st.integers(1, 400),
    warmup=st.integers(0, 400),
    images=st.integers(1, 10_000),
    batch=st.integers(1, 512),
)
def test_the_warm_up_is_a_third_of_the_training_at_most(epochs, warmup, images, batch):
    training = Training(epochs=epochs, warmup_epochs=warmup, batch=batch)
    per_epoch = int(np.ceil(images / batch))
    taken = warmup_batches(training, images)
    assert taken <= epochs * per_epoch / 3
    assert taken == warmup * per_epoch or taken == epochs * per_epoch // 3 < warmup * per_epoch
