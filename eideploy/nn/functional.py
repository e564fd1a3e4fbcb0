"""The arithmetic of E-I Prop, each with its own gradient as one autograd function (M5-M11)."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from eideploy.nn.products import product, product_over_rows

ALPHA = 4.0  # steepness of the surrogate
THRESHOLD = 1.0


def stabilise(shunt: Tensor) -> Tensor:
    """Replace every exact zero by the smallest positive entry of its own merged sample (M6).

    A sample without any positive entry becomes infinite, so that the current is the bias. This is
    the forward part only; `divide` gives it its gradient.

    Shapes   shunt: (T*B, n, ...), >= 0
    """
    features = tuple(range(1, shunt.ndim))
    zero = shunt == 0
    positive = shunt.masked_fill(zero, torch.inf)
    reused = None if torch.is_grad_enabled() else positive
    return torch.where(zero, positive.amin(features, keepdim=True), positive, out=reused)


def divide(balanced: Tensor, shunt: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Return the current under shunting inhibition (M5).

        I = gain * balanced / stabilise(shunt) + bias

    The gradient passes the stabilisation as if it were the identity (M10); a sample that divides by
    infinity has gradients of zero, but for the bias.

    Shapes   balanced, shunt, I: (T*B, n, ...); gain, bias: (n,)
    """
    return _Divide.apply(balanced, shunt, gain, bias)  # type: ignore[no-any-return, no-untyped-call]


def fire(current: Tensor, decay: float, *, to_zero: bool = False) -> Tensor:
    """Return the spikes of leaky integrate-and-fire neurons over all steps (M7).

        u_t = decay * v_{t-1} + I_t        z_t = u_t >= 1        v_t = u_t - z_t,   v_0 = 0

    or v_t = u_t (1 - z_t) where the reset is to zero (M20).

    The gradient (M8) takes dz/du = alpha s (1 - s), s = sigmoid(alpha (u - 1)), and none through
    the reset; it is one sweep back over the steps.

    Shapes   current I, spikes z: (T, B, ...)
    """
    return _Fire.apply(current, decay, to_zero)  # type: ignore[no-any-return, no-untyped-call]


def through_firing(
    potential: Tensor, gradient: Tensor, decay: float, *, to_zero: bool = False
) -> Tensor:
    """Return the gradient of the currents from that of the spikes (M8).

    A membrane that was reset to zero hands nothing back to what it was before.

    Shapes   potential u, gradient, result: (T, B, ...)
    """
    s = potential.mul(ALPHA).sub_(ALPHA * THRESHOLD).sigmoid_()
    # in place throughout: fresh memory costs more than the arithmetic on it
    of_current = s.addcmul_(s, s, value=-1).mul_(gradient).mul_(ALPHA)
    steps = of_current.unbind()
    for t in range(len(steps) - 2, -1, -1):
        after = steps[t + 1]
        steps[t].add_(after * (potential[t] < THRESHOLD) if to_zero else after, alpha=decay)
    return of_current


def scale_gradient(x: Tensor, scale: float) -> Tensor:
    """Return `x`, whose gradient will be multiplied by `scale` (M11).

    Being a part of the graph, it survives copying, saving and loading of a module, as a hook on a
    parameter does not.
    """
    return _ScaleGradient.apply(x, scale)  # type: ignore[no-any-return, no-untyped-call]


def fold(w_ee: Tensor, w_ie: Tensor, w_ei: Tensor) -> Tensor:
    """Return W_EE - W_EI W_IE on top of W_IE: one product gives I_EE - I_EI and s_I (M1-M3).

    Shapes   w_ee: (n_E, d...); w_ie: (n_I, d...); w_ei: (n_E, n_I); result: (n_E + n_I, d...),
             kernels in channels-last memory, which convolution runs faster on
    """
    return _Fold.apply(w_ee, w_ie, w_ei)  # type: ignore[no-any-return, no-untyped-call]


def _rows(weight: Tensor) -> Tensor:
    """Return a weight (n, d) or kernel (n, C, k, k) as (n, d), without a copy if channels-last."""
    return weight.permute(0, 2, 3, 1).flatten(1) if weight.ndim == 4 else weight


def _kernel(rows: Tensor, like: Tensor) -> Tensor:
    """Return rows (n, d) as weights shaped like `like`: the inverse of `_rows`."""
    if like.ndim == 2:
        return rows
    _, channels, height, width = like.shape
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)


class _Fold(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, w_ee: Tensor, w_ie: Tensor, w_ei: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(w_ie, w_ei)
        ee, ie = _rows(w_ee), _rows(w_ie)
        folded = torch.empty(len(ee) + len(ie), ee.shape[1], dtype=ee.dtype, device=ee.device)
        torch.sub(ee, product(w_ei, ie), out=folded[: len(ee)])
        folded[len(ee) :] = ie
        return _kernel(folded, w_ee)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        w_ie, w_ei = ctx.saved_tensors
        both = _rows(gradients[0])
        of_ee, of_ie = both[: len(w_ei)], both[len(w_ei) :]
        of_ei = product(of_ee, _rows(w_ie).t()).neg_()
        of_ie = of_ie - product_over_rows(w_ei, of_ee)
        return _kernel(of_ee, w_ie), _kernel(of_ie, w_ie), of_ei


class _Divide(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, balanced: Tensor, shunt: Tensor, gain: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        shape = (-1,) + (1,) * (balanced.ndim - 2)
        divisor = stabilise(shunt)
        ratio = balanced / divisor
        ctx.save_for_backward(ratio, divisor, gain.view(shape))
        return torch.addcmul(bias.view(shape), ratio, gain.view(shape))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        (gradient,) = gradients
        ratio, divisor, gain = ctx.saved_tensors
        others = [d for d in range(ratio.ndim) if d != 1]
        of_gain, of_bias = (gradient * ratio).sum(others), gradient.sum(others)
        of_balanced = (gradient * gain).div_(divisor)
        return of_balanced, (of_balanced * ratio).neg_(), of_gain, of_bias


class _Fire(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, current: Tensor, decay: float, to_zero: bool) -> Tensor:  # noqa: ANN401, FBT001
        potential = torch.empty_like(current)
        spikes = torch.empty_like(potential)
        before: tuple[Tensor, Tensor] | None = None
        for i, u, z in zip(current.unbind(), potential.unbind(), spikes.unbind(), strict=True):
            if before is None:
                u.copy_(i)
            else:
                left = (
                    torch.addcmul(before[0], *before, value=-1, out=u)
                    if to_zero
                    else (torch.sub(*before, out=u))
                )
                left.mul_(decay).add_(i)
            torch.ge(u, THRESHOLD, out=z)
            before = u, z
        ctx.save_for_backward(potential)
        ctx.decay, ctx.to_zero = decay, to_zero
        return spikes

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (potential,) = ctx.saved_tensors
        of_current = through_firing(potential, gradients[0], ctx.decay, to_zero=ctx.to_zero)
        return of_current, None, None


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:  # noqa: ANN401
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return gradients[0] * ctx.scale, None
