"""The nodes beside the layers, of a float circuit. Equations (M..) are those of docs/method.md."""

from dataclasses import dataclass

import numpy as np

from eideploy import neurons
from eideploy.circuit.node import Node, Shape
from eideploy.options.choices import Reset


@dataclass(frozen=True, kw_only=True, eq=False)
class Input(Node):
    """The samples: entries in [0, high]; a static sample is fed at every time step.

    Output   x: (features,) or (channels, height, width)
    """

    size: Shape
    high: float = 1.0

    arity = range(1)

    def check(self) -> None:
        """Check the size and the range."""
        whole = all(isinstance(n, int) and n > 0 for n in self.size)
        self.require(len(self.size) in (1, 3) and whole, f"has size {self.size}")
        self.require(0 < self.high < np.inf, f"has high {self.high}, must be positive and finite")

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of one sample at one step."""
        del inputs
        return self.size


@dataclass(frozen=True, kw_only=True, eq=False)
class LIF(Node):
    """Leaky integrate-and-fire neurons, `model`, which read currents."""

    tau: float = 2.0
    threshold: float = 1.0
    reset: Reset = "subtract"

    def check(self) -> None:
        """Check the ranges."""
        faults = list(self.model.faults())
        self.require(not faults, ", ".join(faults))

    @property
    def model(self) -> neurons.LIF:
        """The neurons."""
        return neurons.LIF(tau=self.tau, threshold=self.threshold, reset=self.reset)

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        return inputs[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(Node):
    """Mean over windows of kernel x kernel, side by side; a remainder at the border is dropped."""

    kernel: int

    def check(self) -> None:
        """Check the kernel."""
        self.require(self.kernel >= 1, f"has kernel {self.kernel}")

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channels, h // kernel, w // kernel)."""
        return pool_shape(self, self.kernel, inputs[0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Flatten(Node):
    """(channels, h, w) to (channels * h * w,), channel slowest."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return (features,)."""
        return (int(np.prod(inputs[0])),)


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Node):
    """Sum of two branches: the residual connection."""

    arity = range(2, 3)

    def shape(self, *inputs: Shape) -> Shape:
        """Return the common shape."""
        same = inputs[1] in (inputs[0], ())
        self.require(same, f"adds {inputs[0]} and {inputs[1]}")
        return inputs[0]


def pool_shape(node: Node, kernel: int, size: Shape) -> Shape:
    """Return the output shape of pooling without overlap."""
    fits = len(size) == 3 and min(size[1:]) >= kernel
    node.require(fits, f"pools {kernel}x{kernel} windows of {size}")
    return size[0], size[1] // kernel, size[2] // kernel
