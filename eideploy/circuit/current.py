"""What a layer makes of its numerator and divisor: a current for its neurons, or logits."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit.integrator import IntegerIntegrator, Integrator, Kept
from eideploy.circuit.node import Array, Node, Part
from eideploy.circuit.projection import MAX_BITS
from eideploy.divisions import Divider
from eideploy.options.choices import ZeroPolicy


@dataclass(frozen=True, kw_only=True, eq=False)
class FloatCurrent(Part):
    """The integrated current, g_E (I_EE - I_EI) / I_div + b_E (M5).

    A zero I_div becomes the smallest positive one of the same sample and step, over all neurons and
    positions; where none is positive the current is b_E (M6). A layer without a divisor divides by
    one: of an ordinary layer g_E is one, too.
    """

    g_e: Array  # (n_E,) >= 0
    b_e: Array  # (n_E,)

    def check(self, node: Node, n_e: int) -> None:
        """Check shapes and signs."""
        node.require_array("g_e", self.g_e, (n_e,), low=0)
        node.require_array("b_e", self.b_e, (n_e,))


@dataclass(frozen=True, kw_only=True, eq=False)
class Division:
    """How an E-I layer divides: the divider, and what replaces a zero divisor (A6, A7)."""

    divider: Divider
    zero_policy: ZeroPolicy


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerCurrent(Part):
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

    def check(self, node: Node, n_e: int) -> None:
        """Check shapes, signs and widths."""
        lowest = {"fraction": -MAX_BITS, "align": 0, "floor": 1, "constant": 1, "bias": None}
        for field, low in lowest.items():
            value = getattr(self, field)
            node.require_integers(field, value)
            node.require_array(field, value, (n_e,), low=low)
        node.require(2 <= self.current_bits <= 32, f"has current_bits {self.current_bits}")
        widest = max(int(self.fraction.max()) + int(self.align.max()), int(self.align.max()))
        node.require(widest <= MAX_BITS, f"shifts by up to {widest} bits")


@dataclass(frozen=True, kw_only=True, eq=False)
class Logits(Part):
    """The output layer: logits = mean over time of I_EE - I_EI, no division, no neurons (M9).

    In integers, the sum over time of NUM, in units of `logit_step` (A12). With an integrator, what
    that reads of its membranes over time.
    """

    logit_step: float = 1.0
    integrator: Integrator | IntegerIntegrator | None = None

    def check(self, node: Node, n_e: int) -> None:
        """Check the unit, and the integrator."""
        node.require(0 < self.logit_step < 1e200, f"has logit_step {self.logit_step}")
        if self.integrator is not None:
            self.integrator.check(node, n_e)

    def over_time(self, outputs: Array) -> Array:
        """Return the logits of outputs of the neurons over time, (T, ...)."""
        if self.integrator is None:
            return np.asarray(outputs.mean(0))
        return self.integrator.over_time(outputs)

    def unit(self, steps: int) -> float:
        """Return what one of the totals of so many steps stands for."""
        is_mean = self.integrator is None or self.integrator.read == "mean"
        return self.logit_step / steps if is_mean else self.logit_step

    def reach(self, low: Array, high: Array, steps: int) -> Kept:
        """Return what is kept of sums in low..high (n,) over the steps (A13, A39)."""
        if isinstance(self.integrator, IntegerIntegrator):
            return self.integrator.reach(low, high, steps)
        none = 0 * low
        return Kept(
            state_low=none,
            state_high=none,
            total_low=low * steps,
            total_high=high * steps,
            product=none,
        )


Current = FloatCurrent | IntegerCurrent | Logits
