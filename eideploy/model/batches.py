"""The batches of an epoch: shuffled, augmented, all following from (seed, epoch)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eideploy.config import Config, Training
from eideploy.data import Dataset
from eideploy.model.augment import augment

LONGEST_WARMUP = 3  # as a part of the training, one over this


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Samples with their classes, and the state of the random generator once they were made.

    Shapes   x: images (B, C, H, W) or event frames (B, T, C, H, W); y: (B,)
    """

    x: Tensor
    y: Tensor
    generator: dict[str, Any]  # of numpy, JSON-able


def batches(
    config: Config,
    dataset: Dataset,
    epoch: int,
    *,
    done: int = 0,
    generator: dict[str, Any] | None = None,
) -> Iterator[Batch]:
    """Yield the batches of an epoch, from where it was left after `done` of them.

    `generator` is the state that the last batch done had; None at the beginning.
    """
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(epoch,)))
    order = rng.permutation(len(dataset.train))
    if generator is not None:
        rng.bit_generator.state = generator
    published = rng if config.data.augmentation == "published" else None
    batch = config.training.batch
    for start in range(done * batch, len(order), batch):
        chosen = order[start : start + batch]
        samples = torch.from_numpy(dataset.train.batch(chosen, published))
        yield Batch(
            x=augment(samples, config.data, rng),
            y=torch.from_numpy(dataset.train_y[chosen]),
            generator=rng.bit_generator.state,  # type: ignore[arg-type]
        )


def ahead(source: Iterator[Batch]) -> Iterator[Batch]:
    """Yield the same batches, each made in a thread while the one before it is trained on."""
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        coming = pool.submit(next, source, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield batch


def batch_counts(config: Config, dataset: Dataset) -> tuple[int, int]:
    """Return how many batches a whole epoch has, and the training."""
    whole = ceil(len(dataset.train) / config.training.batch)
    most = config.training.max_iterations or whole * config.training.epochs
    return whole, min(most, whole * config.training.epochs)


def warmup_batches(training: Training, images: int) -> int:
    """Return how many batches the rate rises for: a third of the training at most."""
    per_epoch = ceil(images / training.batch)
    return min(training.warmup_epochs * per_epoch, training.epochs * per_epoch // LONGEST_WARMUP)


def batches_in(config: Config, dataset: Dataset, epoch: int) -> int:
    """Return how many batches of an epoch are trained on: all, but where the training ends."""
    whole, most = ceil(len(dataset.train) / config.training.batch), config.training.max_iterations
    return whole if not most else max(0, min(whole, most - epoch * whole))
