"""A training that collapses: seen within the epoch, begun again at a lower rate, bit for bit."""

import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from eideploy.config import load_config
from eideploy.data import Dataset, load
from eideploy.errors import DivergedError
from eideploy.model import collapse, training
from eideploy.model.batches import batches
from eideploy.model.beginning import begin
from eideploy.model.checkpoint import FILE, load_state
from eideploy.model.collapse import LOWER, chance, diagnosis, interval, skill
from eideploy.model.health import measure_health, uninhibited, warnings
from eideploy.model.training import train
from eideploy.nn.layers import Shunting

EPOCH = 20  # batches of an epoch below
KILLED = 27  # the batch whose step takes the inhibition away, once


@pytest.fixture(scope="module")
def digits():
    whole = load("digits")
    return Dataset(
        name="digits",
        train_x=whole.train_x[:80],
        train_y=whole.train_y[:80],
        test_x=whole.test_x[:40],
        test_y=whole.test_y[:40],
        classes=10,
    )


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setattr(collapse, "FEWEST_BATCHES", 6)
    monkeypatch.setattr(collapse, "FEWEST_SAMPLES", 24)
    return load_config("digits-conv").with_overrides(
        {
            "network.widths": '[8, "P", 8]',
            "training.epochs": "3",
            "training.batch": "4",
            "training.warmup_epochs": "0",
        }
    )


@pytest.fixture
def killing(monkeypatch):
    """Let the step at one rate, that of batch KILLED at the full peak, empty the first layer."""
    rates, step = [], training._step

    def struck(batch, job, settings, optimiser, rate, sums, look):
        step(batch, job, settings, optimiser, rate, sums, look)
        if rate == pytest.approx(rates[0], rel=1e-12):
            with torch.no_grad():
                optimiser.parameters["encoder.0.inhibitory.weight"].zero_()
                optimiser.buffers["encoder.0.inhibitory.weight"].zero_()

    peak = training.rate_at(KILLED, warmup=0, total=3 * EPOCH, peak=0.01, start=1e-7)
    rates.append(peak)
    monkeypatch.setattr(training, "_step", struck)


def content_of(folder):
    return (folder / FILE).read_bytes()


def layers(network):
    return [m for m in network.modules() if isinstance(m, Shunting)]


def test_a_collapsed_epoch_is_begun_again_at_a_lower_rate(config, digits, tmp_path, killing):
    told, epochs = [], []
    result = train(
        config,
        digits,
        tmp_path,
        on_setback=told.append,
        on_epoch=lambda m: epochs.append(m[-1].epoch),
    )
    (setback,) = told
    assert (setback.epoch, setback.batches) == (2, 12)  # seen at the look after batch 8 of it
    assert setback.rate == pytest.approx(0.01 * LOWER)
    assert setback.reason == (
        "100% of the neurons of conv1 lost their inhibition; I_div of conv1 is 0 times "
        "what it was when the epoch began"
    )
    assert epochs == [1, 2, 3]
    assert [m.setbacks for m in result.metrics] == [0, 1, 1]
    assert result.setbacks == (setback,) == load_state(tmp_path).setbacks
    rate = training.rate_at(2 * EPOCH - 1, warmup=0, total=3 * EPOCH, peak=0.01, start=1e-7)
    assert result.metrics[1].rate == pytest.approx(LOWER * rate)
    assert all(uninhibited(layer) < 0.5 for layer in layers(result.network))


def test_without_setbacks_a_collapsed_training_goes_on(config, digits, tmp_path, killing):
    result = train(config.with_overrides({"training.setbacks": "0"}), digits, tmp_path)
    assert result.setbacks == ()
    assert uninhibited(layers(result.network)[0]) == 1


@pytest.mark.parametrize("batch", [3, 22, 30, 32, 33, 41])
def test_a_training_with_a_setback_resumes_bit_for_bit(config, digits, tmp_path, killing, batch):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(config, digits, whole)
    seen = []

    def ask(_images):
        seen.append(_images)
        if len(seen) == batch:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, digits, parts, on_batch=ask)
    train(config, digits, parts, resume=True)
    assert content_of(whole) == content_of(parts)


def test_a_training_that_collapses_every_time_ends_with_an_error(
    config, digits, tmp_path, monkeypatch
):
    monkeypatch.setattr(training, "rate_at", lambda *_, **__: math.inf)
    told = []
    with pytest.raises(DivergedError) as error:
        train(config, digits, tmp_path, on_setback=told.append)
    assert len(told) == config.training.setbacks
    assert error.value.what.startswith("the training collapsed 6 times, now in epoch 1: ")
    assert error.value.where == "training.rate"


@pytest.mark.parametrize("kind", ["ei", "batch"])
def test_the_first_gradients_are_those_of_the_first_batch_before_clipping(config, digits, kind):
    config = config.with_overrides({"network.normalization": kind, "training.max_iterations": "1"})
    (epoch,) = train(config, digits, None).metrics
    network = begin(config, digits, None, None, resume=False).network
    batch = next(batches(config, digits, 0))
    torch.nn.functional.cross_entropy(network(batch.x), batch.y).backward()
    assert len(epoch.before) == 2
    for seen, layer in zip(epoch.before, network.layers().values(), strict=False):
        parts = [p for p in layer.parameters() if p.grad is not None]
        own = {(float(p.grad.norm()), float(p.detach().norm())) for p in parts}
        for pair in seen.gradients.values():
            assert min(np.abs(np.subtract(pair, one)).max() for one in own) < 1e-4 * max(pair)
        assert len(seen.gradients) == (6 if kind == "ei" else 1)
    assert not any(layer.gradients for layer in epoch.health)


@given(batch=st.integers(1, 4096))
def test_there_are_enough_samples_between_two_looks(batch):
    assert interval(batch) * batch >= 512
    assert interval(batch) >= 20


@given(st.lists(st.integers(0, 4), min_size=1, max_size=50), st.floats(0, 1))
def test_skill_is_zero_at_chance_and_one_where_all_is_right(labels, share):
    y = np.array(labels)
    most = max(labels.count(k) for k in labels) / len(labels)
    assert chance(y) == most
    assert skill(most, y) == 0
    if most < 1:
        assert skill(1.0, y) == pytest.approx(1)
        assert (skill(share, y) < 0) == (share < most)


def test_a_training_that_has_not_learned_yet_has_not_fallen(digits):
    assert collapse._fallen(0.05, 512, 0.1, digits.train_y) == ""
    assert collapse._fallen(0.9, 512, 0.9, digits.train_y) == ""
    told = collapse._fallen(0.1, 512, 0.5, digits.train_y)
    assert told.startswith("the accuracy on training samples fell to 10.0%, it was ")


@given(
    classes=st.integers(2, 20),
    best=st.floats(collapse.LEARNED, 1),
    count=st.sampled_from([1, 4, 512, 4096]),
)
def test_a_fall_to_chance_is_a_collapse_on_samples_enough_and_an_accident_on_few(
    classes, best, count
):
    labels = np.arange(classes * 10) % classes
    told = collapse._fallen(chance(labels), count, best, labels)
    was = best * (1 - chance(labels)) + chance(labels)
    error = math.sqrt(was * (1 - was) / count)
    assert bool(told) == (was - chance(labels) > collapse.ERRORS * error)
    assert told or count < 512


def test_the_layer_whose_divisor_changed_most_is_named(config, digits):
    network = train(config, digits, None).network
    begun = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert diagnosis(network, begun) == ""
    with torch.no_grad():
        layers(network)[0].gain_i.mul_(0.2)
        layers(network)[1].gain_i.mul_(0.05)
    name = next(n for n, m in network.layers().items() if m is layers(network)[1])
    said = f"; I_div of {name} is 0.05 times what it was when the epoch began"
    assert diagnosis(network, begun) == said


def test_a_layer_without_inhibition_is_told_from_one_whose_input_is_empty(config, digits):
    network = train(config, digits, None).network
    torch.nn.init.zeros_(layers(network)[0].gain_i)
    first, *_ = measure_health(network, digits.test)
    assert (first.zero_divisor, first.uninhibited) == (1, 1)
    first = replace(first, silent=0.0)
    assert list(warnings([first])) == ["uninhibited conv1"]
    assert list(warnings([replace(first, uninhibited=0.0)])) == ["zero conv1"]
