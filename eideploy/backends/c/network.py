"""An integer circuit as one file of C and its header.

A time step goes through the nodes in order. What a layer reads are events, entries that are not
zero; each adds its weights to the sums (A2, A3, A26, A27) of the positions that it reaches. Sums
lie position by position, the neurons of one side by side, and only as long as their layer runs.
Equations (A..) are in docs/arithmetic.md.
"""

import re
from collections.abc import Sequence
from math import prod
from textwrap import indent

import numpy as np

from eideploy.backends.c.constants import (
    Packed,
    bytes_of,
    signed_type,
    type_of,
    unsigned_type,
)
from eideploy.backends.c.layers import hidden_layer, readout
from eideploy.backends.c.memory import Member, Source
from eideploy.backends.c.operators import WORD, Body, Term, as_text
from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Flatten,
    IntegerInput,
    Layer,
    Neurons,
    Node,
)
from eideploy.circuit.limits import limits, peaks
from eideploy.divisions import Divider
from eideploy.errors import CapacityError
from eideploy.numeric.fixed import top

# What a node cannot be called: names of net.h, behind its net_ or not, and words of C or C++.
RESERVED = """totals sums s w x input state init step run NULL
NET_H NET_INPUTS NET_STEPS NET_CLASSES NET_INPUT_TOP
alignas alignof and and_eq asm auto bitand bitor bool break case catch char class compl const
const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit
export extern false float for friend goto if inline int long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast restrict return
short signed sizeof static static_assert static_cast struct switch template this thread_local throw
true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
xor_eq"""
OF_NEURONS = ("_v", "_spikes", "_before")  # how the members of neurons end


class Network:
    """The parts of net.c and net.h of an integer circuit.

    Raises:
        CapacityError: the circuit has what there is no C for, named with its node.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.names = _identifiers(circuit)
        self.limits, self.peaks = limits(circuit), peaks(circuit)
        self.tables: dict[str, Array] = {}  # constants, by name
        self.functions: dict[str, str] = {}
        self.state: list[Member] = []
        self.sums: dict[str, list[Member]] = {}  # by layer
        self.weights: list[Packed] = []
        self.sources: dict[str, Source] = {}
        self.calls: list[str] = []
        for node in circuit.nodes:
            self._node(node)

    @property
    def input(self) -> IntegerInput:
        """The first node."""
        node = self.circuit.input
        assert isinstance(node, IntegerInput)
        return node

    @property
    def readout(self) -> Layer:
        """The last node."""
        node = self.circuit.output
        assert isinstance(node, Layer)
        return node

    @property
    def input_type(self) -> str:
        """The type of an entry of the input."""
        return unsigned_type(self.input.top)

    @property
    def total(self) -> Member:
        """The readout's sums over time."""
        return self.state[-1]

    def member(self, name: str) -> Member:
        """Return a member of the state."""
        return next(member for member in self.state if member.name == name)

    @property
    def constant_bytes(self) -> int:
        """How many bytes of constants the network reads."""
        tables = sum(bytes_of(type_of(values)) * values.size for values in self.tables.values())
        return tables + sum(weights.size for weights in self.weights)

    @property
    def state_bytes(self) -> int:
        """How many bytes a net_state takes, but for what a compiler aligns."""
        sums = (sum(member.bytes for member in members) for members in self.sums.values())
        return sum(member.bytes for member in self.state) + max(sums, default=0)

    @property
    def watched(self) -> list[Member]:
        """The membranes and spikes of all neurons, in the order of the circuit."""
        return [m for m in self.state if m.name.endswith(("_v", "_spikes"))]

    @property
    def remembering(self) -> list[str]:
        """Statements that keep the spikes of the step before."""
        names = (self.names[name] for name in self.circuit.remembered)
        return [f"memcpy(s->{n}_before, s->{n}_spikes, sizeof s->{n}_before);" for n in names]

    def _node(self, node: Node) -> None:
        shape = self.circuit.shapes[node.name]
        reads = [
            self._read(node, name)
            for name in node.inputs
            if name in self.sources or name in node.delayed
        ]
        match node:
            case IntegerInput():
                self.sources[node.name] = Source(text="x", kind=self.input_type, shape=shape)
            case Flatten():
                self.sources[node.name] = Source(
                    text=reads[0].text, kind=reads[0].kind, shape=shape
                )
            case AvgPool() | Add():
                self._combined(node, reads)
            case Layer() if node.is_readout:
                self._readout(node, reads)
            case Layer():
                self._hidden(node, reads)
            case Neurons() if isinstance(self.circuit.node(node.inputs[0]), Layer):
                pass  # its layer has called it
            case _:
                raise CapacityError(
                    f"there is no C for a {type(node).__name__} that reads "
                    f"{', '.join(node.inputs)}",
                    where=f"node {node.name}",
                    fix="let neurons read a layer, and run others in the integer simulator",
                )

    def _is_source(self, node: Node, name: str) -> bool:
        """Return whether a node reads events of another, not the currents of a layer."""
        return name in self.sources or name in node.delayed

    def _read(self, node: Node, name: str) -> Source:
        """Return what a node reads of another, which may be what it put out a step before."""
        if name not in node.delayed:
            return self.sources[name]
        shape = self.circuit.shapes[name]
        return Source(text=f"s->{self.names[name]}_before", kind="", shape=shape)

    def _combined(self, node: AvgPool | Add, reads: Sequence[Source]) -> None:
        name, shape = self.names[node.name], self.circuit.shapes[node.name]
        kind = unsigned_type(self.peaks[node.name])
        self.state.append(Member(name=name, kind=kind, size=prod(shape)))
        self.sources[node.name] = Source(text=f"s->{name}", kind=kind, shape=shape)
        body = _pooled(node, reads[0], shape) if isinstance(node, AvgPool) else _added(reads, shape)
        self._step(name, f"{kind} *const out = s->{name};\n{body.replace('$kind', kind)}", reads)

    def _step(self, name: str, body: str, reads: Sequence[Source]) -> None:
        """Keep a function of a node, and its call."""
        given = any(source.text == "x" for source in reads)
        parameters = f"net_state *s, const {self.input_type} *x" if given else "net_state *s"
        self.functions[f"step_{name}"] = (
            f"static void step_{name}({parameters})\n{{\n{indent(body, '    ')}\n}}"
        )
        self.calls.append(f"step_{name}(s, x);" if given else f"step_{name}(s);")

    def _hidden(self, node: Layer, reads: Sequence[Source]) -> None:
        readers = self.circuit.consumers(node.name)
        if len(readers) != 1 or not isinstance(readers[0], Neurons):
            raise CapacityError(
                f"the layer is read by {', '.join(n.name for n in readers) or 'nothing'}",
                where=f"node {node.name}",
                fix="let one node of neurons read every hidden layer",
            )
        neurons = readers[0]
        name, own = self.names[node.name], self.names[neurons.name]
        shape = self.circuit.shapes[node.name]
        low, high = (
            -(1 << (neurons.integer_model.membrane_bits - 1)),
            top(neurons.integer_model.membrane_bits),
        )
        self.state.append(Member(name=f"{own}_v", kind=signed_type(low, high), size=prod(shape)))
        self.state.append(Member(name=f"{own}_spikes", kind="uint8_t", size=-(-prod(shape) // 8)))
        if neurons.name in self.circuit.remembered:
            size = self.state[-1].size
            self.state.append(Member(name=f"{own}_before", kind="uint8_t", size=size))
        self.sources[neurons.name] = Source(text=f"s->{own}_spikes", kind="", shape=shape)
        self._neuron_function(neurons)
        self._step(name, hidden_layer(self, node, neurons, reads), reads)

    def _readout(self, node: Layer, reads: Sequence[Source]) -> None:
        reach = self.limits[node.name]
        kind = signed_type(min(reach.total_low, -1), reach.total_high)
        self.state.append(Member(name="totals", kind=kind, size=node.n_e))
        self._step(self.names[node.name], readout(self, node, reads), reads)

    def _neuron_function(self, node: Neurons) -> None:
        name, model = self.names[node.name], node.integer_model
        body = Body(model.membrane_bits, lambda what, values: self.table(f"{name}_{what}", values))
        v, z, _ = model.step(Term(body, "v"), Term(body, "i"), body)
        lines = ["(void)n;", *body.lines, f"*next = {as_text(v)};", f"return {as_text(z)} != 0;"]
        self.functions[f"fire_{name}"] = (
            f"static int fire_{name}({WORD} v, {WORD} i, uint32_t n, {WORD} *next)\n"
            f"{{\n{indent(chr(10).join(lines), '    ')}\n}}"
        )

    def divide(self, divider: Divider, bits: int) -> str:
        """Return the name of the function that divides."""
        name = "divide_" + re.sub(r"\W+", "_", f"{divider.label}_{bits}")
        if name not in self.functions:
            body = Body(bits, lambda what, values: self.table(f"{name}_{what}", values))
            num, den, fraction = (Term(body, name) for name in ("num", "den", "fraction"))
            result = divider.quotient(num, den, fraction, body)
            lines = [*body.lines, f"return {as_text(result)};"]
            self.functions[name] = (
                f"static {WORD} {name}({WORD} num, {WORD} den, {WORD} fraction)\n"
                f"{{\n{indent(chr(10).join(lines), '    ')}\n}}"
            )
        return name

    def table(self, name: str, values: Array) -> str:
        """Return what C calls an array of constants, by `name` or the next that is free."""
        while not np.array_equal(self.tables.setdefault(name, values), values):
            name += "_"
        return name

    def each(self, name: str, values: Array, index: str = "n") -> str:
        """Return a number of neuron n: of the array, or the one that all have."""
        if (values == values[0]).all():
            return as_text(values[0])
        return f"({WORD}){self.table(name, values)}[{index}]"

    def packed(self, name: str, values: Array) -> Packed:
        """Return weights, in the order in which they are read."""
        weights = Packed(name=name, values=np.ascontiguousarray(values))
        self.weights.append(weights)
        return weights


def _identifiers(circuit: Circuit) -> dict[str, str]:
    """Return a name of C for every node, no two alike."""
    names: dict[str, str] = {}
    for node in circuit.nodes:
        name = re.sub(r"\W", "_", node.name, flags=re.ASCII)
        name = name if re.match(r"[A-Za-z]", name) else f"node_{name}"
        taken = {*names.values(), *RESERVED.split()}
        while name in taken or name.endswith(OF_NEURONS):
            name += "_"
        names[node.name] = name
    return names


def _pooled(node: AvgPool, source: Source, shape: tuple[int, ...]) -> str:
    """Return the sums over windows side by side (A11)."""
    _, height, width = source.shape
    k = node.kernel
    entry = source.entry(f"(c * {height}u + row) * {width}u + column")
    return (
        f"for (uint32_t c = 0, o = 0; c < {shape[0]}u; ++c) {{\n"
        f"    for (uint32_t y = 0; y < {shape[1]}u; ++y) {{\n"
        f"        for (uint32_t z = 0; z < {shape[2]}u; ++z, ++o) {{\n"
        "            uint32_t sum = 0;\n"
        f"            for (uint32_t i = 0; i < {k * k}u; ++i) {{\n"
        f"                const uint32_t row = y * {k}u + i / {k}u;\n"
        f"                const uint32_t column = z * {k}u + i % {k}u;\n"
        f"                sum += (uint32_t){entry};\n"
        "            }\n"
        "            out[o] = ($kind)sum;\n"
        "        }\n    }\n}"
    )


def _added(reads: Sequence[Source], shape: tuple[int, ...]) -> str:
    """Return the sum of two branches."""
    both = " + ".join(f"(uint32_t){source.entry('i')}" for source in reads)
    return f"for (uint32_t i = 0; i < {prod(shape)}u; ++i) {{\n    out[i] = ($kind)({both});\n}}"
