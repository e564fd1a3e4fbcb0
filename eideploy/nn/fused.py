"""Find the shunting current, divide, stabilise, fire and pool in one pass forward and one back.

(M4-M8, M10.) Backward recomputes all but the currents, which costs less than to keep it. The
numbers are those of `functional.py` up to the rounding of sums; spikes are the same where currents
are.
"""

import ctypes
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from eideploy.nn.compiled import FusedCall, library

NAMES = {torch.float32: "float32", torch.float64: "float64"}


@dataclass(frozen=True, kw_only=True)
class Firing:
    """How currents become spikes.

    steps   T
    decay   of the membrane, per step
    repeat  there is one current per image, shown at every step
    pool    1, or 2 for the mean over 2x2 that follows
    """

    steps: int
    decay: float
    repeat: bool = False
    pool: int = 1

    def fits(self, x: Tensor) -> bool:
        """Return whether the compiled pass can take currents like `x`: CPU, float32 or float64."""
        return x.device.type == "cpu" and x.dtype in NAMES and library() is not None


def ei_spikes(both: Tensor, weight: Tensor, gain: Tensor, bias: Tensor, how: Firing) -> Tensor:
    """Return the spikes of a shunting layer (M4-M8), pooled if asked for.

    Shapes   both: (N, n_E + n_I, ...), I_EE - I_EI and s_I; weight: (n_E, n_I), W_EI g_I;
             or both: I_EE and s_I; weight: (2 n_E, n_I), W_EI g_I on top of -W_EI;
             gain, bias: (n_E,); spikes: (T*B, n_E, ...); N = T*B, or B if currents repeat
    """
    return _EISpikes.apply(both, weight, gain, bias, how)  # type: ignore[no-any-return, no-untyped-call]


def spikes(current: Tensor, how: Firing) -> Tensor:
    """Return the spikes of given currents (M7, M8), pooled if asked for.

    Shapes   current: (N, n, ...); spikes: (T*B, n, ...); N = T*B, or B if currents repeat
    """
    return _Spikes.apply(current, how)  # type: ignore[no-any-return, no-untyped-call]


class _EISpikes(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        both: Tensor,
        weight: Tensor,
        gain: Tensor,
        bias: Tensor,
        how: Firing,
    ) -> Tensor:
        both, weight = _packed(both), weight.contiguous()
        ctx.save_for_backward(both, weight, gain, bias)
        ctx.how = how
        return _forward(both, (weight, gain, bias), len(gain), how)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        both, weight, gain, bias = ctx.saved_tensors
        job = _job(both, len(gain), ctx.how, maps=len(weight) // len(gain))
        of_weight = weight.new_zeros(job.threads, *weight.shape)
        sums = torch.zeros(2, job.batch, len(gain), dtype=torch.double)
        _use_up(both)
        _call("backward", job, both, weight, gain, bias, _packed(gradients[0]), of_weight, *sums)
        of_gain, of_bias = sums.sum(1).to(both.dtype)
        return both.detach(), of_weight.sum(0), of_gain, of_bias, None


class _Spikes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, how: Firing) -> Tensor:  # noqa: ANN401
        current = _packed(current)
        ctx.save_for_backward(current)
        ctx.how = how
        return _forward(current, (None, None, None), current.shape[1], how)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (current,) = ctx.saved_tensors
        job = _job(current, current.shape[1], ctx.how)
        _use_up(current)
        nothing = (None, None, None)
        _call("backward", job, current, *nothing, _packed(gradients[0]), *nothing)
        return current.detach(), None


def _use_up(saved: Tensor) -> None:
    """Make autograd refuse another use of a tensor that its gradient is about to take the place of.

    Fresh memory for the gradient would cost more than the pass.
    """
    torch.autograd.graph.increment_version(saved)


def _forward(x: Tensor, divisor: tuple[Tensor | None, ...], n: int, how: Firing) -> Tensor:
    job = _job(x, n, how, maps=len(divisor[0]) // n if divisor[0] is not None else 0)
    shape = [s // how.pool for s in x.shape[2:]]
    spikes = (
        _packed(x.new_empty(0)) if not len(x) else _empty(x, (job.steps * job.batch, n, *shape))
    )
    _call("forward", job, x, *divisor, spikes)
    return spikes


def _empty(like: Tensor, shape: tuple[int, ...]) -> Tensor:
    layout = torch.channels_last if len(shape) == 4 else torch.contiguous_format
    return torch.empty(shape, dtype=like.dtype, memory_format=layout)


def _job(x: Tensor, channels: int, how: Firing, *, maps: int = 0) -> FusedCall:
    height, width = x.shape[2:] if x.ndim == 4 else (1, 1)
    return FusedCall(
        steps=how.steps,
        batch=len(x) if how.repeat else len(x) // how.steps,
        height=height,
        width=width,
        channels=channels,
        row=x.shape[1],
        repeat=how.repeat,
        pool=how.pool,
        threads=torch.get_num_threads(),
        maps=maps,
        decay=how.decay,
    )


def _call(name: str, job: FusedCall, *tensors: Tensor | None) -> None:
    first = tensors[0]
    assert first is not None
    function = getattr(library(), f"{name}_{NAMES[first.dtype]}")
    pointers = [ctypes.c_void_p(t.data_ptr() if t is not None else None) for t in tensors]
    function(ctypes.byref(job), *pointers)


def _packed(x: Tensor) -> Tensor:
    layout = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    return x.contiguous(memory_format=layout)
