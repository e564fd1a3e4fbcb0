"""What the float and the integer model share: the walk through the nodes, patches, and time."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import singledispatchmethod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import GraphProto, numpy_helper

from eideploy.backends.onnx.graph import WIDE, Array, Graph, Value, Words, declared
from eideploy.backends.onnx.operators import InGraph, Term
from eideploy.circuit import Add, AvgPool, Circuit, Flatten, Layer, Neurons, Node
from eideploy.circuit.integrator import AnyIntegrator
from eideploy.errors import InvariantError

INPUT = "input"


class Network(ABC):
    """Writes a circuit node by node; values are (T, B, ...), or (1, B, ...) while constant.

    The model's input is (batch, time, ...) in float32. Where time is 1 the sample is static and is
    shown for the circuit's own number of steps; any other time is the T of that run.

    Nodes run over all steps, one after another, and neurons are a Scan. Where an edge is one step
    late, one Scan holds all nodes, whose values are (1, B, ...) there.
    """

    def __init__(self, circuit: Circuit, kind: type[np.number[Any]], words: Words = WIDE) -> None:
        self.circuit, self.graph = circuit, Graph(words=words)
        self.kind = kind  # of every value between nodes
        self.in_time = {circuit.input.name: False}  # whether a value certainly has T entries
        self.duration = ""  # (1,) T of this run
        self.late: dict[str, Value] = {}  # what neurons put out in the step before
        self.states: dict[Value, tuple[Node, Value]] = {}  # before a step: whose, and behind it

    def build(self, name: str, output: str) -> GraphProto:
        """Return the graph; `output` is the total of the last node over time, (batch, classes)."""
        g, circuit = self.graph, self.circuit
        axes: list[str | int] = ["batch", "time", *circuit.input.size]
        x = self.read(g.op("Transpose", INPUT, perm=[1, 0, *range(2, len(axes))], to="by_time"))
        time = g.op("Shape", x, start=0, end=1, to="time")
        is_static = g.op("Equal", time, np.array([1]), to="is_static")
        self.duration = g.op("Where", is_static, np.array([circuit.steps]), time, to="duration")
        last = self._step_by_step(x) if circuit.remembered else self._walk(x)[circuit.output.name]
        last = self.over_all_steps(circuit.output, last)
        self.finish(self._total(last), output)
        classes: list[str | int] = ["batch", *circuit.shapes[circuit.output.name]]
        inputs = [declared(INPUT, np.float32, axes)]
        return g.proto(name, inputs, [declared(output, self.kind, classes)])

    def _walk(self, x: Value) -> dict[str, Value]:
        """Return the output of every node, of the input x."""
        values = {self.circuit.input.name: x}
        for node in self.circuit.nodes[1:]:
            self.graph.scope = node.name
            values[node.name] = self.apply(node, *self._reads(node, values))
            spikes = isinstance(node, Neurons)
            self.in_time[node.name] = spikes or any(self.in_time[n] for n in node.inputs)
        self.graph.scope = ""
        return values

    def _reads(self, node: Node, values: Mapping[str, Value]) -> list[Value]:
        """Return what a node reads; of several nodes that a layer reads, one value."""
        reads = [(self.late if name in node.delayed else values)[name] for name in node.inputs]
        if not isinstance(node, Layer) or len(reads) == 1:
            return reads
        if any(self.in_time[name] for name in node.inputs):
            sources = map(self.circuit.node, node.inputs)
            reads = [self.over_all_steps(*each) for each in zip(sources, reads, strict=True)]
        return [self.graph.op("Concat", *reads, axis=2, to="side_by_side")]

    def _step_by_step(self, x: Value) -> Value:
        """Return the last node's output (T, B, ...), all nodes run in a step before the next."""
        g, circuit = self.graph, self.circuit
        x = self.over_all_steps(circuit.input, x)
        self.in_time = {node.name: True for node in circuit.nodes}
        self.graph = step = Graph(words=g.words, within=g)
        self.late = {name: step.fresh(f"{name}/before") for name in circuit.remembered}
        now = step.fresh("now")
        values = self._walk(step.op("Unsqueeze", now, np.array([0])))
        output = step.op("Squeeze", values[circuit.output.name], np.array([0]), to="output")
        self.graph = g
        spikes = {v: (circuit.node(name), values[name]) for name, v in self.late.items()}
        states = self.states | spikes
        zero, batch = np.zeros(1, self.kind), g.op("Shape", x, start=1, end=2, to="batch")
        starts = []
        for owner, _ in states.values():
            shape = g.op(
                "Concat", np.array([1]), batch, np.array(circuit.shapes[owner.name]), axis=0
            )
            starts.append(g.op("ConstantOfShape", shape, value=numpy_helper.from_array(zero)))
        ends = {name: end for name, (_, end) in states.items()}
        return self._scanned(step, "step", starts, ends, (now, x), output)

    def _total(self, last: Value) -> Value:
        """Return what is read over time of the last node's output (T, B, n)."""
        g, by = self.graph, self.circuit.logits.integrator
        if by is not None:
            last = self._integrated(by, last)
        if self.is_mean:
            last = g.op("CumSum", last, np.int64(0))  # ReduceSum is inexact beyond 2^53 there
        return g.op("Gather", last, np.int64(-1), axis=0, to="total")

    @property
    def is_mean(self) -> bool:
        """Whether the logits are a mean over time."""
        integrator = self.circuit.logits.integrator
        return integrator is None or integrator.read == "mean"

    def _integrated(self, by: AnyIntegrator, currents: Value) -> Value:
        """Return the membranes of the output's neurons (T, B, n), or the largest until then."""
        body = self.body(self.circuit.output)
        do = InGraph(body, 0, self.kind)  # nothing saturates
        names = ("membrane", "synapse")[: by.states]
        before = [Term(body, name, self.kind) for name in names]
        after = by.step(before, Term(body, "current", self.kind), do)
        states = {name: state.value for name, state in zip(names, after, strict=True)}
        v = after[0]
        if by.read == "max":
            largest, began = (Term(body, name, self.kind) for name in ("largest", "began"))
            v = do.where(began > 0, do.where(v > largest, v, largest), v)
            states |= {"largest": v.value, "began": (began - began + 1).value}
        output = body.op("Identity", v.value)
        return self.scan(self.circuit.output, currents, body, states, output)

    @abstractmethod
    def read(self, x: Value) -> Value:
        """Return the input node's output; x is (T or 1, B, ...) in float32."""

    @abstractmethod
    def finish(self, total: Value, output: str) -> None:
        """Write `output` from the total of the last node's output over time."""

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Value) -> Value:
        """Write `node` and return its output."""
        del inputs
        raise InvariantError(
            f"no ONNX operators are known for a {node.kind}",
            where=f"node {node.name}",
            fix="give it a rule in eideploy/backends/onnx",
        )

    @apply.register
    def _apply_flatten(self, node: Flatten, x: Value) -> Value:
        return self.reshaped(x, *self.circuit.shapes[node.name])

    @apply.register
    def _apply_add(self, node: Add, x: Value, y: Value) -> Value:
        del node
        return self.graph.op("Add", x, y)

    @apply.register
    def _apply_avg_pool(self, node: AvgPool, x: Value) -> Value:
        g, k = self.graph, node.kernel
        c, h, w = self.circuit.shapes[node.name]
        inner = np.array([0, 0]), np.array([h * k, w * k]), np.array([3, 4])
        x = self.reshaped(g.op("Slice", x, *inner), c, h, k, w, k)
        kind = "ReduceSum" if self.circuit.is_integer else "ReduceMean"
        return g.op(kind, x, np.array([4, 6]), keepdims=0)

    def columns(self, node: Layer, x: Value) -> Value:
        """Return the presynaptic values of every output position (S, B, positions, fan_in).

        Patches are gathered, never convolved by an algorithm of the runtime's choice: what a
        Winograd or FFT convolution leaves on an empty patch would not be the zero of (M6).
        """
        g = self.graph
        if not node.is_conv:
            return self.reshaped(x, 1, node.fan_in)
        _, h, w = self.circuit.shapes[node.inputs[0]]
        c = sum(self.circuit.shapes[name][0] for name in node.inputs)
        index = patch_index(node, h, w)
        x = self.reshaped(x, c, h * w)
        x = g.op("Pad", x, np.array([0, 0, 0, 0, 0, 0, 0, 1]))  # entry h * w: a padded zero
        x = g.op("Gather", x, index, axis=3)
        x = g.op("Transpose", x, perm=[0, 1, 3, 2, 4])
        return self.reshaped(x, len(index), c * index.shape[1], to="columns")

    def body(self, node: Node) -> Graph:
        """Return an empty graph for what a node does with a step's "current"; see `scan`."""
        within = self.graph if self.graph.within else None
        return Graph(f"{node.name}/step", self.graph.words, within=within)

    def maps(self, node: Node, rows: Value, to: str) -> Value:
        """Return (S, B, positions, n) as the node's output (S, B, n, ...)."""
        rows = self.graph.op("Transpose", rows, perm=[0, 1, 3, 2])
        return self.reshaped(rows, *self.circuit.shapes[node.name], to=to)

    def reshaped(self, x: Value, *shape: int, to: str = "") -> Value:
        """Return (S, B, ...) as (S, B, *shape)."""
        return self.graph.op("Reshape", x, np.array([0, 0, *shape]), to=to)

    def over_all_steps(self, source: Node, x: Value) -> Value:
        """Return (S, B, ...) as (T, B, ...)."""
        if self.in_time[source.name]:
            return x
        ones = np.ones(len(self.circuit.shapes[source.name]) + 1, np.int64)
        shape = self.graph.op("Concat", self.duration, ones, axis=0)
        return self.graph.op("Expand", x, shape)

    def scan(
        self, node: Node, current: Value, body: Graph, states: Mapping[str, Value], z: Value
    ) -> Value:
        """Run `body` over time, states by name and the current to the next ones and output `z`.

        The current is (T, B, ...), of all steps.
        """
        g, before = self.graph, {name: self.graph.fresh(name) for name in states}
        if g.within:
            g.splice(body, before | {"current": current})
            self.states |= {before[name]: (node, state) for name, state in states.items()}
            return z
        zero = numpy_helper.from_array(np.zeros(1, self.kind))
        start = g.op("ConstantOfShape", g.op("Shape", current, start=1), value=zero, to="at_rest")
        starts = [start] * len(states)
        return self._scanned(body, f"{node.name}_step", starts, states, ("current", current), z)

    def _scanned(
        self,
        body: Graph,
        name: str,
        starts: Sequence[Value],
        states: Mapping[str, Value],
        over_time: tuple[str, Value],
        output: Value,
    ) -> Value:
        """Run `body` over time, and return its output of all steps.

        Args:
            body: what a step does.
            name: of the step.
            starts: the states before the first step.
            states: what they are behind a step, by what they are called before it.
            over_time: how the body calls what it reads, and that of all steps.
            output: what the body puts out.
        """
        now, values = over_time
        step = body.proto(
            name,
            [declared(each, self.kind) for each in (*states, now)],
            [declared(each, self.kind) for each in (*states.values(), output)],
        )
        first, *others = (each.rpartition("/")[2] for each in states)
        self.graph.op(
            "Scan",
            *starts,
            values,
            to=first,
            more=(*others, "spikes"),
            body=step,
            num_scan_inputs=1,
        )
        return str(self.graph.nodes[-1].output[len(states)])


def patch_index(node: Layer, height: int, width: int) -> Array:
    """Return (positions, k * k) indices into height * width entries and one more, the padding."""
    index = np.arange(height * width).reshape(height, width)
    index = np.pad(index, node.geometry.padding, constant_values=height * width)
    kernel = node.kernel
    windows = sliding_window_view(index, (kernel, kernel))
    windows = windows[:: node.geometry.stride, :: node.geometry.stride]
    return np.ascontiguousarray(windows).reshape(-1, kernel * kernel)
