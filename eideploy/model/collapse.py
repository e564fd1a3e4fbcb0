"""Whether a training has collapsed, asked within its epochs: what a lower rate may mend."""

from collections.abc import Mapping
from dataclasses import replace
from math import ceil, isfinite, sqrt

import numpy as np
import torch
from torch import Tensor

from eideploy.data import Dataset
from eideploy.data.dataset import Labels, Split
from eideploy.model.evaluate import accuracy
from eideploy.model.health import MOST_LOST, uninhibited
from eideploy.model.metrics import Look, Partial
from eideploy.model.networks import Network
from eideploy.model.processes import Group
from eideploy.nn.layers import Shunting

LOWER = 0.3  # of the rate, for each time that a training begins an epoch again
FEWEST_BATCHES, FEWEST_SAMPLES = 20, 512  # between two looks
SAMPLES, SHARE = 256, 8  # of training, at the end of an epoch; at most an eighth of them
LEARNED = 0.2  # a skill that is no accident
FALLEN = 0.2  # of the best skill so far
ERRORS = 3  # standard errors of an accuracy that it has to fall by
FAINT = 10  # times weaker, or stronger, is worth saying of a divisor


def interval(batch: int) -> int:
    """Return after how many batches a training is looked at."""
    return max(FEWEST_BATCHES, ceil(FEWEST_SAMPLES / batch))


def chance(labels: Labels) -> float:
    """Return the accuracy of saying the most frequent class always."""
    return float(np.bincount(labels).max()) / len(labels)


def skill(right: float, labels: Labels) -> float:
    """Return how far an accuracy is from chance (0) to perfect (1)."""
    return (right - chance(labels)) / max(1 - chance(labels), 1 / len(labels))


def is_chance(accuracy: float, labels: Labels) -> bool:
    """Return whether a share of right answers is within two standard errors of chance."""
    least = chance(labels)
    return accuracy <= least + 2 * sqrt(least * (1 - least) / len(labels))


def seen_within(so_far: Partial, network: Network, dataset: Dataset) -> tuple[Look, str]:
    """Return what an epoch came to since the last look, and what is wrong in words, or ""."""
    before = so_far.look
    count = so_far.images - before.images
    loss, share = (so_far.loss - before.loss) / count, (so_far.right - before.right) / count
    best = max(before.best, skill(share, dataset.train_y))
    look = Look(images=so_far.images, loss=so_far.loss, right=so_far.right, best=best)
    return look, _fault(loss, _fallen(share, count, before.best, dataset.train_y), network)


def seen_after(
    total: Partial, network: Network, stand_in: Network, dataset: Dataset, group: Group
) -> tuple[float, str]:
    """Return the best skill so far, by training samples once an epoch is over; and what is wrong.

    An epoch's last batches may be too few for a look.
    """
    before = total.look.best
    some = _some(dataset.train)
    share = accuracy(stand_in, some, group)
    best = max(before, skill(share, dataset.train_y))
    fallen = _fallen(share, len(some), before, dataset.train_y)
    return best, _fault(total.loss / total.images, fallen, network)


def _fault(loss: float, fallen: str, network: Network) -> str:
    if not isfinite(loss):
        return f"the loss is {loss}"
    return fallen or _without_inhibition(network)


def _some(split: Split) -> Split:
    """Return a few samples of a split, the same ones every time."""
    count = min(SAMPLES, ceil(len(split) / SHARE))
    chosen = np.sort(np.random.default_rng(0).permutation(len(split))[:count])
    return replace(split, x=split.x[chosen], y=split.y[chosen])


def _fallen(share: float, count: int, best: float, labels: Labels) -> str:
    """Say how far the accuracy on so many samples fell, where that is no accident of theirs."""
    if best < LEARNED or skill(share, labels) >= FALLEN * best:
        return ""
    was = best * (1 - chance(labels)) + chance(labels)
    if was - share <= ERRORS * sqrt(was * (1 - was) / count):
        return ""
    return f"the accuracy on training samples fell to {share:.1%}, it was {was:.1%}"


def _without_inhibition(network: Network) -> str:
    for name, layer in network.layers().items():
        if isinstance(layer, Shunting) and (lost := uninhibited(layer)) > MOST_LOST:
            return f"{lost:.0%} of the neurons of {name} lost their inhibition"
    return ""


@torch.no_grad()
def diagnosis(network: Network, begun: Mapping[str, Tensor]) -> str:
    """Return whose divisor changed most since the epoch began, if it did much, in words."""
    changes = {}
    names = {layer: name for name, layer in network.layers().items()}
    for path, layer in network.named_modules():
        if isinstance(layer, Shunting):
            parts = ("lateral.weight", "gain_i", "inhibitory.weight")
            now, then = (
                _divisor(*(of[f"{path}.{part}"] for part in parts))
                for of in (network.state_dict(), begun)
            )
            changes[names[layer]] = now / then if then and isfinite(now) else 1.0
    name = max(changes, key=lambda n: max(changes[n], 1 / max(changes[n], 1e-30)), default="")
    factor = changes.get(name, 1.0)
    if 1 / FAINT < factor < FAINT:
        return ""
    return f"; I_div of {name} is {factor:.2g} times what it was when the epoch began"


def _divisor(lateral: Tensor, gain: Tensor, inhibitory: Tensor) -> float:
    """Return the mean divisor of an input of ones (M4)."""
    onto = lateral.flatten(1).double() * gain.double()
    return float((onto @ inhibitory.flatten(1).double().sum(1)).mean())
