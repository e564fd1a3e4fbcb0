"""Linear, Conv2d and pooling nodes of NIR as matrices and square kernels."""

from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.nir.foreign.file import Fields
from eideploy.backends.nir.foreign.neurons import Unsupported, field
from eideploy.circuit import Array, Conv, Shape

MOST_KERNEL = 64
MOST_NUMBER = 1e30


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """I = weight x + bias: weight (n, m) or (n, channels, k, k), bias (n,)."""

    weight: Array
    bias: Array
    stride: int = 1
    padding: int = 0

    def shape(self, of: Shape) -> Shape:
        """Return the shape of I for inputs of shape `of`.

        Raises:
            Unsupported: it does not take such inputs.
        """
        n, m, *kernel = self.weight.shape
        if not kernel:
            if of != (m,):
                raise Unsupported(f"takes {m} inputs and reads a signal of shape {of}")
            return (n,)
        if len(of) != 3 or of[0] != m:
            raise Unsupported(f"takes maps of {m} channels and reads a signal of shape {of}")
        at = Conv(stride=self.stride, padding=self.padding)
        out = [at.windows(size, kernel[0]) for size in of[1:]]
        if min(out) < 1:
            raise Unsupported(f"has windows of {kernel[0]} and reads maps of {of}")
        return n, out[0], out[1]

    def times(self, rows: Array) -> "Weights":
        """Return the weights with I of every neuron or channel times `rows`, (n,) or (1,)."""
        column = rows.reshape(-1, *(1,) * (self.weight.ndim - 1))
        return replace(self, weight=self.weight * column, bias=self.bias * rows)


def require_moderate(w: Weights, threshold: float = 1.0) -> None:
    """Refuse numbers whose products overflow somewhere further on.

    Raises:
        Unsupported: naming the largest.
    """
    largest = max(float(np.abs(a).max(initial=0)) for a in (w.weight, w.bias))
    if not (largest <= MOST_NUMBER and 1 / MOST_NUMBER <= threshold <= MOST_NUMBER):
        raise Unsupported(
            f"weights and biases reach {largest:g} at a threshold of {threshold:g}, with r in them"
        )


def identity(shape: Shape) -> Weights:
    """Return weights that hand a signal on, neuron by neuron or channel by channel."""
    one = np.eye(shape[0])
    return Weights(
        weight=one if len(shape) == 1 else one[:, :, None, None], bias=np.zeros(shape[0])
    )


def weights(node: Fields) -> Weights:
    """Return the weights of a Linear, Affine or Conv2d node.

    Raises:
        Unsupported: with the reason.
    """
    weight = field(node, "weight")
    bias = field(node, "bias") if "bias" in node else np.zeros(len(weight))
    is_conv = node["type"] == "Conv2d"
    if weight.ndim != (4 if is_conv else 2) or bias.shape != weight.shape[:1]:
        raise Unsupported(f"has weights of shape {weight.shape} and a bias of {bias.shape}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise Unsupported("has weights that are not finite numbers")
    if not is_conv:
        return Weights(weight=weight, bias=bias)
    stride = pair(node, "stride")
    if stride[0] != stride[1] or stride[0] < 1:
        raise Unsupported(f"has a stride of {stride}, must be the same in height and width")
    dense = _spread(_ungrouped(weight, pair(node, "groups")[0]), node)
    squared, padding = _squared(dense, _padding(node, dense, stride))
    return Weights(weight=squared, bias=bias, stride=stride[0], padding=padding)


def pooling(node: Fields) -> tuple[int, int]:
    """Return side and stride of a pool's window.

    Raises:
        Unsupported: not square, or padded.
    """
    kernel, stride = pair(node, "kernel_size"), pair(node, "stride")
    if kernel[0] != kernel[1] or stride[0] != stride[1] or not 1 <= kernel[0] <= MOST_KERNEL:
        raise Unsupported(f"pools windows of {kernel}, {stride} apart: must be square")
    if any(pair(node, "padding")):
        raise Unsupported("pools with padding")
    if stride[0] < 1:
        raise Unsupported(f"has a stride of {stride[0]}")
    return kernel[0], stride[0]


def pooled(conv: Weights, kernel: int, stride: int) -> Weights:
    """Return the convolution whose output is that of `conv`, averaged over windows."""
    n, channels, k, _ = conv.weight.shape
    side = k + (kernel - 1) * conv.stride
    total = np.zeros((n, channels, side, side))
    for i in range(kernel):
        for j in range(kernel):
            at, by = i * conv.stride, j * conv.stride
            total[:, :, at : at + k, by : by + k] += conv.weight
    return replace(conv, weight=total / kernel**2, stride=conv.stride * stride)


def pair(node: Fields, name: str) -> tuple[int, int]:
    """Return a field as two whole numbers, of height and width."""
    value = field(node, name).ravel()
    if value.size not in (1, 2) or not (np.abs(value) < 1 << 20).all() or (value % 1).any():
        raise Unsupported(f"has a {name} of {node[name]}")
    return int(value[0]), int(value[-1])


def _padding(node: Fields, kernel: Array, stride: tuple[int, int]) -> tuple[int, int]:
    said = node.get("padding")
    if isinstance(said, str) and said == "valid":
        return 0, 0
    if not (isinstance(said, str) and said == "same"):
        found = pair(node, "padding")
        if min(found) < 0:
            raise Unsupported(f"has a padding of {found}")
        return found
    height, width = kernel.shape[2:]
    if height % 2 == 0 or width % 2 == 0 or stride != (1, 1):
        raise Unsupported('has padding "same" with a kernel of even size, or a stride')
    return height // 2, width // 2


def _ungrouped(weight: Array, groups: int) -> Array:
    """Return (n, channels / groups, ..) as (n, channels, ..), zero between groups."""
    n, own = weight.shape[:2]
    if groups == 1:
        return weight
    if groups < 1 or n % groups or own * groups > 1 << 16:
        raise Unsupported(f"has {groups} groups of {n} channels")
    whole = np.zeros((n, own * groups, *weight.shape[2:]))
    each = n // groups
    for g in range(groups):
        whole[g * each : (g + 1) * each, g * own : (g + 1) * own] = weight[
            g * each : (g + 1) * each
        ]
    return whole


def _spread(weight: Array, node: Fields) -> Array:
    """Return a kernel with the zeros that dilation leaves between its taps."""
    down, across = pair(node, "dilation")
    height, width = weight.shape[2:]
    tall, wide = down * (height - 1) + 1, across * (width - 1) + 1
    if min(down, across) < 1 or max(tall, wide) > MOST_KERNEL:
        raise Unsupported(f"has windows of {tall} x {wide}, of {MOST_KERNEL} at most")
    whole = np.zeros((*weight.shape[:2], tall, wide))
    whole[:, :, ::down, ::across] = weight
    return whole


def _squared(weight: Array, padding: tuple[int, int]) -> tuple[Array, int]:
    """Return a square kernel and one padding that give the same, by zeros around the kernel."""
    height, width = weight.shape[2:]
    side = max(height, width)
    rows, columns = side - height, side - width
    above, left = rows // 2 + padding[0], columns // 2 + padding[1]
    if rows % 2 or columns % 2 or above != left:
        raise Unsupported(f"has a kernel of {height} x {width} with a padding of {padding}")
    if above >= side:
        raise Unsupported(f"has a padding of {padding}, wider than its kernel")
    whole = np.zeros((*weight.shape[:2], side, side))
    whole[:, :, rows // 2 : rows // 2 + height, columns // 2 : columns // 2 + width] = weight
    return whole, above
