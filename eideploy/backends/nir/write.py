"""A float circuit as a NIR graph: every node of it, whichever dialect it makes (docs/nir.md)."""

import json
from functools import singledispatchmethod
from typing import Any

import nir
import numpy as np

from eideploy.backends.nir.extension import EIDivision
from eideploy.backends.nir.options import Dialect
from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Factored,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Integrator,
    Layer,
    Logits,
    Neurons,
    Node,
    Shape,
)
from eideploy.errors import CapacityError, InvariantError
from eideploy.neurons import PerNeuron
from eideploy.neurons.general import time_constant
from eideploy.numeric.frozen import Frozen

VERSION = 1
END = "output"  # what readers look for
DT = 1e-4  # seconds in a time step: what SpikingJelly and snnTorch take a step to be
CONVENTION = (
    "A time step is dt seconds; LI and LIF advance by v += dt / tau (v_leak - v + r I), I and IF "
    "by v += dt r I; r is tau / dt, or 1 / dt, so that I is added as it is. LIF and IF spike where "
    "v > v_threshold and are then set to v_reset. An edge that closes a loop carries the value of "
    "the step before. Spikes are 1. An image is shown at every step; the logits are the "
)
LOGITS = "mean of the output over all steps."
MEMBRANES = "mean, last or largest (max) output over all steps, as `readout` says."


def dialect_of(circuit: Circuit) -> Dialect:
    """Return the dialect that a float circuit is written in."""
    if any(not layer.is_folded for layer in circuit.layers):
        return "ei"
    return "folded" if any(layer.projection.divides for layer in circuit.layers) else "plain"


def graph(circuit: Circuit, *, end: str = END) -> nir.NIRGraph:
    """Return the NIR graph of a float circuit, whose last node is called `end`.

    Raises:
        InvariantError: two nodes would have one name.
        CapacityError: edges that carry a delay but from neurons to their own layer, layers that
            divide and read several nodes.
    """
    _require_edges(circuit)
    return _Writer(circuit, end).graph()


def _require_edges(circuit: Circuit) -> None:
    """Refuse what NIR's edges, which carry no delay unless they close a loop, cannot say."""
    reading = [node for node in circuit.nodes if node.delayed or isinstance(node, Layer)]
    late = [
        f"{name} -> {node.name}, one step late"
        for node in reading
        if not (_is_plain(node) and _is_own_loop(circuit, node))
        for name in node.delayed
    ]
    beside = [
        f"{', '.join(node.inputs)} -> {node.name}, side by side"
        for node in reading
        if len(node.inputs) > 1 and not node.delayed and not _is_plain(node)
    ]
    if late or beside:
        raise CapacityError(
            f"the NIR that is written cannot run the edges {'; '.join(late + beside)}",
            where="circuit",
            fix="leave that format out, or let layers without division alone read several nodes, "
            "and one step late their own neurons alone",
        )


def _is_own_loop(circuit: Circuit, node: Node) -> bool:
    """Return whether what a node reads late are its own neurons."""
    return set(node.delayed) <= {reader.name for reader in circuit.consumers(node.name)}


def _is_plain(node: Node) -> bool:
    return isinstance(node, Layer) and node.is_folded and not node.projection.divides


class _Writer:
    """Collects nodes and edges.

    out   the NIR node that carries a circuit node's output
    more  those that carry the rest of it, of a layer that reads several nodes
    """

    def __init__(self, circuit: Circuit, end: str) -> None:
        self.circuit = circuit
        others = {_in_nir(node.name) for node in circuit.nodes if node is not circuit.output}
        self.end = circuit.output.name if end in others else end
        self.nodes: dict[str, nir.NIRNode] = {}
        self.edges: list[tuple[str, str]] = []
        self.out: dict[str, str] = {}
        self.more: dict[str, list[str]] = {}
        self.late: list[tuple[str, str]] = []  # of neurons, and what reads them

    def graph(self) -> nir.NIRGraph:
        for node in self.circuit.nodes:
            self.out[node.name] = self.add(node)
        self.edges += [(self.out[neurons], reader) for neurons, reader in self.late]
        integrator = self.circuit.logits.integrator
        metadata = {
            "dialect": dialect_of(self.circuit),
            "version": VERSION,
            "dt": DT,
            "steps": self.circuit.steps,
            "convention": CONVENTION + (LOGITS if integrator is None else MEMBRANES),
            "circuit": json.dumps([_outline(node) for node in self.circuit.nodes]),
        }
        if integrator is not None:
            metadata["readout"] = integrator.read
        return nir.NIRGraph(self.nodes, self.edges, metadata=metadata)

    @singledispatchmethod
    def add(self, node: Node) -> str:
        """Add the nodes of `node` and return the one that carries its output."""
        raise InvariantError(
            f"{node.kind} is not a node of a float circuit",
            where=f"node {node.name}",
            fix="write the circuit before it is quantized",
        )

    @add.register
    def _add_input(self, node: Input) -> str:
        return self._put(node, "", nir.Input({"input": np.array(node.size)}))

    @add.register
    def _add_avg_pool(self, node: AvgPool) -> str:
        size = np.array([node.kernel, node.kernel])
        pool = nir.AvgPool2d(kernel_size=size, stride=size, padding=np.zeros(2, np.int64))
        return self._put(node, "", pool, *self._sources(node))

    @add.register
    def _add_flatten(self, node: Flatten) -> str:
        shape = np.array(self.circuit.shapes[node.inputs[0]])
        flatten = nir.Flatten({"input": shape}, start_dim=0, end_dim=-1)
        return self._put(node, "", flatten, *self._sources(node))

    @add.register
    def _add_add(self, node: Add) -> str:
        """A node sums what flows into it, once for every source; the same twice is twice it."""
        sources = sorted(set(self._sources(node)))
        times = np.full(self.circuit.shapes[node.name], 2.0 / len(sources))
        return self._put(node, "", nir.Scale(times), *sources)

    @add.register
    def _add_neurons(self, node: Neurons) -> str:
        """Put every part of the neurons; others read the last that does not feed back."""
        size, roles = self.circuit.shapes[node.name], {"": self._sources(node)}
        spikes = ""
        for part in node.float_model.in_nir(DT):
            parameters = {
                name: np.ones(size) * (_per_channel(value, size) if np.ndim(value) else value)
                for name, value in part.parameters.items()
            }
            kind = getattr(nir, part.kind)
            put = self._put(node, part.role, kind(**parameters), *roles[part.reads])
            roles |= {part.role: [put]}
            if part.feeds:
                self.edges += [(put, source) for source in roles[part.feeds]]
            else:
                spikes = put
        return spikes

    @add.register
    def _add_layer(self, node: Layer) -> str:
        match node:
            case Layer(projection=Factored() as w, current=FloatCurrent() as current):
                return self._shunting(node, w, current)
            case Layer(projection=Factored() as w):
                return self._readout(node, w)
            case Layer(projection=Folded() as w, current=FloatCurrent() as current):
                return self._folded(node, w, current)
        return self._output(node, *self._projected(node, "balance", node.weights[0]))

    def _shunting(self, node: Layer, w: Factored, current: FloatCurrent) -> str:
        one, size = np.eye(node.n_e), self.circuit.shapes[node.name]
        none = np.zeros_like(one)
        excitatory, interneurons, subtractive = self._populations(node, w)
        numerator = self._onto(node, "numerator", np.vstack([one, none]), excitatory)
        subtraction = self._onto(node, "subtraction", np.vstack([-one, none]), subtractive)
        assert w.g_i is not None  # it divides
        gain = np.broadcast_to(_per_channel(w.g_i, size), (w.n_i, *size[1:])).copy()
        shunt = self._put(node, "shunting_gain", nir.Scale(gain), interneurons)
        divisive = self._onto(node, "divisive", w.w_ei, shunt)
        divisor = self._onto(node, "divisor", np.vstack([none, one]), divisive)
        return self._divide(node, current, numerator, subtraction, divisor)

    def _readout(self, node: Layer, w: Factored) -> str:
        excitatory, _, subtractive = self._populations(node, w)
        sign = self._onto(node, "sign", -np.eye(node.n_e), subtractive)
        one = np.ones(self.circuit.shapes[node.name])  # sums, which no tool does at an output
        return self._output(node, self._put(node, "balance", nir.Scale(one), excitatory, sign))

    def _folded(self, node: Layer, w: Folded, current: FloatCurrent) -> str:
        """Write [num; den] as one projection, and their ratio; of an ordinary layer the sum."""
        if w.w_den is None:
            first, *self.more[node.name] = self._projected(node, "", w.w_num, current.b_e)
            return first
        both = self._project(node, "balance", np.concatenate(w.weights), self._sources(node))
        return self._divide(node, current, both)

    def _projected(
        self, node: Layer, role: str, weight: Array, bias: Array | None = None
    ) -> list[str]:
        """Return what weighs each node that a layer reads, the first one's with the bias."""
        sizes = [self.circuit.shapes[name][0] for name in node.inputs]
        parts = np.split(weight, np.cumsum(sizes)[:-1], axis=1)
        put = list[str]()
        for name, part in zip(node.inputs, parts, strict=True):
            late = name in node.delayed
            own = role if not put else part_of(name)
            sources = [] if late else self._of(name)
            put.append(self._project(node, own, part, sources, None if put else bias, reads=name))
            self.late += [(name, put[-1])] if late else []
        return put

    def _divide(self, node: Layer, current: FloatCurrent, *sources: str) -> str:
        shape = np.array([2 * node.n_e, *self.circuit.shapes[node.name][1:]])
        division = EIDivision(shape, gain=current.g_e, bias=current.b_e)
        return self._put(node, "current", division, *sources)

    def _output(self, node: Layer, *sources: str) -> str:
        integrator = self.circuit.logits.integrator
        if isinstance(integrator, Integrator):
            membranes = self._integrating(integrator, node.n_e)
            sources = (self._put(node, "membranes", membranes, *sources),)
        elif len(sources) > 1:  # no tool sums at an output
            one = np.ones(self.circuit.shapes[node.name])
            sources = (self._put(node, "sum", nir.Scale(one), *sources),)
        output = nir.Output({"output": np.array(self.circuit.shapes[node.name])})
        return self._named(node, _in_nir(self.end), output, *sources)

    def _integrating(self, by: Integrator, n: int) -> nir.NIRNode:
        one = np.ones(n)
        steps = time_constant(by.beta) * one
        own = {"r": steps, "v_leak": 0 * one}
        if by.alpha is None:
            return nir.LI(tau=steps * DT, **own)
        filters = time_constant(by.alpha) * one
        return nir.CubaLI(tau_syn=filters * DT, tau_mem=steps * DT, w_in=filters, **own)

    def _populations(self, node: Layer, w: Factored) -> tuple[str, str, str]:
        """Return I_EE, the interneurons s_I and I_EI; ReLU never clips a current >= 0."""
        sources = self._sources(node)
        excitatory = self._project(node, "excitatory", w.w_ee, sources)
        inhibitory = self._project(node, "inhibitory", w.w_ie, sources)
        size = (w.n_i, *self.circuit.shapes[node.name][1:])
        interneurons = self._put(node, "interneurons", nir.Scale(np.ones(size)), inhibitory)
        return excitatory, interneurons, self._onto(node, "subtractive", w.w_ei, interneurons)

    def _project(
        self,
        node: Layer,
        role: str,
        weight: Array,
        sources: list[str],
        bias: Array | None = None,
        *,
        reads: str = "",
    ) -> str:
        if weight.ndim == 2:
            linear = nir.Linear(weight) if bias is None else nir.Affine(weight, bias)
            return self._put(node, role, linear, *sources)
        at, shape = node.geometry, self.circuit.shapes[reads or node.inputs[0]]
        conv = _convolution(weight, shape, bias, stride=at.stride, padding=at.padding)
        return self._put(node, role, conv, *sources)

    def _onto(self, node: Layer, role: str, weight: Array, source: str) -> str:
        """Add a projection between the neurons of a layer, at every position alike."""
        size = self.circuit.shapes[node.name]
        if len(size) == 1:
            return self._put(node, role, nir.Linear(weight), source)
        kernel = weight[:, :, None, None]
        return self._put(node, role, _convolution(kernel, (0, *size[1:])), source)

    def _sources(self, node: Node) -> list[str]:
        return [source for name in node.inputs for source in self._of(name)]

    def _of(self, name: str) -> list[str]:
        return [self.out[name], *self.more.get(name, ())]

    def _put(self, node: Node, role: str, what: nir.NIRNode, *sources: str) -> str:
        return self._named(node, "_".join(filter(None, (_in_nir(node.name), role))), what, *sources)

    def _named(self, node: Node, name: str, what: nir.NIRNode, *sources: str) -> str:
        if name in self.nodes:
            raise InvariantError(
                f"two nodes would be called {name} in NIR",
                where=f"node {node.name}",
                fix="give the layers names that differ in more than dots and underscores",
            )
        self.nodes[name] = what
        self.edges += [(source, name) for source in sources]
        return name


def _convolution(
    kernel: Array, shape: Shape, bias: Array | None = None, *, stride: int = 1, padding: int = 0
) -> nir.Conv2d:
    return nir.Conv2d(
        input_shape=np.array(shape[1:]),
        weight=kernel,
        stride=np.array([stride, stride]),
        padding=np.array([padding, padding]),
        dilation=np.array([1, 1]),
        groups=1,
        bias=np.zeros(len(kernel), kernel.dtype) if bias is None else bias,
    )


def part_of(name: str) -> str:
    """Return the role of the weights of another node that a layer reads than its first."""
    return f"from_{_in_nir(name)}"


def _in_nir(name: str) -> str:
    return name.replace(".", "_").replace("/", "_")


def _per_channel(values: PerNeuron, size: Shape) -> Array:
    return np.asarray(values).reshape(-1, *(1,) * (len(size) - 1))


def _outline(node: Node) -> dict[str, Any]:
    """Return what of a node the NIR nodes do not say: its kind, its name, what it reads."""
    outline: dict[str, Any] = {"kind": node.kind, "name": node.name, "inputs": node.inputs}
    if node.delayed:
        outline["delayed"] = node.delayed
    if isinstance(node, Input):
        outline["high"] = node.high
    if isinstance(node, Neurons):
        outline |= _numbers(node.model)
    if isinstance(node, Layer) and isinstance(node.current, Logits) and node.current.integrator:
        outline["integrator"] = _numbers(node.current.integrator)
    return outline


def _numbers(fields: Frozen) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON has them."""
    own = vars(fields).items()
    return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in own}
