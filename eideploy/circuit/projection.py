"""The weights of a layer: with an inhibitory population of its own, or without one.

Float weights and levels, which are int64, stand in the same fields. Equations (M..) are in
docs/method.md, (A..) in docs/arithmetic.md.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit.node import Array, Node, Part

MAX_BITS = 62  # every intermediate fits a signed 64-bit integer with a bit to spare


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection(Part):
    """What a layer's neurons make of its input: a numerator, and where it divides a divisor."""

    @property
    def weights(self) -> tuple[Array, ...]:
        """What multiplies the input, each (n, n_in) or (n, channels, k, k); the first is of n_E."""
        raise NotImplementedError

    @property
    def by_name(self) -> dict[str, Array]:
        """All weights, those between the layer's own neurons too, by the names of their fields."""
        raise NotImplementedError

    @property
    def divides(self) -> bool:
        """Whether there is a divisor."""
        raise NotImplementedError

    def require_integers(self, node: Node) -> None:
        """Require that all numbers are levels."""
        for field, value in vars(self).items():
            if value is not None:
                node.require_integers(field, value)


@dataclass(frozen=True, kw_only=True, eq=False)
class Factored(Projection):
    """The weights of an E-I layer, all of them unsigned by Dale's law.

    W_EE x excites; s_I = ReLU(W_IE x) is the inhibitory population; W_EI s_I is subtracted and
    W_EI (g_I s_I) divides (M1..M4; A2..A5).
    """

    w_ee: Array  # (n_E, n_in) or (n_E, channels, k, k), >= 0
    w_ie: Array  # (n_I, n_in) or (n_I, channels, k, k), >= 0
    w_ei: Array  # (n_E, n_I), >= 0
    g_i: Array | None = None  # (n_I,) >= 0; None of a readout, which does not divide
    shift_ee: Array | None = None  # (n_E,) >= 0, of W_EE in levels (A4); None of float weights

    @property
    def weights(self) -> tuple[Array, ...]:
        """W_EE and W_IE."""
        return self.w_ee, self.w_ie

    @property
    def by_name(self) -> dict[str, Array]:
        """W_EE, W_IE and W_EI."""
        return {"w_ee": self.w_ee, "w_ie": self.w_ie, "w_ei": self.w_ei}

    @property
    def divides(self) -> bool:
        """Whether it has gains g_I."""
        return self.g_i is not None

    @property
    def n_i(self) -> int:
        """How many inhibitory neurons (channels)."""
        return len(self.w_ie)

    @property
    def shift(self) -> Array:
        """shift_ee, zero of float weights."""
        return np.zeros(len(self.w_ee), np.int64) if self.shift_ee is None else self.shift_ee

    def check(self, node: Node, n_e: int) -> None:
        """Check shapes and Dale's law."""
        node.require(self.w_ie.ndim >= 1 and self.n_i > 0, f"w_ie is {self.w_ie.shape}")
        node.require_array("w_ee", self.w_ee, self.w_ee.shape, low=0)
        node.require_array("w_ie", self.w_ie, (self.n_i, *self.w_ee.shape[1:]), low=0)
        node.require_array("w_ei", self.w_ei, (n_e, self.n_i), low=0)
        if self.g_i is not None:
            node.require_array("g_i", self.g_i, (self.n_i,), low=0)
        if self.shift_ee is not None:
            node.require_array("shift_ee", self.shift_ee, (n_e,), low=0)
            node.require(int(self.shift_ee.max()) <= MAX_BITS, "has a shift_ee above 62")

    def require_integers(self, node: Node) -> None:
        """Require that all numbers are levels, and the shifts there."""
        node.require(self.shift_ee is not None, "has levels and no shift_ee")
        super().require_integers(node)


@dataclass(frozen=True, kw_only=True, eq=False)
class Folded(Projection):
    """Weights without an inhibitory population: folded into them, or of an ordinary layer.

    W_IE and x are never negative, so the population's ReLU never clips, and both currents of an
    E-I layer are linear (A26, A27):

        I_EE - I_EI = (W_EE - W_EI W_IE) x          I_div = (W_EI diag(g_I) W_IE) x

    A weight of the numerator may have either sign: such a layer does not keep Dale's law.
    """

    w_num: Array  # (n_E, n_in) or (n_E, channels, k, k)
    w_den: Array | None = None  # as w_num, >= 0; None where nothing is divided

    @property
    def weights(self) -> tuple[Array, ...]:
        """The numerator's, and the denominator's if there are any."""
        return (self.w_num,) if self.w_den is None else (self.w_num, self.w_den)

    @property
    def by_name(self) -> dict[str, Array]:
        """The numerator's, and the denominator's if there are any."""
        return dict(zip(("w_num", "w_den"), self.weights, strict=False))

    @property
    def divides(self) -> bool:
        """Whether it has weights of a denominator."""
        return self.w_den is not None

    def check(self, node: Node, n_e: int) -> None:
        """Check shapes, and the sign of the denominator."""
        del n_e
        node.require_array("w_num", self.w_num, self.w_num.shape)
        if self.w_den is not None:
            node.require_array("w_den", self.w_den, self.w_num.shape, low=0)
