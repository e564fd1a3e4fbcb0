"""The circuit: nodes in topological order, and how to walk and rewrite them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from eideploy.circuit.current import Logits
from eideploy.circuit.integer import IntegerInput
from eideploy.circuit.layer import Layer
from eideploy.circuit.node import Node, Shape
from eideploy.circuit.nodes import Input
from eideploy.circuit.ranges import Ranges
from eideploy.errors import FormatError

N = TypeVar("N", bound=Node)
RESTORE = "restore the file from a copy, or export the network anew"


@dataclass(frozen=True, kw_only=True, eq=False)
class Circuit:
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
                f"a circuit of {self.steps} time steps, must be in 1..65536",
                where="circuit",
                fix=RESTORE,
            )
        known: set[str] = set()
        for node in self.nodes:
            node.require(node.name not in known, "has the name of another node")
            for name in node.inputs:
                node.require(name in known, f"reads {name}, which does not stand before it")
            known.add(node.name)
        for layer in self.layers:
            layer.require_number_type(integer=self.is_integer)
        _ = self.shapes

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """Shape of every node's output, of one sample at one step."""
        shapes: dict[str, Shape] = {}
        for node in self.nodes:
            shapes[node.name] = node.shape(*(shapes[name] for name in node.inputs))
        return shapes

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
    def logit_step(self) -> float:
        """What one of the readout's sums stands for."""
        match self.output:
            case Layer(current=Logits(logit_step=step)):
                return step
        return 1.0

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
