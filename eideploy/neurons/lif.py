"""Leaky integrate-and-fire, with a reset that subtracts the threshold, or to zero."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import get_args

import numpy as np

from eideploy.errors import CapacityError
from eideploy.neurons.general import GeneralLIF
from eideploy.neurons.neuron import IntegerNeuron, Neuron, NirPart
from eideploy.numeric.fixed import Array
from eideploy.numeric.operators import Numbers, Operators
from eideploy.options.choices import Reset

RESETS: tuple[Reset, ...] = get_args(Reset)
NO_LEAK = 2.0**60  # a time constant in steps: in float64 v - v / NO_LEAK is v
MOST_LEAK = 15  # of four bits


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerLIF(IntegerNeuron):
    """u = sat(v - (v >> leak) + I); where u >= threshold: a spike, and u - threshold, or 0 (A10).

    leak  tau = 2^leak
    """

    threshold: Array
    leak: int
    membrane_bits: int
    reset: Reset = "subtract"

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be."""
        if self.reset not in RESETS:
            yield f"has reset {self.reset!r}"
        yield from super().faults()
        if not 0 <= self.leak <= MOST_LEAK:
            yield f"has leak {self.leak}, must be in 0..{MOST_LEAK}"

    def scalar(self, v: int, i: int, own: Mapping[str, int]) -> tuple[int, int, bool]:
        """Return a neuron's next v, its spike, and whether its membrane was clipped."""
        limit = 1 << (self.membrane_bits - 1)
        whole = v - (v >> self.leak) + i
        u = min(max(whole, -limit), limit - 1)
        if u < own["threshold"]:
            return u, 0, u != whole
        return 0 if self.reset == "zero" else u - own["threshold"], 1, u != whole

    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers, int]:
        """Return the next membranes, the spikes, and how many membranes were clipped."""
        threshold = do.per_neuron(self.threshold, v)
        u = v - (v >> self.leak)
        u += i
        u, clipped = do.saturated(u)
        z = u >= threshold
        u -= (u if self.reset == "zero" else threshold) * do.whole(z)
        return u, z, clipped

    def reach(self, low: int, high: int, steps: int) -> tuple[int, int]:
        """Return what u reaches, were it not clipped (A25).

        v - (v >> leak) never falls as v rises, so the ends of the interval of v give those of u;
        where some u fires, v lies in u's interval below the threshold, or in what lies above it,
        lowered.
        """
        least, most = int(self.threshold.min()), int(self.threshold.max())
        v_low = v_high = u_low = u_high = 0
        for _ in range(steps):
            below, above = (v - (v >> self.leak) for v in (v_low, v_high))
            u_low, u_high = min(u_low, below + low), max(u_high, above + high)
            v_low = min(below + low, 0)
            left = 0 if self.reset == "zero" else above + high - least  # of what fired
            v_high = max(min(above + high, most - 1), left)
        return u_low, u_high

    def rtl(self) -> Mapping[str, int]:
        """Return the fields of a stage in the shipped core."""
        return {"leak": self.leak, "to_zero": int(self.reset == "zero")}


@dataclass(frozen=True, kw_only=True, eq=False)
class LIF(Neuron):
    """v <- v - v/tau + I; where v >= threshold: a spike, and v - threshold (M7), or 0 (M20).

    The membrane starts at zero; the current is not decayed.
    """

    integers = IntegerLIF

    tau: float = 2.0
    threshold: float = 1.0
    reset: Reset = "subtract"

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be."""
        yield from super().faults()
        if self.reset not in RESETS:
            yield f"has reset {self.reset!r}"
        if not 1 <= self.tau < np.inf:
            yield f"has tau {self.tau}, must be at least 1"

    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers]:
        """Return the next membranes and the spikes."""
        u = v - v / self.tau + i
        z = u >= self.threshold
        left = 0.0 if self.reset == "zero" else u - self.threshold
        return do.where(z, left, u), z

    def to_integers(self, per_unit: Array, *, bits: int, where: str) -> IntegerNeuron:
        """Return the neuron whose leak is a shift; of a tau between powers of two, by a factor."""
        if np.frexp(self.tau)[0] != 0.5:
            factor = 1 - 1 / self.tau
            general = GeneralLIF(beta=factor, threshold=self.threshold, reset=self.reset)
            return general.to_integers(per_unit, bits=bits, where=where)
        return IntegerLIF(
            threshold=np.rint(self.threshold * per_unit).astype(np.int64),
            leak=leak_of(self.tau, where=where),
            membrane_bits=bits,
            reset=self.reset,
        )

    def in_nir(self, dt: float) -> tuple[NirPart, ...]:
        """Return one node where the reset is to zero; else the reset is feedback.

        u = (1 - 1/tau) (u - theta z) + I of the step before's z (M7)
        """
        below = float(np.nextafter(self.threshold, 0.0))  # NIR spikes above its threshold
        leaks = self.tau < NO_LEAK
        membrane = {"tau": self.tau * dt, "r": self.tau, "v_leak": 0.0} if leaks else {"r": 1 / dt}
        if self.reset == "zero":
            fires = {"v_threshold": below} | ({"v_reset": 0.0} if leaks else {})
            return (NirPart(role="", kind="LIF" if leaks else "IF", parameters=membrane | fires),)
        back = -(1 - 1 / self.tau) * self.threshold
        return (
            NirPart(role="membrane", kind="LI" if leaks else "I", parameters=membrane),
            NirPart(
                role="spikes", kind="Threshold", reads="membrane", parameters={"threshold": below}
            ),
            NirPart(
                role="reset",
                kind="Scale",
                reads="spikes",
                feeds="membrane",
                parameters={"scale": back},
            ),
        )


def leak_of(tau: float, *, where: str) -> int:
    """Return the bits of a shift that leaks as a time constant of `tau` steps.

    Raises:
        CapacityError: tau is not a power of two.
    """
    leak = int(np.log2(tau))
    if 2.0**leak != tau:
        raise CapacityError(
            f"tau {tau:g} is not a power of two", where=where, fix="train with tau 2 or 4"
        )
    return min(leak, MOST_LEAK)
