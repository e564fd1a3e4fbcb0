"""What a network makes of samples that it does not learn from."""

from math import prod

import numpy as np
import torch

from eideploy.data.dataset import Split
from eideploy.model.networks import Network

MOST_SAMPLES = 512
MOST_PIXELS = 2**20  # over all steps of a batch; VGG-16 then takes about 1 GiB


@torch.no_grad()
def predict(network: Network, samples: np.ndarray) -> np.ndarray:
    """Return the logits (N, classes) of images (N, C, H, W) or event frames (N, T, C, H, W)."""
    size = batch_size(samples.shape, network.steps)
    parts = [
        network(torch.from_numpy(samples[start : start + size].copy())).numpy()
        for start in range(0, len(samples), size)
    ]
    return np.concatenate(parts)


def accuracy(network: Network, split: Split) -> float:
    """Return the fraction of a split whose largest logit is that of their class."""
    size = batch_size(split.x.shape, network.steps)
    right = 0
    for start in range(0, len(split), size):
        part = slice(start, start + size)
        right += int((predict(network, split.batch(part)).argmax(1) == split.y[part]).sum())
    return right / len(split)


def batch_size(shape: tuple[int, ...], steps: int) -> int:
    """Return how many samples of an array of that shape are shown together."""
    pixels = prod(shape[-3:]) * steps
    return min(MOST_SAMPLES, max(1, MOST_PIXELS // pixels))
