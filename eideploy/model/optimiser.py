"""Optimiser steps that keep Dale's law, and the learning rate's course (M14, M15, M25)."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from eideploy.nn.projection import project

BIAS = "bias"  # the last part of the name of b_E, which may be negative
LEAST_NORM = 1e-3  # a parameter is clipped as if it had this norm at least
SQUARED_MOMENTUM, LEAST_ROOT, LEAST_SCALE = 0.999, 1e-8, 1e-3  # (M25)
SQUARES, STEPS = "@squares", "@steps"  # behind the name of a parameter, in that of a buffer
FREE = "free"  # a part of the names of what may be negative beside it: a baseline's parameters


class Projected(ABC):
    """An optimiser whose every step ends with max(p, 0), but for biases (M14).

    Args:
        parameters: (name, parameter), as `nn.Module.named_parameters` gives.
        momentum, weight_decay: as the optimiser takes them.
        project: whether parameters stay >= 0; an ablation's may not (M19).
    """

    def __init__(
        self,
        parameters: Iterable[tuple[str, nn.Parameter]],
        *,
        momentum: float,
        weight_decay: float,
        project: bool = True,
    ) -> None:
        self.parameters = dict(parameters)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.project = project
        self.buffers: dict[str, Tensor] = {}

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Move every parameter against its gradient, which is used up."""
        for name, p in self.parameters.items():
            if p.grad is None:
                continue
            self.move(name, p, p.grad, rate)
            if self.project and not _may_be_negative(name):
                project(p)
            p.grad = None

    @abstractmethod
    def move(self, name: str, p: nn.Parameter, gradient: Tensor, rate: float) -> None:
        """Move a parameter in place; the gradient may be overwritten."""

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
        """Continue from the buffers of an earlier run."""
        self.buffers = {
            name: buffer.cpu().clone() if name.endswith(STEPS) else buffer.clone()
            for name, buffer in buffers.items()
        }


class ProjectedSGD(Projected):
    """SGD with momentum and coupled decay, projected onto weights and gains >= 0 (M14).

        d = gradient + decay * p
        m = momentum * m + d,   as if m had been d before the first step
        p = p - rate * m,   then max(p, 0) unless p is a bias

    The first buffer is thus (momentum + 1) d; that of torch.optim.SGD is d.
    """

    def move(self, name: str, p: nn.Parameter, gradient: Tensor, rate: float) -> None:
        """Move a parameter in place; the gradient is overwritten."""
        d = gradient.add_(p, alpha=self.weight_decay)
        if name not in self.buffers:
            self.buffers[name] = d.clone()
        m = self.buffers[name].mul_(self.momentum).add_(d)
        p.sub_(m, alpha=rate)


class ProjectedAdam(Projected):
    """Adam whose steps are in units of the parameter's root mean square (M25).

        m = momentum * m + (1 - momentum) * gradient,     v = 0.999 v + 0.001 gradient^2
        p = p (1 - rate * decay) - rate * scale * m' / (sqrt(v') + 1e-8),
        scale = max(root mean square of p, 1e-3),   then max(p, 0) unless p is a bias

    m' and v' are m and v with Adam's correction for their beginning at 0 (Kingma and Ba, ICLR 2015,
    algorithm 1), the decay is decoupled (Loshchilov and Hutter, ICLR 2019), and the scale is
    Adafactor's (Shazeer and Stern, ICML 2018, section 8): weights of a layer of many inputs are
    small, and a step of the same size for all layers would be too large for them.
    """

    def move(self, name: str, p: nn.Parameter, gradient: Tensor, rate: float) -> None:
        """Move a parameter in place."""
        m = self.buffers.setdefault(name, torch.zeros_like(p))
        v = self.buffers.setdefault(name + SQUARES, torch.zeros_like(p))
        steps = self.buffers.setdefault(name + STEPS, torch.zeros((), dtype=p.dtype))
        steps += 1
        count = int(steps)  # lies on the CPU, so that nothing waits for the device
        m.lerp_(gradient, 1 - self.momentum)
        v.mul_(SQUARED_MOMENTUM).addcmul_(gradient, gradient, value=1 - SQUARED_MOMENTUM)
        root = (v / (1 - SQUARED_MOMENTUM**count)).sqrt_().add_(LEAST_ROOT)
        direction = (m / (1 - self.momentum**count)).div_(root)
        scale = p.square().mean().sqrt_().clamp_(min=LEAST_SCALE)
        p.mul_(1 - rate * self.weight_decay).sub_(direction.mul_(scale), alpha=rate)


OPTIMISERS: Mapping[str, type[Projected]] = {"sgd": ProjectedSGD, "adam": ProjectedAdam}


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
