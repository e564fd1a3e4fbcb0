"""The nodes of an integer circuit. Equation numbers (A..) are those of docs/arithmetic.md.

All weights are unsigned (Dale's law: the sign belongs to the population, not to the weight).
"""

from dataclasses import dataclass

import numpy as np

from eideploy import neurons
from eideploy.circuit.node import Array, Node, Shape
from eideploy.circuit.nodes import (
    Connections,
    Convolution,
    Input,
    Synapses,
    pool_shape,
)
from eideploy.divisions import Divider
from eideploy.options.choices import Reset, ZeroPolicy

MAX_BITS = 62  # every intermediate fits a signed 64-bit integer with a bit to spare


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
class Integers(Connections):
    """Weights in levels; the base of every integer layer."""

    def require_integers(self, field: str) -> None:
        """Require an int64 array."""
        dtype = getattr(self, field).dtype
        self.require(dtype == np.int64, f"{field} is {dtype}, expected int64")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerSynapses(Synapses, Integers):
    """Unsigned weights of an E-I layer (A2..A4): NUM = (W_EE X << shift_ee) - W_EI (W_IE X)."""

    shift_ee: Array  # (n_E,) >= 0

    def check(self) -> None:
        """Check that the weights are integers and the shifts possible."""
        super().check()
        for field in ("w_ee", "w_ie", "w_ei", "shift_ee"):
            self.require_integers(field)
        self.require_array("shift_ee", (self.n_e,), low=0)
        self.require(int(self.shift_ee.max()) <= MAX_BITS, "has a shift_ee above 62")


@dataclass(frozen=True, kw_only=True, eq=False)
class Division:
    """How an E-I layer divides: the divider, and what replaces a zero divisor (A6, A7)."""

    divider: Divider
    zero_policy: ZeroPolicy


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerCurrent(Integers):
    """The integrated current in membrane LSB, sat(round(2^fraction NUM / DEN)) + bias (A6..A9).

    `align` brings the divisors of all neurons to one unit, so that they can be compared:
    DEN << align. `floor` replaces a zero divisor under the policy "floor"; `constant` stands for
    every DEN under the division "constant".
    """

    fraction: Array  # (n_E,)
    align: Array  # (n_E,) >= 0
    floor: Array  # (n_E,) >= 1
    constant: Array  # (n_E,) >= 1
    bias: Array  # (n_E,), b_E
    current_bits: int  # signed width of the divided current
    division: Division | None = None  # None until lower_division

    @property
    def stand_in(self) -> Array:
        """What replaces a zero divisor under "floor", or every divisor where none is looked at."""
        other = self.division.divider.instead(self.constant) if self.division else None
        return self.floor if other is None else other

    def check(self) -> None:
        """Check shapes, signs and widths."""
        super().check()
        for field in ("fraction", "align", "floor", "constant", "bias"):
            self.require_integers(field)
        self.require_array("fraction", (self.n_e,), low=-MAX_BITS)
        self.require_array("align", (self.n_e,), low=0)
        self.require_array("floor", (self.n_e,), low=1)
        self.require_array("constant", (self.n_e,), low=1)
        self.require_array("bias", (self.n_e,))
        self.require(2 <= self.current_bits <= 32, f"has current_bits {self.current_bits}")
        widest = max(int(self.fraction.max()) + int(self.align.max()), int(self.align.max()))
        self.require(widest <= MAX_BITS, f"shifts by up to {widest} bits")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerEILayer(IntegerCurrent, IntegerSynapses):
    """An integer E-I layer: DEN = W_EI (gain (W_IE X)) (A5)."""

    gain: Array  # (n_I,) >= 0, g_I

    def check(self) -> None:
        """Check the gains."""
        super().check()
        self.require_integers("gain")
        self.require_array("gain", (self.n_i,), low=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerEILinear(IntegerEILayer):
    """A fully connected integer E-I layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerEIConv(IntegerEILayer, Convolution):
    """A convolutional integer E-I layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerLogits(Integers):
    """Logits in units of `logit_step`: the sum over time of NUM (A12)."""

    logit_step: float

    def check(self) -> None:
        """Check the unit."""
        super().check()
        self.require(0 < self.logit_step < 1e200, f"has logit_step {self.logit_step}")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerReadout(IntegerLogits, IntegerSynapses):
    """The integer output layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerLIF(Node):
    """Leaky integrate-and-fire neurons in integers, `model`, which read currents."""

    threshold: Array  # (n,) per neuron or channel, > 0, membrane LSB
    leak: int  # tau = 2^leak
    membrane_bits: int  # signed
    reset: Reset = "subtract"

    def check(self) -> None:
        """Check the ranges."""
        faults = list(self.model.faults())
        self.require(not faults, ", ".join(faults))

    @property
    def model(self) -> neurons.IntegerLIF:
        """The neurons."""
        return neurons.IntegerLIF(
            threshold=self.threshold,
            leak=self.leak,
            membrane_bits=self.membrane_bits,
            reset=self.reset,
        )

    def shape(self, *inputs: Shape) -> Shape:
        """Return the shape of the input."""
        self.require(inputs[0][0] == self.threshold.size, f"reads {inputs[0]}")
        return inputs[0]


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
