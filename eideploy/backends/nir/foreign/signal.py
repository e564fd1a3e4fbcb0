"""What flows on an edge: sums of linear maps of what neurons put out, and a constant.

A chain of linear nodes is composed into one map: a convolution where that is exact, a matrix where
it is not.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.nir.foreign.numbers import Unsupported
from eideploy.backends.nir.foreign.operations import (
    MOST_KERNEL,
    Flat,
    Matrix,
    Operation,
    Pair,
    Scaled,
    Windows,
)
from eideploy.circuit import Array, Shape

MOST_DENSE = 1 << 24  # entries of a matrix that stands for several nodes
AT_ONCE = 64  # columns of it


@dataclass(frozen=True, eq=False)
class Taps:
    """A convolution of maps: kernel (n, channels, kh, kw), output (n, *out)."""

    kernel: Array
    stride: Pair
    before: Pair
    out: Pair

    @property
    def is_pointwise(self) -> bool:
        """Whether it reads one position for each of its own."""
        return self.kernel.shape[2:] == (1, 1) and self.before == (0, 0)


@dataclass(frozen=True, eq=False)
class Map:
    """A linear map from a source of shape `of` to a signal of shape `to`, times a factor.

    It is a convolution, or a matrix (entries of `to`, entries of `of`); or hands the source on.
    """

    of: Shape
    to: Shape
    taps: Taps | None = None
    matrix: Array | None = None
    factor: float = 1.0

    @property
    def hands_on(self) -> bool:
        """Whether it is the source times a factor, maybe in another shape."""
        return self.taps is None and self.matrix is None

    def convolution(self) -> Taps | None:
        """Return it as a convolution, with the factor; None where it is none."""
        if self.taps is not None:
            return replace(self.taps, kernel=self.taps.kernel * self.factor)
        if self.matrix is not None or len(self.of) != 3:
            return None
        one = np.eye(self.of[0])[:, :, None, None] * self.factor
        return Taps(one, (1, 1), (0, 0), (self.of[1], self.of[2]))

    def dense(self) -> Array:
        """Return it as a matrix (entries of `to`, entries of `of`), with the factor.

        Raises:
            Unsupported: it would be too large.
        """
        rows, columns = int(np.prod(self.to)), int(np.prod(self.of))
        if rows * columns > MOST_DENSE:
            raise Unsupported(
                f"is no one convolution with what stands before it, and as a matrix {rows} x "
                f"{columns}, of {MOST_DENSE} entries at most",
                "put neurons between convolutions that pad their inputs",
            )
        if self.matrix is not None:
            return self.matrix * self.factor
        if self.taps is None:
            return np.eye(columns) * self.factor
        whole, one = np.empty((rows, columns)), _as_windows(self.taps, self.of)
        for start in range(0, columns, AT_ONCE):
            stop = min(start + AT_ONCE, columns)
            basis = np.zeros((stop - start, columns))
            basis[np.arange(stop - start), np.arange(start, stop)] = self.factor
            whole[:, start:stop] = (
                one.linear(basis.reshape(-1, *self.of)).reshape(stop - start, rows).T
            )
        return whole

    def then(self, op: Operation) -> "Map":
        """Return the map followed by the linear part of an operation.

        Raises:
            Unsupported: they do not fit, or would become too large.
        """
        to = op.shape(self.to)
        match op:
            case Flat():
                return replace(self, to=to)
            case Scaled(scale=scale) if (scale == scale.flat[0]).all():
                return replace(self, to=to, factor=self.factor * float(scale.flat[0]))
            case Scaled(scale=scale) if self._is_by_channel(scale):
                return self._times(scale.reshape(self.to[0], -1)[:, 0])
            case Matrix(weight=weight) if self.hands_on:
                return replace(self, to=to, matrix=weight)
            case Windows() if (taps := self._composed(op, to)) is not None:
                return replace(self, to=to, taps=taps)
        rows = self.dense().T.reshape(-1, *self.to)
        if rows.shape[0] * int(np.prod(to)) > MOST_DENSE:
            raise Unsupported(f"would become a matrix of {int(np.prod(to))} x {rows.shape[0]}")
        parts = [op.linear(rows[i : i + AT_ONCE]) for i in range(0, len(rows), AT_ONCE)]
        whole = np.concatenate(parts).reshape(len(rows), -1).T
        return Map(self.of, to, matrix=np.ascontiguousarray(whole))

    def _is_by_channel(self, scale: Array) -> bool:
        taps = self.convolution()
        if taps is None or len(self.to) < 2:
            return False
        rows = scale.reshape(self.to[0], -1)
        return bool((rows == rows[:, :1]).all())

    def _times(self, rows: Array) -> "Map":
        taps = self.convolution()
        assert taps is not None
        scaled = replace(taps, kernel=taps.kernel * rows[:, None, None, None])
        return Map(self.of, self.to, taps=scaled)

    def _composed(self, op: Windows, to: Shape) -> Taps | None:
        """Return one convolution, where that gives the same at the borders, too."""
        first = self.taps
        is_line = len(self.to) == 2
        if self.matrix is not None or len(self.of) != 3 or not (is_line or len(self.to) == 3):
            return None
        out: Pair = (1, to[1]) if is_line else (to[1], to[2])
        kernel = op.kernels(self.to[0])
        if first is None:
            if is_line and self.of[1] != 1:
                return None
            return Taps(kernel, op.stride, op.padding, out)
        if not (first.is_pointwise or (op.padding == op.after == (0, 0))):
            return None  # what the first one makes of its border is no zero
        (down, across), own = first.stride, first.kernel
        height, width = kernel.shape[2:]
        tall = own.shape[2] + (height - 1) * down
        wide = own.shape[3] + (width - 1) * across
        if max(tall, wide) > MOST_KERNEL:
            return None
        whole = np.zeros((len(kernel), own.shape[1], tall, wide))
        for i in range(height):
            for j in range(width):
                top, left = i * down, j * across
                whole[:, :, top : top + own.shape[2], left : left + own.shape[3]] += np.tensordot(
                    kernel[:, :, i, j], own, axes=(1, 0)
                )
        return Taps(
            whole,
            (down * op.stride[0], across * op.stride[1]),
            (first.before[0] + op.padding[0] * down, first.before[1] + op.padding[1] * across),
            out,
        )

    def plus(self, other: "Map") -> "Map":
        """Return the sum of two maps of one source."""
        if self.hands_on and other.hands_on:
            return replace(self, factor=self.factor + other.factor)
        one, two = self.convolution(), other.convolution()
        if one is not None and two is not None and _alike(one, two):
            return Map(self.of, self.to, taps=replace(one, kernel=one.kernel + two.kernel))
        return Map(self.of, self.to, matrix=self.dense() + other.dense())


def _alike(one: Taps, two: Taps) -> bool:
    return one.kernel.shape == two.kernel.shape and (one.stride, one.before, one.out) == (
        two.stride,
        two.before,
        two.out,
    )


def _as_windows(taps: Taps, of: Shape) -> Windows:
    """Return a convolution with the padding behind that gives its output's size."""
    sides = zip(of[1:], taps.kernel.shape[2:], taps.stride, taps.before, taps.out, strict=True)
    after = [max((out - 1) * s + k - n - b, 0) for n, k, s, b, out in sides]
    return _Cut(taps.kernel, taps.stride, taps.before, (after[0], after[1]), out=taps.out)


@dataclass(frozen=True, eq=False)
class _Cut(Windows):
    """Windows of which only the first `out` are taken."""

    out: Pair = (1, 1)

    def linear(self, x: Array) -> Array:
        return super().linear(x)[:, :, : self.out[0], : self.out[1]]


@dataclass(frozen=True)
class Source:
    """A node of the circuit that is read, maybe one step late."""

    name: str
    late: bool = False


@dataclass(frozen=True, eq=False)
class Signal:
    """A sum of maps of sources, and what is added to it, of the signal's shape."""

    shape: Shape
    terms: Mapping[Source, Map]
    bias: Array

    def then(self, op: Operation) -> "Signal":
        """Return the signal behind an operation.

        Raises:
            Unsupported: as of a map.
        """
        shape = op.shape(self.shape)
        bias = op.linear(self.bias[None])[0]
        if op.bias is not None:
            bias = bias + op.bias
        terms = {source: one.then(op) for source, one in self.terms.items()}
        return Signal(shape, terms, bias)

    def late(self) -> "Signal":
        """Return the signal of the step before; its constant stays."""
        terms = {replace(source, late=True): one for source, one in self.terms.items()}
        return replace(self, terms=terms)

    @property
    def only(self) -> tuple[Source, Map] | None:
        """The one source, where it is handed on as it is, times a factor; None else."""
        if len(self.terms) != 1 or self.bias.any():
            return None
        ((source, one),) = self.terms.items()
        return (source, one) if one.hands_on else None


def of_source(name: str, of: Shape, to: Shape | None = None) -> Signal:
    """Return the signal that a node of the circuit puts out, of shape `of`, read as `to`."""
    to = of if to is None else to
    return Signal(to, {Source(name): Map(of, to)}, np.zeros(to))


def total(signals: Iterable[Signal]) -> Signal:
    """Return the sum of signals.

    Raises:
        Unsupported: of different shapes.
    """
    first, *others = signals
    terms, bias = dict(first.terms), first.bias
    for other in others:
        if other.shape != first.shape:
            raise Unsupported(f"sums signals of shape {first.shape} and {other.shape}")
        bias = bias + other.bias
        for source, one in other.terms.items():
            terms[source] = terms[source].plus(one) if source in terms else one
    return Signal(first.shape, terms, bias)


@dataclass(frozen=True, eq=False)
class Square:
    """Convolutions that one layer computes: square kernels of one stride and one padding."""

    kernels: tuple[Array, ...]
    stride: int
    padding: int


def squared(taps: Iterable[tuple[Taps, Shape]]) -> Square | None:
    """Return convolutions of maps of given shapes with zeros around their kernels.

    The zeros make kernels square and alike, and paddings the same; None where none do.
    """
    convolutions = list(taps)
    strides = {
        stride
        for one, _ in convolutions
        for stride, out in zip(one.stride, one.out, strict=True)
        if out > 1
    }
    if len(strides) > 1:
        return None
    stride = strides.pop() if strides else 1
    for side in range(1, MOST_KERNEL + 1):
        for padding in range(side):
            if all(_fits(axis, side, padding, stride) for axis in _axes(convolutions)):
                kernels = tuple(_around(one, side, padding) for one, _ in convolutions)
                return Square(kernels, stride, padding)
    return None


def _axes(convolutions: list[tuple[Taps, Shape]]) -> Iterator[tuple[int, int, int, int]]:
    for one, of in convolutions:
        yield from zip(of[1:], one.kernel.shape[2:], one.before, one.out, strict=True)


def _fits(axis: tuple[int, int, int, int], side: int, padding: int, stride: int) -> bool:
    size, kernel, before, out = axis
    lead = padding - before
    if lead < 0 or lead + kernel > side:
        return False
    return (size + 2 * padding - side) // stride + 1 == out


def _around(one: Taps, side: int, padding: int) -> Array:
    n, channels, height, width = one.kernel.shape
    top, left = padding - one.before[0], padding - one.before[1]
    whole = np.zeros((n, channels, side, side))
    whole[:, :, top : top + height, left : left + width] = one.kernel
    return whole
