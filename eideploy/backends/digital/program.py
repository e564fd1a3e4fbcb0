"""IR 2: an integer circuit placed on a core; what backends emit and executors run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eideploy.backends.digital.counts import Cycles
from eideploy.circuit import Circuit, Division, Layer, Neurons
from eideploy.errors import UsageError
from eideploy.numeric.fixed import Int, signed_bits, unsigned_bits
from eideploy.target import Target

if TYPE_CHECKING:
    from eideploy.execute.trace import Trace

FEW_BITS = 4  # of a weight: no shipped scheme with fewer keeps most networks' accuracy


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where a stage's events come from.

    source   the stage that spikes, or "" for the input port
    pool     product of the pooling kernels on the way: an event at (y, x) counts at (y, x) // pool
    first    its first channel (feature) among those that the layer reads side by side
    is_late  the spikes are those of the step before; in the first step there are none
    window   sides of the windows whose spikes are added up before they are events: the pool's, or 1
    """

    source: str
    pool: int
    first: int = 0
    is_late: bool = False
    window: int = 1


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One E-I layer with its LIF neurons, or the readout: an entry of the program memory.

    name        the E-I layer's node; `lif` the LIF node, "" for the readout
    routes      its sources, in the order in which they are scanned; a residual sum has several
    height, width, kernel, stride, padding  of the convolution; fully connected: all 1 but
                padding 0, with one position whose fan-in is the flattened source
    in_height, in_width  of the convolution's input (after pooling)
    positions   output positions, height * width
    n_e, n_i    excitatory and inhibitory neurons (channels)
    groups_e, groups_i  rows of P lanes that hold them, inhibitory ones of Q lanes where there are
    rows        of weights of an input: one population's behind the other's; with Q lanes beside it
    is_folded   it has no inhibitory population: n_i and groups_i are of its denominators, in rows
                of P lanes
    is_static   its sums are those of the first time step in all: the port is read once
    spike_bank  rows between the spikes of even and of odd steps; 0 where no stage behind it reads
                those of the step before, so that it may overwrite them
    *_base      first row or word of the stage in each memory
    """

    name: str
    lif: str
    routes: tuple[Route, ...]
    height: int
    width: int
    kernel: int
    stride: int
    padding: int
    in_height: int
    in_width: int
    n_e: int
    n_i: int
    groups_e: int
    groups_i: int
    rows: int
    is_folded: bool
    is_static: bool
    spike_bank: int
    weight_base: int
    inhibitory_base: int
    accumulator_base: int
    inhibition_base: int
    membrane_base: int
    spike_base: int
    parameter_base: int
    lane_base: int
    gain_base: int

    @property
    def positions(self) -> int:
        """How many output positions."""
        return self.height * self.width

    @property
    def inhibition_rows(self) -> int:
        """Rows of inhibitory sums."""
        return 0 if self.is_folded else self.positions * self.groups_i

    @property
    def is_readout(self) -> bool:
        """Whether the stage puts out logits rather than spikes."""
        return not self.lif


@dataclass(frozen=True, kw_only=True)
class Use:
    """How much of a resource a program takes."""

    resource: str
    used: int
    offered: int


def spike_bits_of(circuit: Circuit) -> int:
    """Return the bits of the most spikes that a neuron has in a step."""
    return max((n.model.most_spikes.bit_length() for n in circuit.of(Neurons)), default=1)


def count_cycles_of(spike_bits: int) -> int:
    """Return the cycles in which a core counts the spikes of a neuron: a bit a cycle, or none."""
    return spike_bits if spike_bits > 1 else 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How layers are computed, where a family has several ways; its own class says which."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Program:
    """An integer circuit with its place on a target's core.

    stages  none where the target is no core
    count   what a run takes by a trace of it with CYCLE_KINDS; None: as the core's formula says
    unit    what is counted
    rows    of weights by layer, where it counts for itself: bytes
    sums    bytes that a layer takes while it runs, by layer, where all share the largest one's
    most_sums  that there is room for
    plan    how its layers are computed, where its family chooses
    """

    circuit: Circuit
    target: Target
    stages: tuple[Stage, ...]
    uses: tuple[Use, ...]
    count: "Callable[[Program, Trace], Cycles] | None" = None
    unit: str = "cycles"
    rows: Mapping[str, int] = field(default_factory=dict)
    sums: Mapping[str, int] = field(default_factory=dict)
    most_sums: int = 0
    plan: Plan | None = None

    @property
    def division(self) -> Division:
        """How its E-I layers divide; a core has one table, and lower_division one method."""
        return self.circuit.hidden[0].division

    @property
    def is_static(self) -> bool:
        """Whether its first stage keeps the sums of a sample's first time step."""
        return any(stage.is_static for stage in self.stages)

    @property
    def port_steps(self) -> int:
        """How many time steps of a sample the input port takes."""
        return 1 if self.is_static else self.circuit.steps

    @property
    def weight_bits(self) -> int:
        """How many bits its widest weight takes."""
        weights = [w for layer in self.circuit.layers for w in layer.projection.by_name.values()]
        return max(
            unsigned_bits(int(w.max())) if w.min() >= 0 else signed_bits(int(w.min()), int(w.max()))
            for w in weights
        )

    def update_latency(self, stage: Stage) -> int:
        """Return the cycles from a stage's last neuron's issue to its membrane (C6)."""
        timing = self.target.divider[self.layer(stage).division.divider.method]
        return timing.latency + count_cycles_of(spike_bits_of(self.circuit))

    def layer(self, stage: Stage) -> Layer:
        """Return the layer that a stage runs."""
        node = self.circuit.node(stage.name)
        assert isinstance(node, Layer)
        return node

    def stage(self, name: str) -> Stage:
        """Return the stage called `name`."""
        return next(stage for stage in self.stages if stage.name == name)


def require_static(program: Program, levels: Int) -> None:
    """Refuse sequences for a core that takes a sample once; levels are (T, B, ...).

    Raises:
        UsageError: a sample is not the same in all time steps.
    """
    if program.is_static and (levels != levels[:1]).any():
        raise UsageError(
            "the core takes a sample once, in its first time step, and these are sequences",
            where=f"target {program.target.name}, core.static_input",
            fix="calibrate on sequences with compile --calibrate-on, or say static_input = false "
            "in a spec of your own",
        )
