"""Neurons of the output that nothing resets, and what is read of their membranes over time."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np

from eideploy.circuit.node import Array, Node, Part
from eideploy.neurons.general import MOST_FRACTION, leak_levels, leaked, multiplies
from eideploy.neurons.neuron import PerNeuron
from eideploy.numeric.operators import InArrays, Numbers, Operators
from eideploy.options.choices import Read


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """What a readout keeps over the steps at most, by neuron; in Python's integers, of any width.

    state_low, state_high  (n,) the states of its integrator; 0 without one
    total_low, total_high  (n,) what is read of the steps so far, and what it is read of
    product                (n,) the largest product of a state and its leak; 0 where none is made
    """

    state_low: Array
    state_high: Array
    total_low: Array
    total_high: Array
    product: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class AnyIntegrator(Part):
    """What both forms have in common.

    read  of the membranes v_1 .. v_T: their "mean", the "last", or the largest, "max"
    """

    read: Read

    @property
    @abstractmethod
    def is_filtered(self) -> bool:
        """Whether the currents go through a filter first."""

    @abstractmethod
    def step(self, states: Sequence[Numbers], y: Numbers, do: Operators) -> list[Numbers]:
        """Return the next v, and s where there is a filter, after a step with the currents y."""

    @property
    def states(self) -> int:
        """How many numbers a neuron keeps from step to step."""
        return 2 if self.is_filtered else 1

    def added(self, total: Array | None, v: Array) -> Array:
        """Return the total of all steps so far, None before the first, and one more."""
        if total is None or self.read == "last":
            return v
        return total + v if self.read == "mean" else np.maximum(total, v)

    def over_time(self, membranes: Array) -> Array:
        """Return what is read of membranes over time, (T, ...)."""
        match self.read:
            case "last":
                return np.asarray(membranes[-1])
            case "max":
                return np.asarray(membranes.max(0))
        return np.asarray(membranes.mean(0))

    def check(self, node: Node, n_e: int) -> None:
        """Check words and shapes."""
        node.require(self.read in get_args(Read), f"reads {self.read!r} of its membranes")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                node.require_array(field.name, value, (n_e,), low=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerIntegrator(AnyIntegrator):
    """The equations of `Integrator` in integers, which never saturate (A38).

        s <- s - (e s >> g) + NUM    with a filter; else s is NUM
        v <- v - (d v >> f) + s

    leak          (n,) d, the membrane keeps 1 - d / 2^leak_fraction
    synapse_leak  (n,) e, likewise of synapse_fraction; None without a filter
    """

    leak: Array
    leak_fraction: int
    synapse_leak: Array | None = None
    synapse_fraction: int = 0

    @property
    def is_filtered(self) -> bool:
        """Whether the currents go through a filter first."""
        return self.synapse_leak is not None

    def check(self, node: Node, n_e: int) -> None:
        """Check types and ranges, too."""
        super().check(node, n_e)
        leaks = (("leak", self.leak_fraction), ("synapse_leak", self.synapse_fraction))
        for name, fraction in leaks:
            leak = getattr(self, name)
            known = type(fraction) is int and 0 <= fraction <= MOST_FRACTION
            node.require(known, f"has a {name} in units of 2^-{fraction}")
            if leak is not None:
                node.require_integers(name, leak)
                node.require(leak.max() <= 1 << fraction, f"has a {name} above {1 << fraction}")

    def step(self, states: Sequence[Numbers], y: Numbers, do: Operators) -> list[Numbers]:
        """Return the next v, and s where there is a filter, after a step with the sums y."""
        v, *filtered = states
        if self.synapse_leak is not None:
            y = leaked(filtered[0], self.synapse_leak, self.synapse_fraction, do) + y
            filtered = [y]
        return [leaked(v, self.leak, self.leak_fraction, do) + y, *filtered]

    def reach(self, low: Array, high: Array, steps: int) -> Kept:
        """Return what is kept in `steps` steps of sums in low..high, low <= 0 <= high (A39).

        A state never falls as NUM or the state before rises: under the lowest or the highest NUM
        all the time it goes ever further, v at least as far as s.
        """
        y, do = np.stack([low, high]), InArrays(0)  # nothing saturates
        states, total = [0 * y] * self.states, 0 * y
        for _ in range(steps):
            states = self.step(states, y, do)
            total = total + states[0] if self.read == "mean" else states[0]
        leaks = [(self.leak, self.leak_fraction), (self.synapse_leak, self.synapse_fraction)]
        products = [
            np.abs(state).max(0) * leak
            for state, (leak, fraction) in zip(states, leaks, strict=False)
            if leak is not None and multiplies(leak, fraction)
        ]
        return Kept(
            state_low=states[0][0],
            state_high=states[0][1],
            total_low=total[0],
            total_high=total[1],
            product=np.max([0 * low, *products], axis=0),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Integrator(AnyIntegrator):
    """Leaky integrators of the output's currents y = I_EE - I_EI, whose membranes are read (M26).

        s <- alpha s + y    with a filter; else s is y
        v <- beta v + s
        logits = mean, last or largest of v over time

    beta   what a step keeps of v, 0..1; with 0 the currents themselves are read
    alpha  what it keeps of s, 0..1; None without a filter

    They are one number for all neurons, or arrays (n,). Membranes and filters start at zero.
    """

    beta: PerNeuron = 0.0
    alpha: PerNeuron | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether the currents go through a filter first."""
        return self.alpha is not None

    def check(self, node: Node, n_e: int) -> None:
        """Check ranges, too."""
        super().check(node, n_e)
        for name in ("beta", "alpha"):
            factor = getattr(self, name)
            if factor is not None:
                node.require(
                    bool(np.all((factor >= 0) & (factor <= 1))), f"has {name} outside of 0..1"
                )

    def step(self, states: Sequence[Numbers], y: Numbers, do: Operators) -> list[Numbers]:
        """Return the next v, and s where there is a filter, after a step with the currents y."""

        def kept(x: Numbers, share: PerNeuron) -> Numbers:
            return x * (do.per_neuron(share, x) if isinstance(share, np.ndarray) else share)

        v, *filtered = states
        if self.alpha is not None:
            y = kept(filtered[0], self.alpha) + y
            filtered = [y]
        return [kept(v, self.beta) + y, *filtered]

    def to_integers(self, n: int) -> IntegerIntegrator:
        """Return the same of `n` neurons in integers."""
        leak, fraction = leak_levels(self.beta, n)
        synapse, of_synapse = (None, 0) if self.alpha is None else leak_levels(self.alpha, n)
        return IntegerIntegrator(
            read=self.read,
            leak=leak,
            leak_fraction=fraction,
            synapse_leak=synapse,
            synapse_fraction=of_synapse,
        )
