"""The peak learning rate that suits a network and its data, by short trainings on a part."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, sqrt

import numpy as np

from eideploy.config import Config
from eideploy.data import Dataset
from eideploy.errors import DivergedError
from eideploy.model.training import train

CANDIDATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
BATCHES = 60  # of a trial
HELD_OUT, SHARE = 512, 5  # training samples to measure by; at most a fifth of them


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A short training.

    accuracy  on training samples that were held out, as a fraction; 0 where it diverged
    """

    rate: float
    accuracy: float


def find_rate(
    config: Config, dataset: Dataset, on_batch: Callable[[int], None] = lambda _: None
) -> tuple[float, tuple[Trial, ...]]:
    """Return a peak rate for `config`, and what the candidates gave.

    It is the lowest whose accuracy is within a standard error of the best: what learns as fast in
    a short training, and is further from collapse in a long one. Test samples are not touched.
    """
    part = _part(dataset, config)
    trials = tuple(_trial(config, part, rate, on_batch) for rate in CANDIDATES)
    best = max(trial.accuracy for trial in trials)
    error = sqrt(best * (1 - best) / len(part.test_y))
    return next(t.rate for t in trials if t.accuracy >= best - error), trials


def _part(dataset: Dataset, config: Config) -> Dataset:
    """Return as many training samples as a trial takes, and those to measure by."""
    order = np.random.default_rng(config.seed).permutation(len(dataset.train))
    measuring = min(HELD_OUT, ceil(len(order) / SHARE))
    training = np.sort(order[measuring:][: BATCHES * config.training.batch])
    chosen = np.sort(order[:measuring])
    x, y = dataset.train_x, dataset.train_y
    return replace(
        dataset, train_x=x[training], train_y=y[training], test_x=x[chosen], test_y=y[chosen]
    )


def _trial(config: Config, part: Dataset, rate: float, on_batch: Callable[[int], None]) -> Trial:
    per_epoch = ceil(len(part.train) / config.training.batch)
    short = replace(
        config.training,
        rate=rate,
        epochs=ceil(BATCHES / per_epoch),
        max_iterations=0,
        setbacks=0,
        distillation=0.0,
    )
    try:
        result = train(replace(config, training=short), part, None, on_batch=on_batch)
    except DivergedError:
        return Trial(rate=rate, accuracy=0.0)
    return Trial(rate=rate, accuracy=result.metrics[-1].test_accuracy)
