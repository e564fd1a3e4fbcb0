"""The one layer, composed of weights, where they meet its input, and what becomes of the sums."""

from dataclasses import dataclass, replace
from typing import Self

from eideploy.circuit.current import Current, Division, FloatCurrent, IntegerCurrent, Logits
from eideploy.circuit.geometry import Conv, Geometry
from eideploy.circuit.node import Array, Node, Shape
from eideploy.circuit.projection import Factored, Folded
from eideploy.errors import InvariantError


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer(Node):
    """Weighted sums of what it reads, as a current for its neurons, or as logits.

    What several nodes put out lies side by side, the first one's features or channels first.
    """

    projection: Factored | Folded
    geometry: Geometry
    current: Current

    arity = range(1, 1 << 16)

    @property
    def weights(self) -> tuple[Array, ...]:
        """What multiplies the input, each (n, n_in) or (n, channels, k, k); the first is of n_E."""
        return self.projection.weights

    @property
    def n_e(self) -> int:
        """How many excitatory neurons (channels)."""
        return len(self.weights[0])

    @property
    def fan_in(self) -> int:
        """How many weights a neuron has in each of `weights`."""
        return int(self.weights[0][0].size)

    @property
    def kernel(self) -> int:
        """Side of the window that a neuron reads; 1 of a fully connected layer."""
        return int(self.weights[0].shape[2]) if self.is_conv else 1

    @property
    def is_conv(self) -> bool:
        """Whether positions share its weights."""
        return isinstance(self.geometry, Conv)

    @property
    def is_readout(self) -> bool:
        """Whether its output is logits."""
        return isinstance(self.current, Logits)

    @property
    def is_folded(self) -> bool:
        """Whether it has no inhibitory population."""
        return isinstance(self.projection, Folded)

    @property
    def kind(self) -> str:
        """What sort of layer it is, in a word such as EIConv, FoldedReadout or PlainLinear."""
        folded = "Folded" if self.projection.divides or self.is_readout else "Plain"
        place = "Readout" if self.is_readout else "Conv" if self.is_conv else "Linear"
        return (folded if self.is_folded else "EI") + place

    @property
    def float_current(self) -> FloatCurrent:
        """The current of a layer that is known to be a hidden one of a float circuit."""
        assert isinstance(self.current, FloatCurrent)
        return self.current

    @property
    def integer_current(self) -> IntegerCurrent:
        """The current of a layer that is known to be a hidden one of an integer circuit."""
        assert isinstance(self.current, IntegerCurrent)
        return self.current

    @property
    def division(self) -> Division:
        """How a hidden layer of an integer circuit divides.

        Raises:
            InvariantError: the pass that says so has not run.
        """
        if self.integer_current.division is None:
            raise InvariantError(
                "the layer has no divider",
                where=f"node {self.name}",
                fix="run lower_division first",
            )
        return self.integer_current.division

    def divided_by(self, division: Division) -> Self:
        """Return the layer with another division."""
        return replace(self, current=replace(self.integer_current, division=division))

    def check(self) -> None:
        """Check every part, and that they fit one another."""
        first = self.weights[0]
        self.require(first.ndim in (2, 4) and len(first) > 0, f"has weights {first.shape}")
        self.projection.check(self, self.n_e)
        self.geometry.check(self, first)
        self.current.check(self, self.n_e)
        divides = self.projection.divides
        if self.is_readout:
            self.require(not divides and not self.is_conv, "is a readout with a divisor or kernels")
        elif not self.is_folded or isinstance(self.current, IntegerCurrent):
            self.require(divides, "has no divisor")

    def require_number_type(self, *, integer: bool) -> None:
        """Require that all numbers are levels and what they are scaled by, or that none is."""
        if integer:
            self.projection.require_integers(self)
        fits = self.is_readout or isinstance(self.current, IntegerCurrent) == integer
        self.require(fits, f"has a {type(self.current).__name__} in a circuit of other numbers")

    def shape(self, *inputs: Shape) -> Shape:
        """Return (n_E,) or (n_E, h', w')."""
        first, known = inputs[0], [size for size in inputs if size]
        alike = all(size[1:] == first[1:] for size in known)
        self.require(alike, f"reads {inputs} side by side")
        weights = self.weights[0]
        whole = sum(size[0] for size in inputs) if len(known) == len(inputs) else weights.shape[1]
        return self.geometry.shape(self, weights, (whole, *first[1:]))
