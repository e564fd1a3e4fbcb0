"""Training, from E-I Init to the last epoch, the same bit for bit whether interrupted or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil, isfinite
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from eideploy.config import Config, Training
from eideploy.data import Dataset
from eideploy.errors import ConfigError
from eideploy.model.augment import augment
from eideploy.model.checkpoint import (
    FILE,
    EpochMetrics,
    State,
    load_state,
    new_state,
    save_state,
)
from eideploy.model.initialise import initialise
from eideploy.model.networks import Network
from eideploy.model.optimiser import ProjectedSGD, rate_at

EVALUATION_BATCH = 512
OnEpoch = Callable[[EpochMetrics], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainResult:
    """A finished training: the network, and one entry of metrics per epoch."""

    network: Network
    metrics: tuple[EpochMetrics, ...]


def train(
    config: Config,
    dataset: Dataset,
    folder: Path,
    *,
    on_epoch: OnEpoch = lambda _: None,
    resume: bool = False,
) -> TrainResult:
    """Train the network of `config` on `dataset`; after each epoch write `folder`'s checkpoint.

    Everything random follows from (config.seed, epoch): two runs, and a run that was interrupted
    and resumed, give the same bits. Torch is left as it was found.

    Args:
        config: what to train.
        dataset: what on; `config.data.name` is not looked up here.
        folder: an existing folder for `checkpoint.safetensors`.
        on_epoch: called after each epoch, its checkpoint already written.
        resume: continue from the checkpoint of `folder`, or begin where there is none yet.

    Raises:
        ConfigError: the network cannot be built, its loss stops being finite, or the checkpoint
            to resume was made with another configuration.
        DataError: the data set has nothing for E-I Init to go by, or the folder is not writable.
        FormatError: the checkpoint to resume is damaged.
    """
    with _reproducible(config.training.threads):
        state = _begin(config, dataset, folder, resume=resume)
        for epoch in range(len(state.metrics), config.training.epochs):
            state = run_epoch(state, dataset, epoch)
            save_state(state, folder)
            on_epoch(state.metrics[-1])
    return TrainResult(network=state.network, metrics=state.metrics)


def run_epoch(state: State, dataset: Dataset, epoch: int) -> State:
    """Train for one epoch, in place, and return the state with its metrics added.

    Raises:
        ConfigError: the loss is not finite any more.
    """
    training, network = state.config.training, state.network
    optimiser = ProjectedSGD(
        network.named_parameters(),
        momentum=training.momentum,
        weight_decay=training.weight_decay,
    )
    optimiser.load_buffers(state.momentum)
    rate, loss, right = 0.0, torch.zeros(()), torch.zeros((), dtype=torch.int64)
    for place, (x, y) in enumerate(batches(state.config, dataset, epoch)):
        rate = _rate(training, epoch, place, len(dataset.train_x))
        logits = network(x)
        batch_loss = cross_entropy(logits, y, label_smoothing=training.label_smoothing)
        batch_loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(rate)
        loss += batch_loss.detach() * len(x)
        right += (logits.argmax(1) == y).sum()
    images = len(dataset.train_x)
    metrics = EpochMetrics(
        epoch=epoch + 1,
        epochs=training.epochs,
        rate=rate,
        loss=_finite(float(loss) / images, epoch + 1),
        train_accuracy=int(right) / images,
        test_accuracy=accuracy(network, dataset.test_x, dataset.test_y),
    )
    return replace(state, momentum=optimiser.buffers, metrics=(*state.metrics, metrics))


def batches(config: Config, dataset: Dataset, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the shuffled, augmented batches of an epoch; all follows from (seed, epoch)."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(epoch,)))
    order = rng.permutation(len(dataset.train_x))
    for start in range(0, len(order), config.training.batch):
        chosen = order[start : start + config.training.batch]
        images = torch.from_numpy(dataset.train_x[chosen])
        yield augment(images, config.data, rng), torch.from_numpy(dataset.train_y[chosen])


@torch.no_grad()
def predict(network: Network, images: np.ndarray) -> np.ndarray:
    """Return the logits (N, classes) of images (N, C, H, W), in the precision of both."""
    parts = [
        network(torch.from_numpy(images[start : start + EVALUATION_BATCH].copy())).numpy()
        for start in range(0, len(images), EVALUATION_BATCH)
    ]
    return np.concatenate(parts)


def accuracy(network: Network, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the fraction of images whose largest logit is that of their class."""
    return float((predict(network, images).argmax(1) == labels).mean())


def _begin(config: Config, dataset: Dataset, folder: Path, *, resume: bool) -> State:
    if resume and (folder / FILE).exists():
        state = load_state(folder)
        _check_same(config, state.config, folder)
        return state
    state = new_state(config, dataset)
    first, _ = next(batches(config, dataset, 0))
    initialise(state.network, first, np.random.default_rng(config.seed))
    return state


def _check_same(asked: Config, found: Config, folder: Path) -> None:
    pairs = zip(asked.to_toml().splitlines(), found.to_toml().splitlines(), strict=True)
    differing = [f"{old} (now {new.rpartition('= ')[2]})" for new, old in pairs if new != old]
    if differing:
        raise ConfigError(
            f"the run was begun with {', '.join(differing)}",
            where=str(folder),
            fix="resume with the configuration it was begun with, or train anew",
        )


def _rate(training: Training, epoch: int, place: int, images: int) -> float:
    per_epoch = ceil(images / training.batch)
    return rate_at(
        epoch * per_epoch + place,
        warmup=training.warmup_epochs * per_epoch,
        total=training.epochs * per_epoch,
        peak=training.rate,
        start=training.warmup_rate,
    )


def _finite(loss: float, epoch: int) -> float:
    if not isfinite(loss):
        raise ConfigError(
            f"the loss is {loss} in epoch {epoch}, so the training diverged",
            where="training.rate",
            fix="choose a lower training.rate or a longer training.warmup_epochs",
        )
    return loss


@contextmanager
def _reproducible(threads: int) -> Iterator[None]:
    """Let torch take deterministic kernels only, on so many threads; restore both afterwards."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(threads)  # on small networks a second thread costs more than it gives
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.set_num_threads(before[1])
