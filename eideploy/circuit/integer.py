"""The nodes beside the layers, of an integer circuit. Equations (A..) are in docs/arithmetic.md."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit.node import Node, Shape
from eideploy.circuit.nodes import Input, pool_shape


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerInput(Input):
    """X = clip(round(x / step), 0, top), to nearest, ties to even (A1)."""

    step: float
    top: int

    def check(self) -> None:
        """Check the grid."""
        super().check()
        self.require(0 < self.step < np.inf, f"has step {self.step}")
        self.require(0 < self.top < 1 << 16, f"has top {self.top}, must be in 1..65535")


@dataclass(frozen=True, kw_only=True, eq=False)
class SumPool(Node):
    """Sum over windows of kernel x kernel: average pooling in units of 1 / kernel^2 (A11)."""

    kernel: int

    def check(self) -> None:
        """Check the kernel."""
        self.require(self.kernel >= 1, f"has kernel {self.kernel}")

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channels, h // kernel, w // kernel)."""
        return pool_shape(self, self.kernel, inputs[0])
