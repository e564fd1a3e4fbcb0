"""Where the weights of a layer meet what it reads: everywhere at once, or window by window."""

from dataclasses import dataclass
from typing import ClassVar

from eideploy.circuit.node import Array, Node, Shape


@dataclass(frozen=True, kw_only=True)
class Dense:
    """Every neuron reads every entry, (n_in,) to (n,); weights are (n, n_in)."""

    stride: ClassVar[int] = 1
    padding: ClassVar[int] = 0

    def check(self, node: Node, weights: Array) -> None:
        """Check that the geometry suits the weights."""
        node.require(weights.ndim == 2, f"has weights of shape {weights.shape}, expected (out, in)")

    def shape(self, node: Node, weights: Array, size: Shape) -> Shape:
        """Return the shape of what a layer with such weights makes of an input of `size`."""
        n_e, n_in = weights.shape
        node.require(size == (n_in,), f"reads {size}, its weights take ({n_in},)")
        return (n_e,)


@dataclass(frozen=True, kw_only=True)
class Conv:
    """All positions share square kernels, (channels, h, w) to (n, h', w').

    Weights are (n, channels, k, k); between neurons (W_EI) they are 1x1.
    """

    stride: int = 1
    padding: int = 0

    def check(self, node: Node, weights: Array) -> None:
        """Check that the geometry suits the weights."""
        shape = weights.shape
        square = len(shape) == 4 and shape[2] == shape[3]
        node.require(square, f"has a kernel of shape {shape}, expected (out, in, k, k)")
        node.require(self.stride >= 1, f"has stride {self.stride}")
        node.require(0 <= self.padding < shape[2], f"has padding {self.padding}")

    def shape(self, node: Node, weights: Array, size: Shape) -> Shape:
        """Return the shape of what a layer with such weights makes of an input of `size`."""
        n_e, channels, kernel, _ = weights.shape
        fits = len(size) == 3 and size[0] == channels
        node.require(fits, f"reads {size}, its kernel takes ({channels}, height, width)")
        h, w = (self.windows(n, kernel) for n in size[1:])
        node.require(h > 0 and w > 0, f"has a kernel of {kernel} on an input of {size}")
        return n_e, h, w

    def windows(self, size: int, kernel: int) -> int:
        """Return how many windows of `kernel` fit along an axis of `size` entries."""
        return (size + 2 * self.padding - kernel) // self.stride + 1


Geometry = Dense | Conv
