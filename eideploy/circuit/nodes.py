"""The nodes of a float circuit. Equation numbers (M..) are those of docs/method.md."""

from dataclasses import dataclass

import numpy as np

from eideploy import neurons
from eideploy.circuit.node import Array, Node, Shape, window_output
from eideploy.options.choices import Reset


@dataclass(frozen=True, kw_only=True, eq=False)
class Input(Node):
    """The samples: entries in [0, high]; a static sample is fed at every time step.

    Output   x: (features,) or (channels, height, width)
    """

    size: Shape
    high: float = 1.0

    arity = 0

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
class Connections(Node):
    """Weights that multiply what a layer reads; the base of every such layer."""

    @property
    def weights(self) -> tuple[Array, ...]:
        """What multiplies the input, each (n, n_in) or (n, channels, k, k); the first is of n_E."""
        raise NotImplementedError

    @property
    def n_e(self) -> int:
        """How many excitatory neurons (channels)."""
        return int(self.weights[0].shape[0])

    @property
    def fan_in(self) -> int:
        """How many weights a neuron has in each of `weights`."""
        return int(self.weights[0][0].size)

    @property
    def kernel(self) -> int:
        """Side of the window that a neuron reads; 1 of a fully connected layer."""
        return int(self.weights[0].shape[2]) if self.weights[0].ndim == 4 else 1

    def shape(self, *inputs: Shape) -> Shape:
        """Return (n_E,) of a fully connected layer that reads (n_in,)."""
        shape = self.weights[0].shape
        self.require(len(shape) == 2, f"has weights of shape {shape}, expected (out, in)")
        n_in = shape[1]
        self.require(inputs[0] == (n_in,), f"reads {inputs[0]}, its weights take ({n_in},)")
        return (self.n_e,)


@dataclass(frozen=True, kw_only=True, eq=False)
class Synapses(Connections):
    """The weights of an E-I layer; the base of every node that applies them.

    W_EE x excites; s_I = ReLU(W_IE x) is the inhibitory population; W_EI s_I inhibits (M1..M4).
    """

    w_ee: Array  # (n_E, n_in) or (n_E, channels, k, k), >= 0
    w_ie: Array  # (n_I, n_in) or (n_I, channels, k, k), >= 0
    w_ei: Array  # (n_E, n_I), >= 0

    @property
    def weights(self) -> tuple[Array, ...]:
        """W_EE and W_IE."""
        return self.w_ee, self.w_ie

    @property
    def n_i(self) -> int:
        """How many inhibitory neurons (channels)."""
        return int(self.w_ie.shape[0])

    def check(self) -> None:
        """Check shapes and Dale's law."""
        self.require(self.w_ee.ndim in (2, 4) and self.n_e > 0, f"w_ee is {self.w_ee.shape}")
        self.require(self.w_ie.ndim >= 1 and self.n_i > 0, f"w_ie is {self.w_ie.shape}")
        self.require_array("w_ee", self.w_ee.shape, low=0)
        self.require_array("w_ie", (self.n_i, *self.w_ee.shape[1:]), low=0)
        self.require_array("w_ei", (self.n_e, self.n_i), low=0)
        super().check()


@dataclass(frozen=True, kw_only=True, eq=False)
class Convolution(Connections):
    """Weights that are shared by positions: square kernels; between neurons (W_EI) they are 1x1."""

    stride: int = 1
    padding: int = 0

    def check(self) -> None:
        """Check the geometry."""
        super().check()
        shape = self.weights[0].shape
        square = len(shape) == 4 and shape[2] == shape[3]
        self.require(square, f"has a kernel of shape {shape}, expected (out, in, k, k)")
        self.require(self.stride >= 1, f"has stride {self.stride}")
        self.require(0 <= self.padding < shape[2], f"has padding {self.padding}")

    def shape(self, *inputs: Shape) -> Shape:
        """Return (n_E, h', w') of a layer that reads (channels, h, w)."""
        size, (_, channels, kernel, _) = inputs[0], self.weights[0].shape
        fits = len(size) == 3 and size[0] == channels
        self.require(fits, f"reads {size}, its kernel takes ({channels}, height, width)")
        geometry = {"kernel": kernel, "stride": self.stride, "padding": self.padding}
        h, w = (window_output(n, **geometry) for n in size[1:])
        self.require(h > 0 and w > 0, f"has a kernel of {kernel} on an input of {size}")
        return self.n_e, h, w


@dataclass(frozen=True, kw_only=True, eq=False)
class Current(Connections):
    """The integrated current of an E-I layer, g_E (I_EE - I_EI) / I_div + b_E (M5).

    A zero I_div becomes the smallest positive one of the same sample and step, over all neurons and
    positions; where none is positive the current is b_E (M6).
    """

    g_e: Array  # (n_E,) >= 0
    b_e: Array  # (n_E,)

    def check(self) -> None:
        """Check shapes and signs."""
        super().check()
        self.require_array("g_e", (self.n_e,), low=0)
        self.require_array("b_e", (self.n_e,))


@dataclass(frozen=True, kw_only=True, eq=False)
class EILayer(Current, Synapses):
    """An E-I layer as it is trained, with its inhibitory population and the gains g_I."""

    g_i: Array  # (n_I,) >= 0

    def check(self) -> None:
        """Check shapes and signs."""
        super().check()
        self.require_array("g_i", (self.n_i,), low=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class EILinear(EILayer):
    """A fully connected E-I layer: x (n_in,) to current (n_E,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EIConv(EILayer, Convolution):
    """A convolutional E-I layer: x (channels, h, w) to current (n_E, h', w')."""


@dataclass(frozen=True, kw_only=True, eq=False)
class EIReadout(Synapses):
    """The output layer: logits = mean over time of I_EE - I_EI, no division, no LIF (M9)."""


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

    arity = 2

    def shape(self, *inputs: Shape) -> Shape:
        """Return the common shape."""
        self.require(inputs[0] == inputs[1], f"adds {inputs[0]} and {inputs[1]}")
        return inputs[0]


def pool_shape(node: Node, kernel: int, size: Shape) -> Shape:
    """Return the output shape of pooling without overlap."""
    fits = len(size) == 3 and min(size[1:]) >= kernel
    node.require(fits, f"pools {kernel}x{kernel} windows of {size}")
    return size[0], size[1] // kernel, size[2] // kernel
