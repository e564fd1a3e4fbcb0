"""The linear nodes of NIR as operations on arrays: x (B, ...) to A x + bias (B, ...)."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from eideploy.backends.nir.foreign.file import Fields
from eideploy.backends.nir.foreign.numbers import Unsupported, field, number
from eideploy.circuit import Array, Shape

MOST_KERNEL = 64
MOST_SIDE = 1 << 20
MOST_PLANE = 1 << 24  # entries of an image with its padding
Pair = tuple[int, int]


class Operation(ABC):
    """One linear node."""

    @abstractmethod
    def shape(self, of: Shape) -> Shape:
        """Return the shape of the output for inputs of shape `of`.

        Raises:
            Unsupported: it does not take such inputs.
        """

    @abstractmethod
    def linear(self, x: Array) -> Array:
        """Return A x, of x (B, *shape)."""

    @property
    def bias(self) -> Array | None:
        """What is added to A x, in a shape that stretches to that of the output."""
        return None


@dataclass(frozen=True, eq=False)
class Matrix(Operation):
    """Linear and Affine: weight (n, m), of the last axis; what lies before that must be one."""

    weight: Array
    added: Array | None = None

    def shape(self, of: Shape) -> Shape:
        """Return (n,)."""
        n, m = self.weight.shape
        if of != (m,):
            raise Unsupported(f"takes {m} inputs and reads a signal of shape {of}")
        return (n,)

    def linear(self, x: Array) -> Array:
        """Return W x."""
        return x @ self.weight.T

    @property
    def bias(self) -> Array | None:
        """The bias, (n,)."""
        return self.added


@dataclass(frozen=True, eq=False)
class Scaled(Operation):
    """Scale: every entry times its own number, or all by one."""

    scale: Array

    def shape(self, of: Shape) -> Shape:
        """Return the shape of the input."""
        if self.scale.size not in (1, int(np.prod(of))):
            raise Unsupported(f"scales {self.scale.size} entries and reads a signal of shape {of}")
        return of

    def linear(self, x: Array) -> Array:
        """Return scale x."""
        one = self.scale.size == 1
        return x * (float(self.scale.ravel()[0]) if one else self.scale.reshape(x.shape[1:]))


@dataclass(frozen=True, eq=False)
class Flat(Operation):
    """Flatten: (channels, height, width) to one axis."""

    def shape(self, of: Shape) -> Shape:
        """Return (features,)."""
        return (int(np.prod(of)),)

    def linear(self, x: Array) -> Array:
        """Return x in another shape."""
        return x.reshape(len(x), -1)


@dataclass(frozen=True, eq=False)
class Windows(Operation):
    """Conv1d, Conv2d and pools: kernel (n, channels, kh, kw) over maps.

    stride, padding  of height and width; the padding before the first row and column
    after            the padding behind the last ones
    each             whether the kernel, (1, 1, kh, kw), goes over every channel by itself
    is_line          whether the maps are lines (channels, length), of height one
    """

    kernel: Array
    stride: Pair
    padding: Pair
    after: Pair
    added: Array | None = None
    each: bool = False
    is_line: bool = False

    def shape(self, of: Shape) -> Shape:
        """Return (n, height, width), or (n, length)."""
        n, channels = self.kernel.shape[:2]
        if len(of) != (2 if self.is_line else 3) or (not self.each and of[0] != channels):
            kind = "lines" if self.is_line else "maps"
            of_them = "" if self.each else f" of {channels} channels"
            raise Unsupported(f"takes {kind}{of_them} and reads a signal of shape {of}")
        sides = (1, of[1]) if self.is_line else of[1:]
        padded = [a + b + c for a, b, c in zip(sides, self.padding, self.after, strict=True)]
        if padded[0] * padded[1] > MOST_PLANE:
            raise Unsupported(f"has a padding of {self.padding} on maps of {of}")
        out = [
            (whole - kernel) // stride + 1
            for whole, kernel, stride in zip(
                padded, self.kernel.shape[2:], self.stride, strict=True
            )
        ]
        if min(out) < 1:
            raise Unsupported(f"has windows of {self.kernel.shape[2:]} and reads maps of {of}")
        return (of[0] if self.each else n, *(out[1:] if self.is_line else out))

    def linear(self, x: Array) -> Array:
        """Return the sums over windows."""
        maps = x[:, :, None] if self.is_line else x
        pads = tuple(zip(self.padding, self.after, strict=True))
        padded = np.pad(maps, ((0, 0), (0, 0), *pads))
        size: Pair = (self.kernel.shape[2], self.kernel.shape[3])
        windows = sliding_window_view(padded, size, axis=(2, 3))
        strided = windows[:, :, :: self.stride[0], :: self.stride[1]]
        if self.each:
            y = np.tensordot(strided, self.kernel[0, 0], axes=((4, 5), (0, 1)))
        else:
            y = np.tensordot(strided, self.kernel, axes=((1, 4, 5), (1, 2, 3)))
            y = np.moveaxis(y, 3, 1)
        return y[:, :, 0] if self.is_line else y

    @property
    def bias(self) -> Array | None:
        """The bias of every channel."""
        if self.added is None:
            return None
        return self.added.reshape(-1, *(1,) * (1 if self.is_line else 2))

    def kernels(self, channels: int) -> Array:
        """Return the kernel (n, channels, kh, kw) for maps of so many channels."""
        if not self.each:
            return self.kernel
        return np.eye(channels)[:, :, None, None] * self.kernel


def operation(node: Fields) -> Operation:
    """Return what a linear node does.

    Raises:
        Unsupported: with the reason.
    """
    return OPERATIONS[node["type"]](node)


def _matrix(node: Fields) -> Operation:
    weight, bias = _weights(node, axes=2)
    return Matrix(weight, bias)


def _scale(node: Fields) -> Operation:
    scale = field(node, "scale")
    if not np.isfinite(scale).all():
        raise Unsupported("has a scale that is not finite")
    return Scaled(scale)


def _flatten(node: Fields) -> Operation:
    first, last = (int(number(node.get(n, d), n)) for n, d in (("start_dim", 0), ("end_dim", -1)))
    if first != 0 or last not in (-1, 2, 1, 0):
        # of maps (channels, height, width); nir counts without the batch
        raise Unsupported(f"flattens axes {first} to {last}, must be all of them")
    return Flat()


def _conv(node: Fields, *, is_line: bool) -> Operation:
    kernel, bias = _weights(node, axes=3 if is_line else 4)
    if is_line:
        kernel = kernel[:, :, None]
    groups = pair(node, "groups")[0]
    stride, dilation = (_of_line(pair(node, n), is_line=is_line) for n in ("stride", "dilation"))
    if min(stride) < 1:
        raise Unsupported(f"has a stride of {stride}")
    spread = _spread(_ungrouped(kernel, groups), dilation)
    before, after = _padding(node, spread, stride, is_line=is_line)
    return Windows(spread, stride, before, after, bias, is_line=is_line)


def _pool(node: Fields, *, adds: bool) -> Operation:
    size, stride, padding = (pair(node, name) for name in ("kernel_size", "stride", "padding"))
    if not (min(size) >= 1 and max(size) <= MOST_KERNEL):
        raise Unsupported(f"pools windows of {size}")
    if min(stride) < 1:
        raise Unsupported(f"has a stride of {stride}")
    if min(padding) < 0 or any(p >= k for p, k in zip(padding, size, strict=True)):
        raise Unsupported(f"pools windows of {size} with a padding of {padding}")
    each = np.ones((1, 1, *size)) if adds else np.full((1, 1, *size), 1 / (size[0] * size[1]))
    return Windows(each, stride, padding, padding, each=True)


def _weights(node: Fields, *, axes: int) -> tuple[Array, Array | None]:
    weight = field(node, "weight")
    bias = field(node, "bias") if "bias" in node else np.zeros(len(weight))
    if bias.size == 1 and len(weight) == 1:
        bias = bias.reshape(1)
    if weight.ndim != axes or bias.shape != weight.shape[:1]:
        raise Unsupported(f"has weights of shape {weight.shape} and a bias of {bias.shape}")
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise Unsupported("has weights that are not finite numbers")
    return weight, bias if bias.any() else None


def pair(node: Fields, name: str) -> Pair:
    """Return a field as two whole numbers, of height and width."""
    value = field(node, name).ravel()
    if value.size not in (1, 2) or not (np.abs(value) < MOST_SIDE).all() or (value % 1).any():
        raise Unsupported(f"has a {name} of {node[name]}")
    return int(value[0]), int(value[-1])


def _of_line(sizes: Pair, *, is_line: bool) -> Pair:
    return (1, sizes[1]) if is_line else sizes


def _padding(node: Fields, kernel: Array, stride: Pair, *, is_line: bool) -> tuple[Pair, Pair]:
    """Return the padding before and behind; "same" puts what is odd behind, as PyTorch does."""
    entry = node.get("padding")
    if isinstance(entry, str) and entry in ("valid", "same"):
        if entry == "valid":
            return (0, 0), (0, 0)
        if stride != (1, 1):
            raise Unsupported('has padding "same" and a stride')
        whole = [size - 1 for size in kernel.shape[2:]]
        before = whole[0] // 2, whole[1] // 2
        return before, (whole[0] - before[0], whole[1] - before[1])
    zeros = pair(node, "padding")
    if min(zeros) < 0:
        raise Unsupported(f"has a padding of {zeros}")
    zeros = (0, zeros[1]) if is_line else zeros
    return zeros, zeros


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


def _spread(weight: Array, dilation: Pair) -> Array:
    """Return a kernel with the zeros that dilation leaves between its taps."""
    down, across = dilation
    height, width = weight.shape[2:]
    tall, wide = down * (height - 1) + 1, across * (width - 1) + 1
    if min(down, across) < 1 or max(tall, wide) > MOST_KERNEL:
        raise Unsupported(f"has windows of {tall} x {wide}, of {MOST_KERNEL} at most")
    whole = np.zeros((*weight.shape[:2], tall, wide))
    whole[:, :, ::down, ::across] = weight
    return whole


class _Kinds:
    LINEAR: ClassVar[dict[str, Callable[[Fields], Operation]]] = {
        "Linear": _matrix,
        "Affine": _matrix,
        "Scale": _scale,
        "Flatten": _flatten,
        "Conv1d": lambda node: _conv(node, is_line=True),
        "Conv2d": lambda node: _conv(node, is_line=False),
        "AvgPool2d": lambda node: _pool(node, adds=False),
        "SumPool2d": lambda node: _pool(node, adds=True),
    }


OPERATIONS = _Kinds.LINEAR
