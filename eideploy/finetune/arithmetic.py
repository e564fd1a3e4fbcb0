"""The integers' arithmetic with gradients that pass rounding as if it were not there.

Values are whole numbers in floating point, exact as all of them lie below 2^53. Gradients are those
of the float network (M8, M10) at what the integers stand for.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from eideploy.circuit import Layer
from eideploy.execute.integer import divided
from eideploy.neurons import IntegerLIF
from eideploy.nn.functional import through_firing


def whole(levels: Any, exact: Tensor) -> Tensor:  # noqa: ANN401 (an array)
    """Return `levels`, with the gradient of `exact`, which they were rounded from."""
    value = torch.as_tensor(np.asarray(levels, np.float64), dtype=exact.dtype).view(exact.shape)
    return _Whole.apply(exact, value)  # type: ignore[no-any-return, no-untyped-call]


def quotient(num: Tensor, den: Tensor, node: Layer) -> Tensor:
    """Return the divided current c of a layer, in membrane LSB (A6..A8).

    Shapes   num, den, c: (T, B, n_E, ...), T = 1 where a still image is shown
    """
    return _Quotient.apply(num, den, node)  # type: ignore[no-any-return, no-untyped-call]


def fire(current: Tensor, threshold: Tensor, model: IntegerLIF, steps: int) -> Tensor:
    """Return the spikes of integer LIF neurons (A10), with the surrogate gradient (M8).

    Shapes   current: (T or 1, B, n, ...), whole; threshold: (n, 1, ...), whole; spikes: (T, B, ...)
    """
    relative = (current / threshold).expand(steps, *current.shape[1:])
    whole_current = current.detach().expand_as(relative)
    return _Fire.apply(relative, whole_current, threshold.detach(), model)  # type: ignore[no-any-return, no-untyped-call]


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, exact: Tensor, value: Tensor) -> Tensor:  # noqa: ANN401
        del ctx, exact
        return value

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        del ctx
        return gradients[0], None


class _Quotient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, num: Tensor, den: Tensor, node: Layer) -> Tensor:  # noqa: ANN401
        rows = [t.flatten(3).transpose(2, 3) if t.ndim > 3 else t[:, :, None] for t in (num, den)]
        integers = [r.contiguous().numpy().astype(np.int64) for r in rows]
        c = torch.from_numpy(divided(node, *integers)[0].astype(np.float64))
        ctx.save_for_backward(num, den)
        ctx.node = node
        return c.transpose(2, 3).reshape(num.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:  # noqa: ANN401
        num, den = ctx.saved_tensors
        channel = (-1, *(1,) * (num.ndim - 3))
        scale = torch.from_numpy(2.0**ctx.node.integer_current.fraction).view(channel)
        other = ctx.node.division.divider.instead(ctx.node.integer_current.constant)
        if other is not None:
            of_num = gradients[0] * scale / torch.from_numpy(other.copy()).view(channel)
            return of_num, torch.zeros_like(den), None
        divisor = _stabilised(den, ctx.node, channel)
        of_num = gradients[0] * scale / divisor
        return of_num, -of_num * num / divisor, None


def _stabilised(den: Tensor, node: Layer, channel: tuple[int, ...]) -> Tensor:
    """Return what DEN is divided by, the neighbours' unit undone; infinity where there is none."""
    zero = den == 0
    within = tuple(range(2, den.ndim))
    if node.division.zero_policy == "minimum":
        align = torch.from_numpy(2.0**node.integer_current.align).view(channel)
        least = (den * align).masked_fill(zero, torch.inf).amin(within, keepdim=True)
        return torch.where(zero, least / align, den)
    floor = torch.from_numpy(node.integer_current.floor.astype(np.float64)).view(channel)
    silent = zero.all(2, keepdim=True) if den.ndim == 3 else zero.flatten(2).all(2)
    silent = silent.view(*den.shape[:2], *(1,) * (den.ndim - 2))
    return torch.where(zero, floor, den).masked_fill(silent, torch.inf)


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        relative: Tensor,
        current: Tensor,
        threshold: Tensor,
        model: IntegerLIF,
    ) -> Tensor:
        top = float((1 << (model.membrane_bits - 1)) - 1)
        potentials, spikes = torch.empty_like(relative), torch.empty_like(relative)
        v = torch.zeros_like(relative[0])
        for i, u, z in zip(current, potentials, spikes, strict=True):
            membrane = (v - torch.floor(v / (1 << model.leak)) + i).clamp(-top - 1, top)
            torch.ge(membrane, threshold, out=z)
            v = membrane - (membrane if model.reset == "zero" else threshold) * z
            torch.div(membrane, threshold, out=u)
        ctx.save_for_backward(potentials)
        ctx.decay, ctx.to_zero = 1 - 2.0**-model.leak, model.reset == "zero"
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        (potentials,) = ctx.saved_tensors
        of_current = through_firing(potentials, gradients[0], ctx.decay, to_zero=ctx.to_zero)
        return of_current, None, None, None
