"""A tiny network: what is trained is what is mapped, within the chip's limits."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy import native
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.config import (
    ChipConfig,
    chip_presets,
    is_for_chip,
    load_chip_config,
)
from eideploy.backends.dynapse2.dpi import classify, gap
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.training import checkpoint
from eideploy.backends.dynapse2.training import synapses as syn
from eideploy.backends.dynapse2.training.export import chip_network
from eideploy.backends.dynapse2.training.plan import plan_of
from eideploy.backends.dynapse2.training.training import Task, dimmed, train
from eideploy.errors import CapacityError, ConfigError, FormatError
from tests.backends.dynapse2.networks import SPEC

needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
TINY = {
    "network.excitatory": "40", "network.inhibitory": "10", "network.output_inhibitory": "6",
    "network.outputs": "4", "training.epochs": "8", "training.rate": "0.15",
    "network.duration_ms": "40.0", "training.threads": "1", "training.batch": "32",
}  # fmt: skip


def tiny(**more):
    return ChipConfig().with_overrides(TINY | more)


def planned(config, classes=3, inputs=16):
    return plan_of(config, SPEC, load_dac(SPEC), inputs=inputs, classes=classes)


def task(count=320, classes=3):
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    centres = rng.random((classes, 16)) < 0.5
    samples = np.clip(centres[labels] * 0.8 + 0.1 * rng.random((count, 16)), 0, 1)
    return samples.astype(np.float32), labels, np.eye(classes)[labels]


def trained(config):
    samples, labels, aims = task()
    epochs = []
    learned = Task(samples=samples, aims=aims, augment=lambda x, _: x)
    found = train(config, planned(config), learned, on_epoch=lambda p: epochs.append(p.epochs[-1]))
    return found, epochs, samples, labels


@pytest.fixture(scope="module")
def tiny_run():
    config = tiny()
    found, epochs, samples, labels = trained(config)
    network = chip_network(config, planned(config), found)
    return config, found, epochs, samples, labels, network


@needs_compiler
def test_it_learns_and_the_mapped_chip_knows_it(tiny_run):
    _, _, epochs, samples, labels, network = tiny_run
    assert epochs[-1].loss < 0.5 * epochs[0].loss
    wiring = decode(map_network(network, SPEC).configuration, SPEC)
    shown = classify.show(wiring, samples[:60], network.coding)
    assert (shown.decided == labels[:60]).mean() > 0.9
    over = classify.accuracies(
        wiring, samples[:60], labels[:60], network.coding,
        mismatch=Mismatch.uniform(0.1), seeds=range(3),
    )  # fmt: skip
    assert over.mean() > 0.7


@needs_compiler
def test_the_wiring_of_the_build_is_the_trained_one_but_for_codes(tiny_run):
    *_, network = tiny_run
    emitted = decode(map_network(network, SPEC).configuration, SPEC)
    plain = gap.unrounded(network, SPEC)
    assert len(emitted.source) == len(plain.source)
    assert emitted.weight.sum() == pytest.approx(plain.weight.sum(), rel=0.02)
    assert emitted.gain[0] == pytest.approx(plain.gain[0], rel=0.05)


@needs_compiler
def test_the_number_of_threads_changes_nothing():
    short = {"training.epochs": "2"}
    one, two = (trained(tiny(**short, **{"training.threads": n}))[0] for n in ("1", "2"))
    assert np.array_equal(one.strength, two.strength)


@needs_compiler
def test_every_neuron_keeps_within_its_cams(tiny_run):
    config, found, *_ = tiny_run
    plan = planned(config)
    counts = np.bincount(found.target, minlength=plan.neurons)
    assert counts.max() <= SPEC.chip.cams
    group = syn.groups(plan, found)
    masks = syn.masks(found.strength, group)
    assert masks.max() == 15
    weight = np.concatenate([p.weight[p.weight > 0] for p in tiny_run[-1].projections])
    units = weight / plan.base
    assert units == pytest.approx(np.rint(units))
    assert len(units) == np.count_nonzero(masks)


@needs_compiler
def test_a_constant_shunt_is_a_larger_leak(tiny_run):
    *_, samples, _, network = tiny_run
    wiring = decode(map_network(network, SPEC).configuration, SPEC)
    shown = classify.show(wiring, samples[:20], network.coding)
    mean = gap.mean_inputs(wiring, "shunt", shown, network.coding).mean(1)
    held = gap.with_constant_shunt(wiring, shown, network.coding)
    assert held.soma["leak"] == pytest.approx(wiring.soma["leak"] * (1 + mean))
    assert mean.max() > 0


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("network.excitatory", "1200", "the board has 1024"),
        ("synapses.excitatory", "[50, 12, 12]", "74 CAMs a neuron of excitatory, a neuron has 64"),
    ],
)
def test_what_does_not_fit_is_refused_with_numbers(key, value, told):
    config = ChipConfig().with_overrides({key: value})
    with pytest.raises(CapacityError, match=told):
        planned(config, inputs=64, classes=10)


def test_all_misfits_are_told_at_once():
    config = ChipConfig().with_overrides(
        {"network.excitatory": "1200", "synapses.output": "[60, 10, 10]"}
    )
    with pytest.raises(CapacityError) as refused:
        planned(config, inputs=3000, classes=10)
    for told in ("neurons", "CAMs a neuron of output", "3000 input sources"):
        assert told in refused.value.what


@pytest.mark.parametrize("name", chip_presets())
def test_a_preset_reads_back_from_its_own_text(name, tmp_path):
    config = load_chip_config(name)
    path = tmp_path / "c.toml"
    path.write_text(config.to_toml())
    assert is_for_chip(name)
    assert is_for_chip(str(path))
    assert load_chip_config(str(path)) == config


def test_a_contradictory_schedule_is_refused():
    with pytest.raises(ConfigError, match="do not follow each other"):
        replace(ChipConfig(), training=replace(ChipConfig().training, prune_from=0.9))


@needs_compiler
def test_a_training_goes_on_from_its_checkpoint_bit_for_bit(tmp_path):
    config = tiny(**{"training.epochs": "4"})
    samples, _, aims = task(64)
    plan, learned = planned(config), Task(samples=samples, aims=aims, augment=lambda x, _: x)

    class StopError(Exception):
        pass

    def stop_after_two(progress):
        checkpoint.save(progress, tmp_path, seconds=3.5)
        if len(progress.epochs) == 2:
            raise StopError

    told = []
    whole = train(config, plan, learned, on_epoch=told.append)
    with pytest.raises(StopError):
        train(config, plan, learned, on_epoch=stop_after_two)
    past = checkpoint.load(tmp_path, plan)
    assert past.seconds == 3.5
    resumed = train(config, plan, learned, on_epoch=told.append, begun=past.progress)
    assert told[-1].epochs == told[3].epochs
    for name, value in vars(whole).items():
        np.testing.assert_array_equal(getattr(resumed, name), value)


@needs_compiler
def test_threads_change_no_bit():
    samples, _, aims = task(128)
    learned = Task(samples=samples, aims=aims, augment=lambda x, _: x)
    found = []
    for threads in ("1", "2", "3"):
        config = tiny(**{"training.epochs": "3", "training.batch": "64",
                         "training.threads": threads})  # fmt: skip
        found.append(train(config, planned(config), learned, on_epoch=lambda _: None).strength)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@needs_compiler
def test_a_checkpoint_of_another_network_is_refused(tmp_path):
    config = tiny(**{"training.epochs": "2"})
    samples, _, aims = task(32)
    learned = Task(samples=samples, aims=aims, augment=lambda x, _: x)
    plan = planned(config)
    train(config, plan, learned,
          on_epoch=lambda p: checkpoint.save(p, tmp_path, seconds=0.0))  # fmt: skip
    assert checkpoint.load(tmp_path, plan).progress is not None
    smaller = planned(tiny(**{"network.excitatory": "20"}))
    with pytest.raises(FormatError, match="source is not within"):
        checkpoint.load(tmp_path, smaller)
    (tmp_path / checkpoint.FILE).write_bytes(b"nothing")
    with pytest.raises(FormatError, match="damaged"):
        checkpoint.load(tmp_path, plan)


def test_a_contrast_is_drawn_for_every_sample_within_its_bounds():
    bright = np.full((4000, 3), 0.8, np.float32)
    dim = dimmed(bright, 0.25, np.random.default_rng(0)) / 0.8
    assert (dim == dim[:, :1]).all()
    assert 0.25 <= dim.min() < 0.26
    assert 0.99 < dim.max() <= 1
    assert np.log(dim[:, 0]).mean() == pytest.approx(np.log(0.25) / 2, rel=0.05)
    assert dimmed(bright, 1.0, np.random.default_rng(0)) is bright
