"""Samples side by side, merged over what stands before them: time, batch, or both."""

from collections.abc import Callable

from torch import Tensor


def merged(x: Tensor, axes: int) -> Tensor:
    """Return `x` as (N, ...), of whose axes the last `axes` are a sample's."""
    return x.reshape(-1, *x.shape[x.ndim - axes :])


def over_samples(function: Callable[[Tensor], Tensor], x: Tensor, axes: int) -> Tensor:
    """Return what a function of merged samples (N, ...) makes of (..., sample), likewise."""
    out = function(merged(x, axes))
    return out.reshape(*x.shape[: x.ndim - axes], *out.shape[1:])
