"""Layers of a batch-normalised SNN, what E-I layers are compared with (M18).

The LIF, the networks and the training are the same; weights may be negative, and no circuit is
made of them. All parameters stand under the name `free`, which exempts them from the projection of
(M14).
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from eideploy.model.shared_norm import is_shared, shared_batch_norm
from eideploy.nn.direct import Convolution
from eideploy.nn.fused import Firing, spikes


class BatchNormalised(nn.Module):
    """A linear map and a batch normalisation over merged samples, whose current drives a LIF (M18).

    The statistics are the batch's, over all processes, while gradients are recorded and the running
    ones elsewhere; so that, as for an E-I network, no caller has to say which.

    Args:
        linear: the torch layer, without a bias.
        n: its neurons or channels.

    Attributes:
        axes: of a sample.
    """

    def __init__(self, linear: nn.Linear | nn.Conv2d, n: int) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(n) if isinstance(linear, nn.Conv2d) else nn.BatchNorm1d(n)
        self.free = nn.Sequential(linear, norm)
        self.axes = 3 if isinstance(linear, nn.Conv2d) else 1
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Tensor) -> Tensor:
        """Return the current, (T*B, n, ...)."""
        return self.current(*self.drive(x))

    def drive(self, x: Tensor) -> tuple[Tensor]:
        """Return the current alone."""
        linear, norm = self.free
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        training = self.training and torch.is_grad_enabled()
        if training and is_shared():
            return (shared_batch_norm(linear(x), norm),)
        current = batch_norm(
            linear(x),
            norm.running_mean,
            norm.running_var,
            norm.weight,
            norm.bias,
            training=training,
            eps=norm.eps,
        )
        return (current,)

    def current(self, current: Tensor) -> Tensor:
        """Return the current that `drive` gives."""
        return current

    def spikes(self, current: Tensor, *, how: Firing) -> Tensor:
        """Return the spikes that the current drives, by the compiled pass (M7, M8)."""
        return spikes(current, how)


class NormLinear(BatchNormalised):
    """A fully connected layer, (T*B, d) -> (T*B, n)."""

    def __init__(self, inputs: int, n: int) -> None:
        super().__init__(nn.Linear(inputs, n, bias=False), n)


class NormConv2d(BatchNormalised):
    """A convolution, (T*B, C, H, W) -> (T*B, n, H', W')."""

    def __init__(
        self, channels: int, n: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__(Convolution(channels, n, kernel, stride, padding), n)


class NormReadout(nn.Module):
    """The output layer, an ordinary linear one with a bias, (T*B, d) -> (T*B, classes)."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.free = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the current of every class."""
        y: Tensor = self.free(x)
        return y


def is_baseline(network: nn.Module) -> bool:
    """Return whether a network is batch-normalised."""
    return any(isinstance(m, BatchNormalised | NormReadout) for m in network.modules())


@torch.no_grad()
def draw(network: nn.Module, rng: np.random.Generator) -> None:
    """Draw all weights in order of construction, normal of variance 2 / d (Kaiming); biases 0."""
    for module in network.modules():
        if not isinstance(module, nn.Linear | nn.Conv2d):
            continue
        weight = module.get_parameter("weight")
        weight.copy_(torch.from_numpy(kaiming(tuple(weight.shape), rng)))
        if module.bias is not None:
            module.get_parameter("bias").zero_()


def kaiming(shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return weights (n, d...), normal of variance 2 / d."""
    return rng.normal(0, (2 / prod(shape[1:])) ** 0.5, size=shape)
