"""A chain of NIR nodes as a circuit of ordinary layers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NoReturn

import numpy as np

from eideploy.backends.nir.foreign.chain import KNOWN, edge_faults, in_order, kind_faults
from eideploy.backends.nir.foreign.file import Fields, Graph
from eideploy.backends.nir.foreign.neurons import (
    Convention,
    ReadNeurons,
    Unsupported,
    field,
    neurons,
)
from eideploy.backends.nir.foreign.readout import read_out
from eideploy.backends.nir.foreign.weights import (
    Weights,
    identity,
    pooled,
    pooling,
    require_moderate,
    weights,
)
from eideploy.circuit import (
    Array,
    AvgPool,
    Circuit,
    Conv,
    Dense,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Neurons,
    Node,
    Shape,
)
from eideploy.errors import CapacityError
from eideploy.neurons import LIF

MOST_INPUTS = 1 << 24
FEED_FORWARD = (
    "write a feed-forward network of Linear, Affine, Conv2d, pooling, Flatten, Scale, LIF and IF "
    "(docs/nir.md)"
)
Fault = tuple[str, str]  # a line about a node or an edge, and what to do about it
READABLE = re.compile(r"[A-Za-z0-9_.-]{1,48}")


def circuit_of(
    graph: Graph, *, steps: int, high: float, convention: Convention, where: str
) -> tuple[Circuit, list[str]]:
    """Return the circuit of a graph of another tool, and what was changed on the way, in words.

    Raises:
        CapacityError: naming every node that cannot be compiled, with the reason.
    """
    faults = [(line, FEED_FORWARD) for line in kind_faults(graph) + edge_faults(graph)]
    chain = _Chain(graph, convention, high)
    for name, node in graph.nodes.items():
        if node["type"] in KNOWN:
            faults += _faults(f"{name} ({node['type']})", partial(chain.check, node))
    if not faults:
        for name in in_order(graph):
            node = graph.nodes[name]
            faults += _faults(f"{name} ({node['type']})", partial(chain.add, name, node))
            if faults:
                break  # what follows reads a signal that is not known
    if faults:
        _refuse(faults, where)
    return Circuit(nodes=tuple(chain.nodes), steps=steps), chain.said


def _faults(name: str, run: Callable[[], None]) -> list[Fault]:
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            run()
    except Unsupported as error:
        return [(f"{name}: {error}", fix) for fix in error.fixes]
    return []


def _refuse(faults: Sequence[Fault], where: str) -> NoReturn:
    lines = dict.fromkeys(line for line, _ in faults)
    count = "1 node or edge" if len(lines) == 1 else f"{len(lines)} nodes or edges"
    listed = "".join(f"\n    {line}" for line in lines)
    raise CapacityError(
        f"{count} of the graph cannot be compiled:{listed}",
        where=where,
        fix="; ".join(dict.fromkeys(fix for _, fix in faults)),
    )


class _Chain:
    """Adds the nodes of a graph one after the other.

    source, shape  the circuit's node that is read, and the shape of the signal here
    factor         what of the signal is a number times the source's output
    pending        weights that have been read, and no neurons behind them yet
    is_flat        whether these were flattened
    """

    def __init__(self, graph: Graph, convention: Convention, high: float) -> None:
        self.graph, self.convention, self.high = graph, convention, high
        self.nodes: list[Node] = []
        self.said: list[str] = []
        self.source, self.factor = "", 1.0
        self.shape: Shape = ()
        self.pending: tuple[str, Weights] | None = None
        self.is_flat = False

    def check(self, node: Fields) -> None:
        """Look at what a node says by itself.

        Raises:
            Unsupported: with every reason.
        """
        match node["type"]:
            case "LIF" | "IF":
                self._neurons(node)
            case "Linear" | "Affine" | "Conv2d":
                weights(node)
            case "AvgPool2d" | "SumPool2d":
                pooling(node)
            case "Scale":
                field(node, "scale")
            case "Input":
                _size(node)

    def add(self, name: str, node: Fields) -> None:
        """Add a node.

        Raises:
            Unsupported: it does not fit what stands before it.
        """
        match node["type"]:
            case "Input":
                self.shape = _size(node)
                self._put(Input(name=self._named("input"), size=self.shape, high=self.high))
            case "Linear" | "Affine" | "Conv2d":
                self._weigh(name, weights(node))
            case "Scale":
                self._scale(field(node, "scale"))
            case "AvgPool2d" | "SumPool2d":
                self._pool(name, *pooling(node), adds=node["type"] == "SumPool2d")
            case "Flatten":
                self._flatten(name)
            case "LIF" | "IF":
                self._spike(name, self._neurons(node))
            case "Output":
                self._read_out(name)

    def _neurons(self, node: Fields) -> ReadNeurons:
        return neurons(node, self.graph.metadata, self.convention)

    def _weigh(self, name: str, found: Weights) -> None:
        if self.pending is not None:
            raise Unsupported(f"reads {self.pending[0]}, with no neurons between: make them one")
        self.shape = found.shape(self.shape)
        self.pending = name, replace(found, weight=found.weight * self.factor)
        self.factor = 1.0

    def _scale(self, scale: Array) -> None:
        if self.pending is None:
            if not _is_one_number(scale):
                raise Unsupported("scales what has no weights yet by different numbers")
            self.factor *= float(scale.flat[0])
            return
        name, before = self.pending
        self.pending = name, before.times(self._by_channel(scale, "scale"))

    def _pool(self, name: str, kernel: int, stride: int, *, adds: bool) -> None:
        if len(self.shape) != 3 or self.is_flat or min(self.shape[1:]) < kernel:
            raise Unsupported(f"pools windows of {kernel} x {kernel} of a signal of {self.shape}")
        times = float(kernel**2) if adds else 1.0
        if self.pending is None:
            if kernel != stride:
                raise Unsupported(f"pools windows of {kernel}, {stride} apart: they overlap")
            self._put(AvgPool(name=self._named(name), inputs=(self.source,), kernel=kernel))
            self.shape = (self.shape[0], *(n // kernel for n in self.shape[1:]))
            self.factor *= times
            return
        called, before = self.pending
        after = pooled(before, kernel, stride).times(np.array([times]))
        after = replace(after, bias=before.bias * times)
        if after.padding >= after.weight.shape[2]:
            raise Unsupported("pools a convolution whose padding is wider than its windows")
        self.pending = called, after
        self.shape = (self.shape[0], *((n - kernel) // stride + 1 for n in self.shape[1:]))

    def _flatten(self, name: str) -> None:
        if len(self.shape) == 1:
            return
        if self.pending is not None:
            self.is_flat = True
            return
        self._put(Flatten(name=self._named(name), inputs=(self.source,)))
        self.shape = (int(np.prod(self.shape)),)

    def _spike(self, name: str, found: ReadNeurons) -> None:
        called, w = self._connection(f"{name}.in")
        threshold = self._by_channel(found.threshold, "v_threshold")
        highest = float(threshold.max())
        w = w.times(self._by_channel(found.gain, "r") * np.ones(1))
        w = replace(w, bias=w.bias + self._by_channel(found.drive, "v_leak"))
        if (threshold != highest).any():
            w = w.times(highest / threshold)
        require_moderate(w, highest)
        is_dense = w.weight.ndim == 2
        self._put(
            Layer(
                name=self._named(called),
                inputs=(self.source,),
                projection=Folded(w_num=w.weight),
                geometry=Dense() if is_dense else Conv(stride=w.stride, padding=w.padding),
                current=FloatCurrent(g_e=np.ones(len(w.bias)), b_e=w.bias),
            )
        )
        # NIR's neurons spike above their threshold, ours at it
        above = float(np.nextafter(highest, np.inf))
        self._put(
            Neurons(
                name=self._named(name),
                inputs=(self.source,),
                model=LIF(tau=found.tau, threshold=above, reset=self.convention.reset),
            )
        )
        if found.rounded is not None:
            self.said.append(f"{name}: tau of {found.rounded:.6g} steps became {found.tau:g}")
        if self.is_flat:
            self.is_flat = False
            self._flatten(f"{name}.flatten")

    def _connection(self, name: str) -> tuple[str, Weights]:
        """Return the weights before a node; where there are none, they hand signals on."""
        if self.pending is None:
            same = identity(self.shape)
            self.pending = name, replace(same, weight=same.weight * self.factor)
            self.factor = 1.0
        elif self.factor != 1:
            raise Unsupported("is scaled twice")
        found, self.pending = self.pending, None
        return found

    def _read_out(self, name: str) -> None:
        if self.pending is None:
            if not any(isinstance(node, Neurons) for node in self.nodes):
                raise Unsupported("there are no neurons before it")
            self._flatten(f"{name}.flatten")
            self.said.append(f"the logits are the rates of spikes of {self.source}")
            called = "readout"
        else:
            called = self.pending[0]
            self.said.append(f"the logits are the mean of {called} over time")
        _, w = self._connection(called)
        require_moderate(w)
        if w.weight.ndim != 2:
            raise Unsupported("reads maps that no neurons or Flatten stand behind")
        self.nodes = read_out(self.nodes, w, self._named(called), self.source)

    def _by_channel(self, values: Array, what: str) -> Array:
        """Return values of neurons as (n,) or (1,), one for each row of weights."""
        if _is_one_number(values):
            return values.reshape(-1)[:1]
        if values.size != int(np.prod(self.shape)):
            raise Unsupported(f"{what} is of {values.size} numbers, of {self.shape} neurons")
        rows = values.reshape(self.shape[0], -1)
        if (rows != rows[:, :1]).any():
            raise Unsupported(f"{what} differs between the positions of a map")
        return rows[:, 0]

    def _named(self, name: str) -> str:
        """Return a name for a node of the circuit: as in the graph, where that is a plain word."""
        taken = {node.name for node in self.nodes}
        stem = name if READABLE.fullmatch(name) else f"node{len(taken)}"
        number, found = 2, stem
        while found in taken:
            found, number = f"{stem}.{number}", number + 1
        return found

    def _put(self, node: Node) -> None:
        self.nodes.append(node)
        self.source = node.name


def _is_one_number(values: Array) -> bool:
    return bool((values == values.flat[0]).all())


def _size(node: Fields) -> Shape:
    """Return the input's shape; a batch of one and grey images' channel may be there or not."""
    sizes = field(node, "shape").ravel()
    if not ((sizes >= 1) & (sizes <= MOST_INPUTS) & (sizes % 1 == 0)).all():
        raise Unsupported(f"is of shape {node['shape']}")
    found = tuple(int(n) for n in sizes)
    while len(found) in (2, 4) and found[0] == 1:
        found = found[1:]
    shape = (1, *found) if len(found) == 2 else found
    if len(shape) not in (1, 3) or np.prod(shape, dtype=float) > MOST_INPUTS:
        raise Unsupported(f"is of shape {found}, must be (features) or (channels, height, width)")
    return shape
