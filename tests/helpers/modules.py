"""A network of the user's own, with a branch, as a notebook would write it."""

import torch
from torch import nn

import eideploy.nn as einn


class Branched(nn.Module):
    """Two convolutions, the second in a branch that is added to what it reads."""

    def __init__(self, steps=3):
        super().__init__()
        self.steps = steps
        self.conv1, self.lif1 = einn.Conv2d(1, 8, 3, padding=1), einn.LIF()
        self.conv2, self.lif2 = einn.Conv2d(8, 8, 3, padding=1), einn.LIF()
        self.pool, self.readout = einn.AvgPool2d(2), einn.Readout(8 * 4 * 4, 4)

    def forward(self, x):
        x = x.expand(self.steps, *x.shape)
        x = self.lif1(self.conv1(x))
        x = x + self.lif2(self.conv2(x))
        return self.readout(self.pool(x).flatten(2)).mean(0)


def images(count, *, seed=0):
    """Images of four classes, each bright in another corner."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(count, 1, 8, 8, generator=rng) * 0.3
    for number, image in enumerate(x):
        row, column = divmod(number % 4, 2)
        image[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] += 0.6
    return x
