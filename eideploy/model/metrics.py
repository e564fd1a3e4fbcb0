"""What is measured of a training, epoch by epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)  # of a spread's quantiles


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How values are distributed.

    quantiles  at SHARES; none where there are no values
    counts     of values in bins of equal width from low to high, where they are asked for
    """

    quantiles: tuple[float, ...]
    low: float = 0.0
    high: float = 0.0
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class LayerHealth:
    """The activity of a layer's neurons on a fixed batch, as fractions.

    silent        of neurons that never fire
    saturated     of neurons that fire at more than 90 % of the steps
    zero_divisor  of shunting currents that are exactly 0, so that (M6) replaces them
    dying         of neurons whose inhibition W_EI W_IE is next to nothing beside their W_EE
    uninhibited   of neurons that nothing divides, as W_EI g_I W_IE is 0
    gradient      norm of the epoch's last gradient over all of the layer's parameters
    spreads       of "current", "I_div" and every parameter
    gradients     before the first epoch: norms of every parameter's first gradient, unclipped, and
                  of the parameter, by the method's names
    """

    layer: str
    silent: float
    saturated: float
    zero_divisor: float
    dying: float = 0.0
    uninhibited: float = 0.0
    gradient: float = 0.0
    spreads: Mapping[str, Spread] = field(default_factory=dict)
    gradients: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """What an epoch gave: counted from 1; the accuracies are fractions.

    rate            the learning rate of its last iteration
    loss            the mean over its training images, as augmented
    train_accuracy  likewise, so of a network in motion
    test_accuracy   on the test split, after the epoch
    health          of every layer that fires, in order, after the epoch
    before          likewise before it, in the first epoch
    setbacks        how often the training had begun an epoch again, all in all
    """

    epoch: int
    epochs: int
    rate: float
    loss: float
    train_accuracy: float
    test_accuracy: float
    health: tuple[LayerHealth, ...] = ()
    before: tuple[LayerHealth, ...] = ()
    setbacks: int = 0


def best_of(metrics: Sequence[EpochMetrics]) -> EpochMetrics:
    """Return the epoch of the best test accuracy, the first of several."""
    return max(metrics, key=lambda epoch: epoch.test_accuracy)


@dataclass(frozen=True, kw_only=True)
class Setback:
    """An epoch that was begun again from where it began, at a lower rate.

    epoch    counted from 1
    batches  of it that had been trained on when it was seen
    reason   in words
    rate     the peak of the learning rate from there on
    """

    epoch: int
    batches: int
    reason: str
    rate: float


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a training had come to when it was last looked at.

    images, loss, right  the sums of the epoch up to there
    best                 the greatest skill of the training so far
    """

    images: int = 0
    loss: float = 0.0
    right: int = 0
    best: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Partial:
    """An epoch that was stopped between two of its batches, and what it had come to.

    loss       the sum over the images so far
    right      images of which the largest logit was that of their class
    generator  the state of numpy's random generator, JSON-able
    look       what the last look for a collapse saw
    """

    batches: int
    images: int
    loss: float
    right: int
    generator: dict[str, Any]
    look: Look = Look()
