"""A NIR graph as a circuit of ordinary layers: which source each population reads, and how."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NoReturn

import numpy as np

from eideploy.backends.nir.conventions import Convention, Tool
from eideploy.backends.nir.foreign.file import PASS, Fields, Graph
from eideploy.backends.nir.foreign.layers import Builder, Integrating
from eideploy.backends.nir.foreign.neurons import ReadNeurons, depends_on_step, neurons
from eideploy.backends.nir.foreign.numbers import Unsupported
from eideploy.backends.nir.foreign.numbers import field as field_of
from eideploy.backends.nir.foreign.operations import OPERATIONS, operation
from eideploy.backends.nir.foreign.order import (
    KNOWN,
    LEAKING,
    SPIKING,
    before,
    edge_faults,
    in_order,
    kind_faults,
    merged,
    stands,
)
from eideploy.backends.nir.foreign.signal import Signal, total
from eideploy.backends.nir.foreign.witness import Step, step_of
from eideploy.circuit import Circuit, Shape
from eideploy.errors import CapacityError

MOST_INPUTS = 1 << 24
TAKES = "docs/nir.md says what is taken"
Fault = tuple[str, str]  # a line about a node or an edge, and what to do about it


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a graph is read.

    steps        time steps of a sample
    high         largest value of an input
    tool         which wrote it, and its convention
    dt           seconds in a step, where somebody says it
    nearest_tau  whether a leak that is no shift becomes the nearest one that is
    """

    steps: int
    tool: Tool
    convention: Convention
    high: float = 1.0
    dt: float | None = None
    nearest_tau: bool = False


def circuit_of(
    graph: Graph, reading: Reading, *, where: str
) -> tuple[Circuit, Step | None, list[str]]:
    """Return the circuit of a graph of another tool.

    With it, how long a step is, where that matters; and what was changed on the way, in words.

    Raises:
        CapacityError: naming every node that cannot be compiled, with the reason.
    """
    graph = merged(graph)
    faults = [(line, TAKES) for line in kind_faults(graph) + edge_faults(graph)]
    step, wrong = _step(graph, reading)
    faults += wrong
    walk = _Walk(graph, reading, 1.0 if step is None else step.dt)
    for name, node in graph.nodes.items():
        if node["type"] in KNOWN:
            faults += _faults(f"{name} ({node['type']})", partial(walk.check, node))
    if not faults:
        for name in in_order(graph):
            kind = graph.nodes[name]["type"]
            faults += _faults(f"{name} ({kind})", partial(walk.reach, name))
            if faults:
                break  # what follows reads a signal that is not known
    if not faults:
        faults += _faults("the graph", walk.close)
    if faults:
        _refuse(faults, where)
    return Circuit(nodes=tuple(walk.built.nodes), steps=reading.steps), step, walk.built.said


def _step(graph: Graph, reading: Reading) -> tuple[Step | None, list[Fault]]:
    """Return how long a step is, None where it does not matter; and what is wrong with it."""
    try:
        if not any(map(depends_on_step, graph.nodes.values())):
            return None, []
        return step_of(graph, reading.tool, reading.convention, seconds=reading.dt), []
    except Unsupported as error:
        return None, [(f"the graph: {error}", fix) for fix in error.fixes]


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


class _Walk:
    """Reaches node after node: what flows out of each, in terms of what neurons put out."""

    def __init__(self, graph: Graph, reading: Reading, dt: float) -> None:
        self.graph, self.reading, self.dt = graph, reading, dt
        self.reads = before(graph)
        self.signals: dict[str, Signal] = {}
        self.waiting: dict[str, list[str]] = {}  # what populations read one step late
        self.read_off: dict[str, ReadNeurons] = {}  # neurons whose membranes are the output
        self.built = Builder(high=reading.high)
        self.loops = _on_loops(graph)

    def check(self, node: Fields) -> None:
        """Look at what a node says by itself.

        Raises:
            Unsupported: with every reason.
        """
        if stands(node):
            self._neurons(node)
        elif node["type"] in OPERATIONS:
            operation(node)
        elif node["type"] == "Input":
            _size(node)
        elif node["type"] == "Delay":
            self._delay(node)

    def reach(self, name: str) -> None:
        """Take a node.

        Raises:
            Unsupported: it does not fit what stands before it.
        """
        node = self.graph.nodes[name]
        kind = node["type"]
        if kind == "Input":
            self.signals[name] = self.built.put_input(_size(node), self._is_line(name))
            return
        ready = [n for n in self.reads[name] if n in self.signals]
        late = [n for n in self.reads[name] if n not in self.signals]
        if not ready:
            raise Unsupported("reads nothing but what comes after it")
        signal = self._sum(name, ready)
        if self._is_read(name) and not late:
            self.read_off[name] = self._neurons(node)
            self.signals[name] = signal
        elif kind in SPIKING:
            neurons = self._neurons(node, is_recurrent=bool(late))
            weights = self._weights_before(name)
            self.signals[name] = self.built.put_neurons(name, signal, neurons, weights)
            if late:
                self.waiting[name] = late
        elif kind in LEAKING:
            raise Unsupported(
                "integrates and does not spike, and neither a Threshold nor the Output alone reads "
                "it",
                "put a Threshold behind it, take LIF or IF, or let the network end with it",
            )
        elif kind == "Output":
            (first, *others) = self.reads[name]
            read_off = None if others else self.read_off.get(first)
            self.built.put_readout(
                signal,
                self._weights_before(first if read_off else name),
                None if read_off is None else Integrating(name=first, read=read_off),
            )
        elif kind == "Delay":
            self.signals[name] = signal.late() if self._delay(node) else signal
        elif kind == PASS:
            self.signals[name] = signal
        else:
            plain = name not in self.loops
            self.signals[name] = self.built.put_operation(
                name, signal, operation(node), shares=plain
            )

    def close(self) -> None:
        """Add what is read one step late, now that everything is known.

        Raises:
            Unsupported: it cannot be read late.
        """
        for name, late in self.waiting.items():
            try:
                self.built.add_late(name, total(self.signals[n] for n in late).late())
            except Unsupported as error:
                raise Unsupported(
                    f"{name} reads {', '.join(late)}: {error}", *error.fixes
                ) from None
            remark = f"{name}: reads {', '.join(late)} one step late, which closes a loop"
            self.built.said.append(remark)
        self.built.finish()

    def _sum(self, name: str, reads: Sequence[str]) -> Signal:
        signals = [self.signals[n] for n in reads]
        if len(signals) == 1:
            return signals[0]
        if name not in self.loops:
            added = self.built.put_sum(name, signals)
            if added is not None:
                return added
        return total(signals)

    def _neurons(self, node: Fields, *, is_recurrent: bool = False) -> ReadNeurons:
        own, convention = self.reading, self.reading.convention
        resets_at_once = node["type"] != "CubaLIF" and not is_recurrent
        if own.tool == "snntorch" and convention.reset == "reset" and resets_at_once:
            convention = replace(convention, late="no")  # Leaky takes a membrane that fired as zero
        if node.get("resets") == "none":
            convention = replace(convention, reset="none", fires="above")
        return neurons(node, convention, self.dt, nearest_tau=own.nearest_tau)

    def _is_read(self, name: str) -> bool:
        """Return whether the output alone reads a node, and reads its membranes."""
        kind = str(self.graph.nodes[name]["type"])
        spikes = kind in SPIKING and self.reading.convention.readout == "output"
        if kind not in (*LEAKING, *SPIKING) or spikes:
            return False
        after = [self.graph.nodes[b]["type"] for a, b in self.graph.edges if a == name]
        ends = [a for a, b in self.graph.edges if self.graph.nodes[b]["type"] == "Output"]
        return after == ["Output"] and ends == [name]

    def _delay(self, node: Fields) -> int:
        steps = field_of(node, "delay") / self.dt
        whole = np.rint(steps)
        if (whole != whole.flat[0]).any() or (np.abs(steps - whole) > 1e-3).any():
            raise Unsupported("delays neurons by different times, or by no whole number of steps")
        if not 0 <= whole.flat[0] <= 1:
            raise Unsupported(f"delays by {whole.flat[0]:g} steps; by one at most")
        return int(whole.flat[0])

    def _is_line(self, name: str) -> bool:
        """Return whether an input (channels, length) is read by Conv1d."""
        kinds = {self.graph.nodes[b]["type"] for a, b in self.graph.edges if a == name}
        return "Conv1d" in kinds

    def _weights_before(self, name: str) -> str:
        """Return the name of the last weights before a node; "" where neurons come first."""
        while len(self.reads[name]) == 1:
            name = self.reads[name][0]
            node = self.graph.nodes[name]
            if stands(node) or node["type"] == "Input":
                return ""
            if "weight" in node:
                return name
        return ""


def _on_loops(graph: Graph) -> set[str]:
    """Return the nodes from which a way leads back to them."""
    behind: dict[str, set[str]] = {name: set() for name in graph.nodes}
    for a, b in graph.edges:
        if {a, b} <= graph.nodes.keys():  # else it is refused
            behind[a].add(b)
    left = set(graph.nodes)
    while True:  # what begins or ends a way is on none
        into = {b for a in left for b in behind[a] & left}
        inner = {name for name in left if name in into and behind[name] & left}
        if inner == left:
            return inner
        left = inner


def _size(node: Fields) -> Shape:
    """Return the input's shape; a batch of one and grey images' channel may be there or not."""
    sizes = field_of(node, "shape").ravel()
    if not ((sizes >= 1) & (sizes <= MOST_INPUTS) & (sizes % 1 == 0)).all():
        raise Unsupported(f"is of shape {node['shape']}")
    shape = tuple(int(n) for n in sizes)
    while len(shape) in (2, 4) and shape[0] == 1:
        shape = shape[1:]
    if len(shape) not in (1, 2, 3) or np.prod(shape, dtype=float) > MOST_INPUTS:
        raise Unsupported(f"is of shape {shape}, must be (features) or (channels, height, width)")
    return shape
