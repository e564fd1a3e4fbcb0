"""The nodes beside the layers. Equations (A..) are those of docs/arithmetic.md."""

from dataclasses import dataclass, fields

import numpy as np

from eideploy.circuit.node import Node, Shape
from eideploy.neurons import IntegerNeuron, Neuron


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
class Neurons(Node):
    """Neurons of one model, in floats or in integers, which read currents and put out spikes."""

    model: Neuron | IntegerNeuron

    @property
    def float_model(self) -> Neuron:
        """The model of neurons that are known to be of a float circuit."""
        assert isinstance(self.model, Neuron)
        return self.model

    @property
    def integer_model(self) -> IntegerNeuron:
        """The model of neurons that are known to be of an integer circuit."""
        assert isinstance(self.model, IntegerNeuron)
        return self.model

    @property
    def kind(self) -> str:
        """The name of the model's class."""
        return type(self.model).__name__

    def check(self) -> None:
        """Check the model's fields."""
        faults = list(self.model.faults())
        self.require(not faults, ", ".join(faults))

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        for field in fields(self.model):
            value = getattr(self.model, field.name)
            if isinstance(value, np.ndarray):
                fits = value.shape == inputs[0][:1]
                self.require(fits, f"reads {inputs[0]}, has {value.size} {field.name}s")
        return inputs[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(Node):
    """Mean over windows of kernel x kernel, side by side; a remainder at the border is dropped.

    In an integer circuit their sum: the mean in units of 1 / kernel^2 (A11).
    """

    kernel: int

    def check(self) -> None:
        """Check the kernel."""
        self.require(self.kernel >= 1, f"has kernel {self.kernel}")

    def shape(self, *inputs: Shape) -> Shape:
        """Return (channels, h // kernel, w // kernel)."""
        size = inputs[0]
        fits = len(size) == 3 and min(size[1:]) >= self.kernel
        self.require(fits, f"pools {self.kernel}x{self.kernel} windows of {size}")
        return size[0], size[1] // self.kernel, size[2] // self.kernel


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
