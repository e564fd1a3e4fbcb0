"""Layers whose inhibitory population was folded into their weights (docs/arithmetic.md, A26, A27).

W_IE and x are never negative, so the population's ReLU never clips, and both currents are linear:

    I_EE - I_EI = (W_EE - W_EI W_IE) x          I_div = (W_EI diag(g_I) W_IE) x

A weight of the numerator may have either sign: such a layer does not keep Dale's law.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit.integer import IntegerCurrent, IntegerLogits, Integers
from eideploy.circuit.node import Array
from eideploy.circuit.nodes import Connections, Convolution, Current


@dataclass(frozen=True, kw_only=True, eq=False)
class Folded(Connections):
    """The signed weights of the numerator, W_EE - W_EI W_IE (A26)."""

    w_num: Array  # (n_E, n_in) or (n_E, channels, k, k)

    @property
    def weights(self) -> tuple[Array, ...]:
        """The numerator's."""
        return (self.w_num,)

    def check(self) -> None:
        """Check the shape."""
        shape = self.w_num.shape
        self.require(self.w_num.ndim in (2, 4) and self.n_e > 0, f"w_num is {shape}")
        self.require_array("w_num", shape)
        super().check()


@dataclass(frozen=True, kw_only=True, eq=False)
class Divided(Folded):
    """The weights of the denominator beside, W_EI diag(g_I) W_IE (A27)."""

    w_den: Array  # as w_num, >= 0

    @property
    def weights(self) -> tuple[Array, ...]:
        """The numerator's and the denominator's."""
        return self.w_num, self.w_den

    def check(self) -> None:
        """Check shape and sign."""
        super().check()
        self.require_array("w_den", self.w_num.shape, low=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedLayer(Current, Divided):
    """The integrated current of a folded layer (M5)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedLinear(FoldedLayer):
    """A fully connected folded layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedConv(FoldedLayer, Convolution):
    """A convolutional folded layer; its kernels cover what those of W_EE and W_IE cover."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainLayer(Folded):
    """The current of an ordinary layer, w_num x + b_E: nothing is divided."""

    b_e: Array  # (n_E,)

    @property
    def g_e(self) -> Array:
        """The gain: one."""
        return np.ones(self.n_e)

    def check(self) -> None:
        """Check shapes."""
        super().check()
        self.require_array("b_e", (self.n_e,))


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainLinear(PlainLayer):
    """A fully connected ordinary layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PlainConv(PlainLayer, Convolution):
    """A convolutional ordinary layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldedReadout(Folded):
    """The output layer, folded: logits = mean over time of w_num x."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerFolded(Folded, Integers):
    """Levels of the numerator's weights: NUM = Q_num X (A26)."""

    def check(self) -> None:
        """Check that the weights are integers."""
        super().check()
        self.require_integers("w_num")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerFoldedLayer(IntegerCurrent, IntegerFolded, Divided):
    """Levels of the denominator's weights beside, DEN = Q_den X, and the current (A27)."""

    def check(self) -> None:
        """Check that the weights are integers."""
        super().check()
        self.require_integers("w_den")


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerFoldedLinear(IntegerFoldedLayer):
    """A fully connected folded integer layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerFoldedConv(IntegerFoldedLayer, Convolution):
    """A convolutional folded integer layer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerFoldedReadout(IntegerLogits, IntegerFolded):
    """Logits of a folded readout: the sum over time of NUM (A12)."""
