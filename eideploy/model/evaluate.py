"""What a network makes of samples that it does not learn from, always in full precision."""

from math import prod

import numpy as np
import torch

from eideploy.data.dataset import Split
from eideploy.model.networks import Network
from eideploy.model.processes import ALONE, Group

MOST_SAMPLES = 512
MOST_PIXELS = 2**20  # over all steps of a batch; VGG-16 then takes about 1 GiB


@torch.no_grad()
def predict(network: Network, samples: np.ndarray) -> np.ndarray:
    """Return the logits (N, classes) of images (N, C, H, W) or event frames (N, T, C, H, W)."""
    size, like = batch_size(samples.shape, network.steps), next(network.parameters())
    parts = [
        network(torch.from_numpy(samples[start : start + size].copy()).to(like)).cpu().numpy()
        for start in range(0, len(samples), size)
    ]
    return np.concatenate(parts)


def accuracy(network: Network, split: Split, group: Group = ALONE) -> float:
    """Return the fraction of a split whose largest logit is that of their class."""
    size = batch_size(split.x.shape, network.steps)
    right = 0
    for start in range(group.rank * size, len(split), group.size * size):
        part = slice(start, start + size)
        predicted = predict(network, split.batch(part)).argmax(1)
        right += int((predicted == split.y[part]).sum())
    return int(group.sum(torch.tensor(right))) / len(split)


def batch_size(shape: tuple[int, ...], steps: int) -> int:
    """Return how many samples of an array of that shape are shown together."""
    pixels = prod(shape[-3:]) * steps
    return min(MOST_SAMPLES, max(1, MOST_PIXELS // pixels))
