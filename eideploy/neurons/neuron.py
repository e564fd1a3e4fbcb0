"""What every model of a neuron has in common.

A model is two classes, in floats and in integers, and all that is known of it stands there: its
step, its plain integers, what its membrane can reach, how it is quantized, its NIR nodes and what
the core's RTL has of it. What a class does not say is refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from eideploy.errors import UsageError
from eideploy.numeric.fixed import Array, top
from eideploy.numeric.frozen import Frozen
from eideploy.numeric.operators import Numbers, Operators

WIDTHS = range(2, 33)  # bits of a membrane
PerNeuron = float | Array  # one number for all neurons, or (n,): one a neuron (channel)


@dataclass(frozen=True, kw_only=True)
class NirPart:
    """One NIR node of a neuron.

    role        its name within the neuron; "" where it is the only one
    kind        its class in nir
    parameters  one number for all neurons each, or (n,), one a neuron (channel)
    reads       the role of the part that it reads; "" for what the neuron reads
    feeds       the role of a part before it that it feeds back to; "" for none
    """

    role: str
    kind: str
    parameters: Mapping[str, PerNeuron]
    reads: str = ""
    feeds: str = ""


class IntegerNeuron(Frozen, ABC):
    """A model in integers, whose membrane saturates; it has these fields, and more.

    threshold      (n,), a neuron or channel each, in membrane LSB
    membrane_bits  signed
    """

    threshold: Array
    membrane_bits: int

    @property
    def per_neuron(self) -> tuple[str, ...]:
        """The fields that are arrays, of a number for every neuron (channel)."""
        own = ((field.name, getattr(self, field.name)) for field in fields(self))
        return tuple(name for name, value in own if isinstance(value, np.ndarray))

    @property
    def has_synapse(self) -> bool:
        """Whether its current goes through a filter, whose state is kept beside the membrane."""
        return False

    @property
    def most_spikes(self) -> int:
        """How many spikes a neuron may have in a step."""
        return 1

    @property
    def product_bits(self) -> int:
        """How many bits more than a membrane the products of a step take."""
        return 0

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be, in words that follow the name of the node."""
        highest = int(self.threshold.max(initial=0))
        if self.threshold.dtype != np.int64:
            yield f"threshold is {self.threshold.dtype}, expected int64"
        if self.threshold.ndim != 1 or self.threshold.min(initial=1) < 1:
            yield "has a threshold below 1"
        if self.membrane_bits not in WIDTHS:
            yield f"has membrane_bits {self.membrane_bits}"
        elif highest > top(self.membrane_bits):
            yield f"has a threshold {highest}, its membrane ends at {top(self.membrane_bits)}"

    @abstractmethod
    def scalar(self, v: int, i: int, own: Mapping[str, int]) -> tuple[int, int, bool]:
        """Return a neuron's next v, its spike, and whether its membrane was clipped.

        In plain integers: this is what the model computes, `own` what a neuron has of `per_neuron`.
        `step` is compared with it.
        """

    @abstractmethod
    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers, int]:
        """Return the next membranes v, the spikes, and how many membranes were clipped.

        Shapes   v, i: (B, n, ...)
        """

    @abstractmethod
    def reach(self, low: int, high: int, steps: int) -> tuple[int, int]:
        """Return what the membrane reaches in `steps` steps of currents in low..high, unclipped."""

    def scalar_filtered(self, s: int, i: int, own: Mapping[str, int]) -> tuple[int, bool]:
        """Return a neuron's next filtered current, and whether it was clipped, as `scalar`."""
        raise NotImplementedError

    def filtered(self, s: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, int]:
        """Return the next filtered currents, which `step` reads, and how many were clipped."""
        raise NotImplementedError

    def reach_filtered(self, low: int, high: int, steps: int) -> tuple[int, int]:
        """Return what the filter reaches in `steps` steps of currents in low..high, unclipped."""
        raise NotImplementedError

    def rtl(self) -> Mapping[str, int] | None:
        """Return the fields of a stage in the shipped core; None where that has no such neurons."""
        return None


class Neuron(Frozen, ABC):
    """A model in floats, which spikes where its membrane reaches its field `threshold`."""

    integers: ClassVar[type[IntegerNeuron]]

    threshold: PerNeuron

    @property
    def has_synapse(self) -> bool:
        """Whether its current goes through a filter, whose state is kept beside the membrane."""
        return False

    @property
    def most_spikes(self) -> int:
        """How many spikes a neuron may have in a step."""
        return 1

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be, in words that follow the name of the node."""
        if not np.all((np.asarray(self.threshold) > 0) & np.isfinite(self.threshold)):
            yield f"has threshold {self.threshold}"

    def filtered(self, s: Numbers, i: Numbers, do: Operators) -> Numbers:
        """Return the next filtered currents, which `step` reads."""
        raise NotImplementedError

    @abstractmethod
    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers]:
        """Return the next membranes v, and the spikes, after one time step with the current i.

        Shapes   v, i: (B, n, ...)
        """

    @abstractmethod
    def to_integers(self, per_unit: Array, *, bits: int, where: str) -> IntegerNeuron:
        """Return the model in integers.

        Args:
            per_unit: membrane LSB per unit of current, (n,).
            bits: of the membrane.
            where: what an error names.

        Raises:
            CapacityError: it has no integers.
        """

    def in_nir(self, dt: float) -> tuple[NirPart, ...]:
        """Return its NIR nodes, of which the last but those that feed back is read by others.

        Args:
            dt: the length of a time step.

        Raises:
            UsageError: NIR has no such neuron.
        """
        del dt
        raise UsageError(
            f"NIR has no {type(self).__name__} neurons", where="--emit nir", fix="leave it out"
        )
