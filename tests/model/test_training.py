import copy
import math
import os
import signal
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from eideploy.config import load_config
from eideploy.data import Dataset, load
from eideploy.errors import ConfigError, DataError, FormatError
from eideploy.files import read_tensors, write_tensors
from eideploy.model import training
from eideploy.model.augment import augment
from eideploy.model.batches import batches
from eideploy.model.checkpoint import (
    FILE,
    KIND,
    VERSION,
    load_network,
    load_state,
    new_state,
    save_state,
)
from eideploy.model.evaluate import predict
from eideploy.model.initialise import initialise
from eideploy.model.optimiser import ProjectedSGD, rate_at
from eideploy.model.training import train

SMALL = {
    "network.widths": '[8, "P", 8]',
    "training.epochs": "4",
    "training.warmup_epochs": "1",
    "data.shift": "0.5",
    "data.rotate": "5",
}


@pytest.fixture(scope="module")
def digits():
    whole = load("digits")
    return Dataset(
        name="digits",
        train_x=whole.train_x[:100],
        train_y=whole.train_y[:100],
        test_x=whole.test_x[:40],
        test_y=whole.test_y[:40],
        classes=10,
    )


@pytest.fixture
def config():
    return load_config("digits-conv").with_overrides(SMALL)


def content_of(folder):
    return (folder / FILE).read_bytes()


class KilledError(Exception):
    pass


def kill_after(epochs):
    def on_epoch(metrics):
        if metrics[-1].epoch == epochs:
            raise KilledError

    return on_epoch


def test_same_seed_gives_the_same_bits_and_another_seed_does_not(config, digits, tmp_path):
    folders = [tmp_path / name for name in "abc"]
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        folder.mkdir()
        train(replace(config, seed=seed), digits, folder)
    a, b, c = map(content_of, folders)
    assert a == b
    assert a != c


def test_training_is_the_plain_loop_bit_for_bit(config, digits, tmp_path):
    # without batches made ahead, partial epochs, devices and groups: what the presets were tuned by
    t = config.training
    state = new_state(config, digits)
    network, optimiser = state.network, None
    network.use_kernel(t.kernel)
    for epoch in range(t.epochs):
        rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(epoch,)))
        order = rng.permutation(100)
        for place, start in enumerate(range(0, 100, t.batch)):
            chosen = order[start : start + t.batch]
            x = augment(torch.from_numpy(digits.train_x[chosen]), config.data, rng)
            if optimiser is None:
                initialise(network, x, np.random.default_rng(config.seed))
                optimiser = ProjectedSGD(
                    network.named_parameters(), momentum=t.momentum, weight_decay=t.weight_decay
                )
            cross_entropy(network(x), torch.from_numpy(digits.train_y[chosen])).backward()
            optimiser.clip(t.clip_ratio)
            optimiser.step(
                rate_at(4 * epoch + place, warmup=4 * t.warmup_epochs, total=4 * t.epochs,
                        peak=t.rate, start=t.warmup_rate)
            )  # fmt: skip
    found = train(config, digits, tmp_path).network.state_dict()
    for name, value in network.state_dict().items():
        assert torch.equal(value, found[name]), name


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(
    config, digits, tmp_path, epochs
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(config, digits, whole)
    with pytest.raises(KilledError):
        train(config, digits, parts, on_epoch=kill_after(epochs))
    seen = []
    result = train(config, digits, parts, on_epoch=lambda m: seen.append(m[-1]), resume=True)
    assert content_of(whole) == content_of(parts)
    assert [m.epoch for m in seen] == list(range(epochs + 1, 5))
    assert [m.epoch for m in result.metrics] == [1, 2, 3, 4]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("batch", [1, 3, 4, 7, 15])
def test_a_training_asked_to_stop_keeps_its_batches_and_resumes_bit_for_bit(
    config, digits, tmp_path, batch, number
):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    train(config, digits, whole)
    handler = signal.getsignal(number)
    batches_seen = count()

    def ask(_images):
        if next(batches_seen) + 1 == batch:
            os.kill(os.getpid(), number)

    with pytest.raises(KeyboardInterrupt):
        train(config, digits, parts, on_batch=ask)
    assert signal.getsignal(number) is handler
    state = load_state(parts)
    epochs, rest = divmod(batch, 4)  # 4 batches are an epoch
    assert len(state.metrics) == epochs
    assert (state.partial.batches if rest else state.partial) == (rest or None)
    train(config, digits, parts, on_batch=lambda _: next(batches_seen), resume=True)
    assert next(batches_seen) == 16
    assert content_of(whole) == content_of(parts)


def test_a_second_ctrl_c_does_not_wait_for_the_batch(config, digits, tmp_path):
    def ask(_images):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(config, digits, tmp_path, on_batch=ask)
    assert not list(tmp_path.iterdir())


def test_a_step_never_waits_for_the_device(config, digits, tmp_path, monkeypatch):
    asked = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            if func in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
                asked.append(func)
            return func(*args, **(kwargs or {}))

    step = training._step

    def watched(*args):
        with Watch():
            step(*args)

    monkeypatch.setattr(training, "_step", watched)
    train(config, digits, tmp_path)
    assert not asked
    with Watch():
        bool(torch.ones(()) > 0)
    assert asked  # what is watched for would have been seen


@pytest.mark.parametrize(
    ("precision", "optimizer"), [("float64", "sgd"), ("bfloat16", "sgd"), ("float32", "adam")]
)
def test_precisions_and_optimisers_learn_and_resume_bit_for_bit(
    config, digits, tmp_path, precision, optimizer
):
    long = config.with_overrides(
        {
            "training.epochs": "8",
            "training.precision": precision,
            "training.optimizer": optimizer,
        }
    )
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    result = train(long, digits, whole)
    assert result.metrics[-1].loss < result.metrics[0].loss
    kept = {p.dtype for p in load_network(whole).parameters()}
    assert kept == {torch.float64 if precision == "float64" else torch.float32}
    with pytest.raises(KilledError):
        train(long, digits, parts, on_epoch=kill_after(3))
    train(long, digits, parts, resume=True)
    assert content_of(whole) == content_of(parts)


def test_float32_is_close_to_float64_where_training_has_just_begun(config, digits, tmp_path):
    short = config.with_overrides({"training.max_iterations": "2"})
    losses = [
        train(short.with_overrides({"training.precision": p}), digits, tmp_path).metrics[0].loss
        for p in ("float32", "float64")
    ]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)  # single spikes may differ


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(config, digits, tmp_path):
    with pytest.raises(ConfigError) as error:
        train(config.with_overrides({"training.device": "cuda"}), digits, tmp_path)
    assert error.value.what == "torch finds 0 CUDA devices, process 0 needs one"
    assert error.value.where == "training.device"


def test_resuming_where_nothing_was_saved_yet_begins(config, digits, tmp_path):
    assert len(train(config, digits, tmp_path, resume=True).metrics) == 4


def test_resuming_a_finished_training_changes_nothing(config, digits, tmp_path):
    train(config, digits, tmp_path)
    before = content_of(tmp_path)
    result = train(config, digits, tmp_path, resume=True)
    assert content_of(tmp_path) == before
    assert len(result.metrics) == 4


def test_resuming_with_another_configuration_is_refused(config, digits, tmp_path):
    train(config, digits, tmp_path)
    other = config.with_overrides({"training.rate": "0.5"})
    with pytest.raises(ConfigError) as error:
        train(other, digits, tmp_path, resume=True)
    assert error.value.what == "the run was started with rate = 0.01 (now 0.5)"


def test_training_learns_and_says_how_far_it_is(config, digits, tmp_path):
    seen = []
    free = {
        "data.shift": "0",
        "training.clip_ratio": "0",
    }  # clipped, so few batches move too little
    long = config.with_overrides({"training.epochs": "25", **free})
    result = train(long, digits, tmp_path, on_epoch=lambda m: seen.append(m[-1]))
    assert tuple(seen) == result.metrics
    assert seen[-1].loss < seen[0].loss
    assert seen[-1].test_accuracy > 0.5
    assert seen[-1].epochs == 25
    logits = predict(load_network(tmp_path), digits.test_x)
    assert np.array_equal(logits, predict(result.network, digits.test_x))
    assert (logits.argmax(1) == digits.test_y).mean() == seen[-1].test_accuracy


def test_weights_and_gains_stay_non_negative(config, digits, tmp_path):
    network = train(config, digits, tmp_path).network
    for name, parameter in network.named_parameters():
        assert name.endswith("bias") or bool((parameter >= 0).all())


def test_a_diverging_training_stops_with_its_epoch(config, digits, tmp_path, monkeypatch):
    monkeypatch.setattr("eideploy.model.training.rate_at", lambda *_, **__: math.inf)
    with pytest.raises(ConfigError) as error:
        train(config.with_overrides({"training.setbacks": "0"}), digits, tmp_path)
    assert error.value.what == "the loss is nan in epoch 1, so the training diverged"
    assert error.value.where == "training.rate"
    assert not list(tmp_path.iterdir())


def test_an_unwritable_folder_is_named(config, digits, tmp_path):
    with pytest.raises(DataError, match="cannot write"):
        train(config, digits, tmp_path / "missing")


def test_torch_is_left_as_it_was_found(config, digits, tmp_path):
    train(config.with_overrides({"training.threads": "2"}), digits, tmp_path)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_num_threads() == 1


def test_a_truncated_checkpoint_is_refused(config, digits, tmp_path):
    train(config, digits, tmp_path)
    path = tmp_path / FILE
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(FormatError, match="the file is damaged"):
        load_state(tmp_path)


def test_a_checkpoint_whose_parts_do_not_belong_together_is_refused(config, digits, tmp_path):
    train(config, digits, tmp_path)
    path = tmp_path / FILE
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    arrays.pop("parameter/readout.lateral.weight")
    write_tensors(path, arrays, kind=KIND, version=VERSION, content=content)
    with pytest.raises(FormatError, match=r"readout\.lateral\.weight"):
        load_state(tmp_path)


@pytest.mark.parametrize("conditions", [{}, ["a"], [{"threads": 1}], None])
def test_malformed_conditions_are_refused(config, digits, tmp_path, conditions):
    save_state(new_state(config, digits), tmp_path)
    arrays, content = read_tensors(tmp_path / FILE, kind=KIND, version=VERSION)
    content["conditions"] = conditions
    write_tensors(tmp_path / FILE, arrays, kind=KIND, version=VERSION, content=content)
    with pytest.raises(FormatError, match=r"the checkpoint is malformed: conditions") as error:
        load_state(tmp_path)
    assert error.value.fix.startswith("restore the file")


def test_all_that_is_wrong_in_a_checkpoint_is_told_at_once(config, digits, tmp_path):
    save_state(new_state(config, digits), tmp_path)
    arrays, content = read_tensors(tmp_path / FILE, kind=KIND, version=VERSION)
    content |= {"classes": 0, "metrics": [{"epoch": "1"}], "more": 1}
    write_tensors(tmp_path / FILE, arrays, kind=KIND, version=VERSION, content=content)
    with pytest.raises(FormatError) as error:
        load_state(tmp_path)
    what = error.value.what
    assert "classes = 0 is outside of 1" in what
    assert "metrics[0].epoch = '1' is not an integer" in what
    assert "metrics[0].loss is missing" in what
    assert "there is no key more" in what


def test_augmentation_keeps_the_range_and_follows_its_generator(config):
    images = torch.rand(16, 1, 8, 8)
    one, two, other = (
        augment(images, config.data, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert one.min() >= 0
    assert one.max() <= 1


def test_frames_of_a_sample_are_moved_alike(config):
    image = torch.rand(4, 1, 8, 8)
    moved = augment(image, config.data, np.random.default_rng(0))
    frames = augment(image[:, None].expand(4, 3, 1, 8, 8), config.data, np.random.default_rng(0))
    assert torch.equal(frames, moved[:, None].expand_as(frames))


def test_published_augmentation_is_switched_off_by_name(config, digits):
    set_ = replace(digits, augmentation=(lambda x, _: x * 0,))
    for name, blank in (("published", True), ("none", False)):
        chosen = config.with_overrides({"data.augmentation": name})
        assert bool((next(batches(chosen, set_, 0)).x == 0).all()) == blank


def test_samples_are_kept_small_and_converted_a_batch_at_a_time(config, digits):
    whole = np.rint(digits.train_x * 16).astype(np.uint8)
    small = replace(digits, train_x=whole, divisor=16.0)
    for ours, theirs in zip(batches(config, small, 0), batches(config, digits, 0), strict=True):
        assert torch.equal(ours.x, theirs.x)


def test_a_bound_on_the_iterations_ends_the_training_within_an_epoch(config, digits, tmp_path):
    bound = config.with_overrides({"training.max_iterations": "6"})  # 4 batches are an epoch
    result = train(bound, digits, tmp_path)
    assert [m.epoch for m in result.metrics] == [1, 2]
    assert result.metrics[1].rate != train(config, digits, tmp_path).metrics[1].rate


def test_no_augmentation_leaves_the_images_alone():
    images = torch.rand(2, 1, 8, 8)
    data = load_config("digits-conv").with_overrides(
        dict.fromkeys(("data.shift", "data.rotate", "data.scale", "data.shear"), "0")
    )
    assert augment(images, data.data, np.random.default_rng(0)) is images


@pytest.mark.parametrize("ratio", [1e-4, 1e-2])
def test_no_parameter_moves_further_than_the_clipped_gradient_allows(config, digits, ratio):
    bare = {f"training.{key}": "0" for key in ("momentum", "weight_decay", "warmup_epochs")}
    exact = {"training.precision": "float64", "training.rate": "0.01"}
    one = config.with_overrides({**bare, **exact, "training.max_iterations": "1"})
    begun = new_state(one, digits).network
    first = next(batches(one, digits, 0)).x.double()
    initialise(begun, first, np.random.default_rng(one.seed), one.ablation)

    def moved(ratio):
        settings = one.with_overrides({"training.clip_ratio": str(ratio)})
        after = dict(train(settings, digits, None).network.named_parameters())
        named = ((n, p) for n, p in begun.named_parameters() if not n.endswith("bias"))
        return [float(((after[n] - p).norm() / p.norm()).detach()) for n, p in named]

    clipped, free = moved(ratio), moved(0)
    assert max(clipped) <= 0.01 * ratio * (1 + 1e-9)
    assert all(0 < one <= other * (1 + 1e-9) for one, other in zip(clipped, free, strict=True))
    assert max(free) > 0.01 * ratio


def test_a_network_that_imitates_itself_does_not_move(config, digits):
    off = ("momentum", "weight_decay", "warmup_epochs", "clip_ratio")
    bare = {f"training.{key}": "0" for key in off}
    still = dict.fromkeys(("data.shift", "data.rotate"), "0")
    one = config.with_overrides(
        {**bare, **still, "training.precision": "float64", "training.max_iterations": "1"}
    )
    begun = train(one, digits, None).network
    teacher = copy.deepcopy(begun).eval()

    def moved(share):
        imitating = one.with_overrides({"training.distillation": str(share)})
        after = train(imitating, digits, None, start=begun, teacher=teacher).network
        pairs = zip(after.parameters(), begun.parameters(), strict=True)
        return max(float((a - b).detach().abs().max()) for a, b in pairs)

    assert moved(1) < 1e-15 < 1e-6 < moved(0.5) < moved(0)


def test_without_a_teacher_there_is_nothing_to_imitate(config, digits):
    with pytest.raises(ConfigError, match="no network to imitate") as caught:
        train(config.with_overrides({"training.distillation": "0.5"}), digits, None)
    assert caught.value.where == "training.distillation"
