"""Matrix products over rows, by whichever of torch's libraries is the faster.

On the CPU torch multiplies float32 matrices by its BLAS, mostly MKL, which keeps to half the vector
width on processors of another maker. Its convolutions run by oneDNN, which does not: a convolution
with a kernel of 1x1 is the same product at up to twice the speed (`benchmarks/train_speed.md`).
"""

import torch
from torch import Tensor
from torch.nn.grad import conv2d_weight

SAMPLES = 16  # the fewest with which torch leaves a convolution of 1x1 to oneDNN on one thread
WORTH = 1 << 22  # multiplications from which on the detour pays


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return a b, in the type of `a` whatever autocast says.

    Shapes   a: (m, k); b: (k, n); result: (m, n)
    """
    b = b.to(a.dtype)
    with torch.autocast(a.device.type, enabled=False):
        if not _convolves(a, b.shape[1]):
            return a @ b
        return torch.conv2d(_image(a), b.t()[:, :, None, None]).permute(0, 2, 3, 1).flatten(0, 2)


def product_over_rows(a: Tensor, b: Tensor) -> Tensor:
    """Return the transpose of a, times b, in the type of `a`: a weight's gradient from its rows.

    Shapes   a: (rows, m); b: (rows, n); result: (m, n)
    """
    m, n = a.shape[1], b.shape[1]
    b = b.to(a.dtype)
    with torch.autocast(a.device.type, enabled=False):
        if not _convolves(a, n):
            return a.t() @ b
        gradient: Tensor = conv2d_weight(_image(b), (m, n, 1, 1), _image(a))  # type: ignore[no-untyped-call]
        return gradient.view(m, n)


def _convolves(a: Tensor, n: int) -> bool:
    return (
        a.device.type == "cpu"
        and a.dtype == torch.float32
        and len(a) % SAMPLES == 0
        and a.numel() * n >= WORTH
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    )


def _image(rows: Tensor) -> Tensor:
    """View rows (m, k) as images (16, k, m / 16, 1) in channels-last memory."""
    return rows.view(SAMPLES, -1, 1, rows.shape[1]).permute(0, 3, 1, 2)
