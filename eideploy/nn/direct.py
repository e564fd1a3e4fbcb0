"""Convolutions: torch's, and those that leave an exact 0 wherever nothing arrives (M6).

A library may convolve by Winograd or FFT, which leave rounding errors of the largest input where
all is 0, and cuDNN cannot be kept from either. A matrix product only adds products: of numbers >= 0
the sum is 0 exactly where every product is, and never below, in any order.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d, pad
from torch.nn.grad import conv2d_input, conv2d_weight


def sums_directly(device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether torch's own convolutions there only add products.

    On the CPU oneDNN does, as torch asks it to, and so does what torch has for float64; NNPACK,
    which it takes for float32 without oneDNN, does not.
    """
    mkldnn = torch.backends.mkldnn
    has_onednn = bool(mkldnn.is_available() and mkldnn.enabled)  # type: ignore[no-untyped-call]
    return device.type == "cpu" and (dtype == torch.float64 or has_onednn)


def convolution(x: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
    """Return torch's convolution, but for a strided one of 1x1, which takes its entries first.

    With AVX2 the gradients of oneDNN 3.12 write beyond their memory there.

    Shapes   x: (N, C, H, W); weight: (n, C, k, k); result: (N, n, H', W')
    """
    if weight.shape[-1] == 1 and padding == 0:
        x, stride = x[:, :, ::stride, ::stride], 1
    return conv2d(x, weight, None, stride, padding)


class Convolution(nn.Conv2d):
    """A square convolution without a bias, by `convolution`."""

    def __init__(
        self, channels: int, n: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__(channels, n, kernel, stride, padding, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sums, (N, n, H', W')."""
        stride, padding = self.stride[0], int(self.padding[0])
        return convolution(x, self.weight, stride=stride, padding=padding)


def convolved(x: Tensor, weight: Tensor, *, stride: int, padding: int) -> Tensor:
    """Return the convolution, adding only products.

    Shapes   x: (N, C, H, W); weight: (n, C, k, k); result: (N, n, H', W')
    """
    if sums_directly(x.device, x.dtype):
        return convolution(x, weight, stride=stride, padding=padding)
    return _Convolved.apply(x, weight, stride, padding)  # type: ignore[no-any-return, no-untyped-call]


class _Convolved(torch.autograd.Function):
    """One matrix product for each place of the kernel; gradients may come from any algorithm."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        ctx.how = stride, padding
        kernel = weight.shape[-1]
        with torch.autocast(x.device.type, enabled=False):
            padded = pad(x, [padding] * 4).permute(0, 2, 3, 1)
            high, wide = (stride * ((s - kernel) // stride) + 1 for s in padded.shape[1:3])
            taps = weight.to(x.dtype).permute(2, 3, 1, 0).flatten(0, 1)
            places = [divmod(tap, kernel) for tap in range(kernel * kernel)]
            views = [
                padded[:, row : row + high : stride, column : column + wide : stride]
                for row, column in places
            ]
            total = views[0] @ taps[0]
            for part, tap in zip(views[1:], taps[1:], strict=True):
                total += part @ tap
        return total.permute(0, 3, 1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        stride, padding = ctx.how
        gradient = gradients[0].to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):
            of_x = conv2d_input(x.shape, weight.to(x.dtype), gradient, stride, padding)  # type: ignore[no-untyped-call]
            of_weight = conv2d_weight(x, weight.shape, gradient, stride, padding)  # type: ignore[no-untyped-call]
        return of_x, of_weight.to(weight.dtype), None, None
