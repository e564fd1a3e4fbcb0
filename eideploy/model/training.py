"""Training, from E-I Init to the last epoch, the same bit for bit whether interrupted or not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from math import ceil, isfinite
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from eideploy.config import Config, Training
from eideploy.data import Dataset
from eideploy.errors import ConfigError
from eideploy.model.batches import batches, batches_in
from eideploy.model.checkpoint import (
    FILE,
    EpochMetrics,
    State,
    load_state,
    new_state,
    save_state,
)
from eideploy.model.evaluate import accuracy
from eideploy.model.initialise import initialise
from eideploy.model.networks import Network
from eideploy.model.optimiser import ProjectedSGD, rate_at

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
        epochs = config.training.epochs
        for epoch in range(len(state.metrics), epochs):
            if not batches_in(config, dataset, epoch):
                break
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
    images, count = 0, batches_in(state.config, dataset, epoch)
    for place, batch in enumerate(islice(batches(state.config, dataset, epoch), count)):
        rate = _rate(training, epoch, place, len(dataset.train))
        logits = network(batch.x)
        batch_loss = cross_entropy(logits, batch.y, label_smoothing=training.label_smoothing)
        batch_loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(rate)
        loss += batch_loss.detach() * len(batch.x)
        right += (logits.argmax(1) == batch.y).sum()
        images += len(batch.x)
    metrics = EpochMetrics(
        epoch=epoch + 1,
        epochs=training.epochs,
        rate=rate,
        loss=_finite(float(loss) / images, epoch + 1),
        train_accuracy=int(right) / images,
        test_accuracy=accuracy(network, dataset.test),
    )
    return replace(state, momentum=optimiser.buffers, metrics=(*state.metrics, metrics))


def _begin(config: Config, dataset: Dataset, folder: Path, *, resume: bool) -> State:
    if resume and (folder / FILE).exists():
        state = load_state(folder)
        _check_same(config, state.config, folder)
        return state
    state = new_state(config, dataset)
    first = next(batches(config, dataset, 0))
    initialise(state.network, first.x, np.random.default_rng(config.seed))
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
