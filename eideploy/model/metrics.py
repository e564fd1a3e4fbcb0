"""What is measured of a training, epoch by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LayerHealth:
    """The activity of a layer's neurons on a fixed batch, as fractions.

    silent        of neurons that never fire
    saturated     of neurons that fire at more than 90 % of the steps
    zero_divisor  of shunting currents that are exactly 0, so that (M6) replaces them
    """

    layer: str
    silent: float
    saturated: float
    zero_divisor: float


@dataclass(frozen=True, kw_only=True)
class EpochMetrics:
    """What an epoch gave: counted from 1; the accuracies are fractions.

    rate            the learning rate of its last iteration
    loss            the mean over its training images, as augmented
    train_accuracy  likewise, so of a network in motion
    test_accuracy   on the test split, after the epoch
    health          of every layer that fires, in order, after the epoch
    """

    epoch: int
    epochs: int
    rate: float
    loss: float
    train_accuracy: float
    test_accuracy: float
    health: tuple[LayerHealth, ...] = ()

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> "EpochMetrics":
        """Return what `dataclasses.asdict` made into JSON; raises as a wrong call does."""
        layers = tuple(LayerHealth(**layer) for layer in content["health"])
        return cls(**{**content, "health": layers})
