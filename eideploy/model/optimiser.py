"""The optimiser step that keeps Dale's law, and the learning rate's course (M14, M15)."""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from eideploy.nn.projection import project

BIAS = "bias"  # the last part of the name of b_E, which may be negative
LEAST_NORM = 1e-3  # a parameter is clipped as if it had this norm at least
FREE = "free"  # a part of the names of what may be negative beside it: a baseline's parameters


class ProjectedSGD:
    """SGD with momentum and coupled decay, projected onto weights and gains >= 0 (M14).

        d = gradient + decay * p
        m = momentum * m + (1 - dampening) * d,   as if m had been d before the first step
        p = p - rate * m,   then max(p, 0) unless p is a bias

    The first buffer is thus (momentum + 1 - dampening) d; that of torch.optim.SGD is d.

    Args:
        parameters: (name, parameter), as `nn.Module.named_parameters` gives.
        momentum, dampening, weight_decay: as above.
        project: whether parameters stay >= 0; an ablation's may not (M19).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        momentum: float,
        weight_decay: float,
        dampening: float = 0.0,
        project: bool = True,
    ) -> None:
        self.parameters = dict(parameters)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.taken, self.project = 1 - dampening, project
        self.buffers: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter against its gradient, which is used up."""
        for name, p in self.parameters.items():
            if p.grad is None:
                continue
            d = p.grad.add_(p, alpha=self.weight_decay)
            if name not in self.buffers:
                self.buffers[name] = d.clone()
            m = self.buffers[name].mul_(self.momentum).add_(d, alpha=self.taken)
            p.sub_(m, alpha=rate)
            if self.project and not _may_be_negative(name):
                project(p)
            p.grad = None

    @torch.no_grad()
    def clip(self, ratio: float) -> None:
        """Scale every gradient whose norm is above `ratio` times that of its parameter down to it.

        Adaptive clipping (Brock et al., ICML 2021, eq. 3) by whole parameters, b_E excepted: a norm
        for all would be far above what the gains g_I of a late layer, of 0.01, can bear.
        """
        for name, p in self.parameters.items():
            if p.grad is not None and name.rpartition(".")[2] != BIAS:
                most = ratio * p.norm().clamp(min=LEAST_NORM)
                p.grad.mul_((most / p.grad.norm()).clamp(max=1))

    def load_buffers(self, buffers: Mapping[str, Tensor]) -> None:
        """Continue from the momentum buffers of an earlier run."""
        self.buffers = {name: buffer.clone() for name, buffer in buffers.items()}


def _may_be_negative(name: str) -> bool:
    parts = name.split(".")
    return parts[-1] == BIAS or FREE in parts


def rate_at(iteration: int, *, warmup: int, total: int, peak: float, start: float) -> float:
    """Return the learning rate of an iteration (M15).

    Linear from `start` over the first `warmup` iterations, then a cosine from `peak` down to 0,
    which it reaches at iteration `total`.
    """
    if iteration < warmup:
        return start + (peak - start) * iteration / warmup
    done = (iteration - warmup) / (total - warmup)
    return peak * (1 + math.cos(math.pi * done)) / 2
