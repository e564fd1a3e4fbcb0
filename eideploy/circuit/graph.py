"""The circuit: nodes in topological order, and how to walk and rewrite them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from eideploy.circuit.current import Logits
from eideploy.circuit.layer import Layer
from eideploy.circuit.node import RESTORE, Node, Shape
from eideploy.circuit.nodes import Input, IntegerInput, Neurons
from eideploy.circuit.ranges import Ranges
from eideploy.circuit.text import line
from eideploy.errors import CapacityError, FormatError, UsageError
from eideploy.shown import Shown, kind_of

N = TypeVar("N", bound=Node)


def require_circuit(candidate: object) -> None:
    """Refuse what is no circuit.

    Raises:
        UsageError: it is none.
    """
    if not isinstance(candidate, Circuit):
        raise UsageError(
            f"{kind_of(candidate)} is not a circuit",
            where="circuit",
            fix="give its circuit, program.circuit"
            if hasattr(candidate, "circuit")
            else "give a circuit, as eideploy.export makes",
        )


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Circuit(Shown):
    """A network as frozen nodes; the first is its input, the last its output.

    nodes   in topological order, with unique names
    steps   T, how many time steps a sample takes
    ranges  what calibration observed, once it has
    """

    nodes: tuple[Node, ...]
    steps: int
    ranges: Ranges | None = None

    def __post_init__(self) -> None:
        if not self.nodes or not isinstance(self.nodes[0], Input):
            raise FormatError("a circuit starts with its input", where="circuit", fix=RESTORE)
        if type(self.steps) is not int or not 1 <= self.steps <= 1 << 16:
            raise FormatError(
                f"a circuit of {self.steps} time steps, which must be 1 to 65536",
                where="circuit",
                fix=RESTORE,
            )
        known: set[str] = set()
        for node in self.nodes:
            node.require(node.name not in known, "has the name of another node")
            for name in node.inputs:
                stands = name in known or (name in node.delayed and name != node.inputs[0])
                node.require(stands, f"reads {name}, which does not stand before it")
            known.add(node.name)
        neurons = {node.name for node in self.nodes if isinstance(node, Neurons)}
        for node in self.nodes:
            late = set(node.delayed) - neurons
            node.require(not late, f"reads {late} one step late, which are no neurons")
        for layer in self.layers:
            layer.require_number_type(integer=self.is_integer)
        _ = self.shapes

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every node's output, of one sample at one step."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            shapes[node.name] = node.shape(*(shapes.get(name, ()) for name in node.inputs))
        for node in self.nodes:  # once more, now that what closes a loop is known
            if node.delayed:
                node.shape(*(shapes[name] for name in node.inputs))
        return shapes

    @cached_property
    def loops(self) -> tuple[range, ...]:
        """Stretches of nodes, by position, that read their own spikes of the step before."""
        at = {node.name: position for position, node in enumerate(self.nodes)}
        loops: list[range] = []
        for start, node in enumerate(self.nodes):
            stop = max((at[name] + 1 for name in node.delayed), default=0)
            if stop <= start:
                continue
            if loops and start < loops[-1].stop:
                before = loops.pop()
                start, stop = before.start, max(stop, before.stop)
            loops.append(range(start, stop))
        return tuple(loops)

    @cached_property
    def remembered(self) -> tuple[str, ...]:
        """The neurons whose spikes are read one step late."""
        return tuple(dict.fromkeys(name for node in self.nodes for name in node.delayed))

    @property
    def special_edges(self) -> list[str]:
        """The edges that carry a delay, and those of layers that read several nodes, in words."""
        late = [f"{name} -> {n.name}, one step late" for n in self.nodes for name in n.delayed]
        beside = [
            f"{', '.join(layer.inputs)} -> {layer.name}, side by side"
            for layer in self.layers
            if len(layer.inputs) > 1 and not layer.delayed
        ]
        return late + beside

    def require_plain_edges(self, *, by: str, instead: str) -> None:
        """Refuse special edges, for `by`, and say what to do `instead`.

        Raises:
            CapacityError: naming them all.
        """
        edges = self.special_edges
        if edges:
            raise CapacityError(
                f"{by} cannot run the {'edge' if len(edges) == 1 else 'edges'} {'; '.join(edges)}",
                where="circuit",
                fix=f"{instead}, or make a network in which a layer reads one node",
            )

    @property
    def is_integer(self) -> bool:
        """Whether every number is an integer."""
        return isinstance(self.input, IntegerInput)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers, the readout among them, in order."""
        return self.of(Layer)

    @property
    def hidden(self) -> tuple[Layer, ...]:
        """The layers but for the readout, in order."""
        return tuple(layer for layer in self.layers if not layer.is_readout)

    @property
    def input(self) -> Input:
        """The input node."""
        first = self.nodes[0]
        assert isinstance(first, Input)
        return first

    @property
    def output(self) -> Node:
        """The node whose output is the result."""
        return self.nodes[-1]

    @property
    def logits(self) -> Logits:
        """What becomes of the last node's output: of a readout what it says, else its mean."""
        match self.output:
            case Layer(current=Logits() as logits):
                return logits
        return Logits()

    @property
    def logit_step(self) -> float:
        """What one unit of the readout's NUM, and of its integrator's membranes, stands for."""
        return self.logits.logit_step

    @property
    def logit_unit(self) -> float:
        """What one of the readout's totals over all steps stands for (A12)."""
        return self.logits.unit(self.steps)

    def in_a_line(self) -> str:
        """Return what it is, in a line."""
        ends = (self.shapes[node.name] for node in (self.input, self.output))
        sizes_in, sizes_out = ("x".join(map(str, size)) for size in ends)
        return f"{len(self.layers)} layers, {sizes_in} to {sizes_out}, {self.steps} steps"

    def in_full(self) -> str:
        """Return a line a node."""
        lines = [f"circuit of {self.steps} steps" + (", calibrated" if self.ranges else "")]
        lines += [line(node, self.shapes[node.name]) for node in self.nodes]
        return "\n".join(lines)

    def node(self, name: str) -> Node:
        """Return the node called `name`."""
        return next(node for node in self.nodes if node.name == name)

    def of(self, kind: type[N]) -> tuple[N, ...]:
        """Return the nodes of `kind`, in order."""
        return tuple(node for node in self.nodes if isinstance(node, kind))

    def consumers(self, name: str) -> tuple[Node, ...]:
        """Return the nodes that read `name`, in order."""
        return tuple(node for node in self.nodes if name in node.inputs)

    def rewrite(self, kind: type[N], rule: Callable[[N], Node]) -> "Circuit":
        """Return the circuit with every node of `kind` replaced by what `rule` makes of it."""
        nodes = tuple(rule(n) if isinstance(n, kind) else n for n in self.nodes)
        return replace(self, nodes=nodes)
