"""Batch normalisation over all processes that train together (M18).

What `nn.SyncBatchNorm` is on GPUs, here on whatever device the processes' group spans.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

_stands_in = ContextVar("stands_in", default=False)


@contextmanager
def standing_in(*, stands_in: bool) -> Iterator[None]:
    """Say whether the samples of this process are a stand-in, which counts in no statistics."""
    token = _stands_in.set(stands_in)
    try:
        yield
    finally:
        _stands_in.reset(token)


def is_shared() -> bool:
    """Return whether several processes train together."""
    return distributed.is_initialized() and distributed.get_world_size() > 1


def shared_batch_norm(x: Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Tensor:
    """Return `x` normalised by the statistics of all processes' samples, and keep running means.

    Gradients flow through the statistics, to the samples of every process.

    Shapes   x: (N, n, ...), with another N on each process
    """
    x = x.to(norm.weight.dtype)
    others = [d for d in range(x.ndim) if d != 1]
    shape = (-1,) + (1,) * (x.ndim - 2)
    part = 0.0 if _stands_in.get() else 1.0
    count = _Sum.apply(x.new_tensor(part * x.numel() / x.shape[1]))  # type: ignore[no-untyped-call]
    mean = _Sum.apply(part * x.sum(others)) / count  # type: ignore[no-untyped-call]
    centred = x - mean.view(shape)
    variance = _Sum.apply(part * centred.square().sum(others)) / count  # type: ignore[no-untyped-call]
    with torch.no_grad():
        assert norm.running_mean is not None
        assert norm.running_var is not None
        assert norm.momentum is not None
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(variance * count / (count - 1), norm.momentum)
    scale = norm.weight * (variance + norm.eps).rsqrt()
    return torch.addcmul(norm.bias.view(shape), centred, scale.view(shape))


class _Sum(torch.autograd.Function):
    """The sum over all processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:  # noqa: ANN401
        value = value.clone()
        distributed.all_reduce(value)
        return value

    @staticmethod
    @once_differentiable
    def backward(_: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        value = gradients[0].clone()
        distributed.all_reduce(value)
        return value
