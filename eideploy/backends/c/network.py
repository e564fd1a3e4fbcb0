"""An integer circuit as one file of C and its header.

A time step goes through the nodes in order; where the sample is that of the step before, only
through those that do anything else than then. What a layer reads are events, entries that are not
zero; each adds its weights to the sums (A2, A3, A26, A27) of the positions that it reaches. A dense
layer multiplies all entries instead. Sums lie position by position, the neurons of one side by
side, and only as long as their layer runs. Equations (A..) are in docs/arithmetic.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from eideploy.backends.c.layers import (
    current_reach,
    driven,
    hidden_layer,
    membrane_range,
    readout,
    updated,
)
from eideploy.backends.c.operators import Range, Term, as_text, reach_of, type_of_range
from eideploy.backends.c.plan import BY_EVENTS, Plan, plan_of, still
from eideploy.backends.c.syntax import (
    block,
    bytes_of,
    function,
    literal,
    loop,
    signed_type,
    type_of,
    unsigned_type,
)
from eideploy.backends.c.unit import FILTERED, INTEGRATED, TOTALS, Member, Source, Unit
from eideploy.backends.digital.program import Program
from eideploy.circuit import (
    Add,
    AvgPool,
    Circuit,
    Flatten,
    IntegerInput,
    IntegerIntegrator,
    Layer,
    Neurons,
    Node,
)
from eideploy.errors import CapacityError
from eideploy.numeric.fixed import top


@dataclass(frozen=True, kw_only=True)
class Size:
    """How many bytes a node takes: a layer with its neurons.

    constants  weights, thresholds; a table of the first layer that divides by it
    state      kept from step to step
    sums       while it runs; all layers share the room of the largest
    """

    node: str
    constants: int
    state: int
    sums: int

    @property
    def bytes(self) -> tuple[int, int, int]:
        """The three of them."""
        return self.constants, self.state, self.sums


class Network(Unit):
    """The parts of net.c and net.h of an integer circuit.

    Raises:
        CapacityError: the circuit has what there is no C for, named with its node.
    """

    def __init__(self, circuit: Circuit, plan: Plan = BY_EVENTS) -> None:
        super().__init__(circuit)
        self.plan, self.still = plan, still(circuit)
        self.sources: dict[str, Source] = {}
        self.calls: list[str] = []  # of a step
        self.again: list[str] = []  # those of them that a sample which stays needs
        self.sizes: list[Size] = []
        for node in circuit.nodes:
            constants, state = self.constant_bytes, self._kept_bytes
            self._node(node)
            size = Size(
                node=node.name,
                constants=self.constant_bytes - constants,
                state=self._kept_bytes - state,
                sums=sum(m.bytes for m in self.sums.get(self.names[node.name], ())),
            )
            self.sizes += [size] if any(size.bytes) else []

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
    def constant_bytes(self) -> int:
        """How many bytes of constants the network reads."""
        tables = sum(bytes_of(type_of(values)) * values.size for values in self.tables.values())
        return tables + sum(weights.size for weights in self.weights)

    @property
    def state_bytes(self) -> int:
        """How many bytes a net_state takes, but for what a compiler aligns."""
        return self._kept_bytes + max((size.sums for size in self.sizes), default=0)

    @property
    def _kept_bytes(self) -> int:
        return sum(member.bytes for member in self.state)

    @property
    def watched(self) -> list[Member]:
        """The membranes and spikes of all neurons, in the order of the circuit."""
        return [m for m in self.state if m.name.endswith(("_v", "_spikes"))]

    @property
    def beginning(self) -> str:
        """What comes before the first step: a largest membrane is below all that there can be."""
        integrator = self.circuit.logits.integrator
        if integrator is None or integrator.read != "max":
            return ""
        lowest = f"s->totals[n] = {literal(int(self.limits[self.readout.name].total_low))};"
        return "\n" + block(loop("n", self.readout.n_e), [lowest])

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
                self.sources[node.name] = replace(reads[0], shape=shape)
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

    def _read(self, node: Node, name: str) -> Source:
        """Return what a node reads of another, which may be what it put out a step before."""
        if name not in node.delayed:
            return self.sources[name]
        neurons, shape = self.circuit.node(name), self.circuit.shapes[name]
        assert isinstance(neurons, Neurons)  # nothing else is read late
        return Source(text=f"s->{self.names[name]}_before", kind=spike_type(neurons), shape=shape)

    def _combined(self, node: AvgPool | Add, reads: Sequence[Source]) -> None:
        name, shape = self.names[node.name], self.circuit.shapes[node.name]
        kind = unsigned_type(self.peaks[node.name])
        self.state.append(Member(name=f"{name}_out", kind=kind, size=prod(shape)))
        self.sources[node.name] = Source(text=f"s->{name}_out", kind=kind, shape=shape)
        if isinstance(node, AvgPool):
            body = _pooled(node.kernel, reads[0], shape, kind)
        else:
            body = _added(reads, shape, kind)
        stays = node.name in self.still
        self._step(name, [f"{kind} *const out = s->{name}_out;", body], reads, stays=stays)

    def _step(
        self,
        name: str,
        body: Sequence[str],
        reads: Sequence[Source] = (),
        *,
        what: str = "update",
        stays: bool = False,
    ) -> None:
        """Keep a function of a node, and its call; one that stays while the sample does."""
        takes_input = any(source.text == "x" for source in reads)
        parameters = f"net_state *s, const {self.input_type} *x" if takes_input else "net_state *s"
        called = f"{name}_{what}"
        self.functions[called] = function(f"static void {called}({parameters})", body)
        self.calls.append(f"{called}(s, x);" if takes_input else f"{called}(s);")
        self.again += [] if stays else self.calls[-1:]

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
        most = top(neurons.integer_model.membrane_bits)
        kind = signed_type(-most - 1, most)
        self.state.append(Member(name=f"{own}_v", kind=kind, size=prod(shape)))
        if neurons.model.has_synapse:
            self.state.append(Member(name=f"{own}_synapse", kind=kind, size=prod(shape)))
        of_spikes = spike_type(neurons)
        size = prod(shape) if of_spikes else -(-prod(shape) // 8)
        self.state.append(Member(name=f"{own}_spikes", kind="uint8_t", size=size))
        if neurons.name in self.circuit.remembered:
            self.state.append(Member(name=f"{own}_before", kind="uint8_t", size=size))
        self.sources[neurons.name] = Source(text=f"s->{own}_spikes", kind=of_spikes, shape=shape)
        self._neuron_function(neurons, node)
        way = self.plan.of(node.name)
        if way.kept:
            current = signed_type(*current_reach(node))
            self.state.append(Member(name=f"{own}_current", kind=current, size=prod(shape)))
            body = driven(self, node, neurons, reads, dense=way.dense)
            self._step(name, body, reads, what="drive", stays=True)
            self._step(name, updated(self, node, neurons))
        else:
            self._step(name, hidden_layer(self, node, neurons, reads, dense=way.dense), reads)

    def _readout(self, node: Layer, reads: Sequence[Source]) -> None:
        reach = self.limits[node.name]
        kind = signed_type(min(reach.total_low, -1), reach.total_high)
        integrator = self.circuit.logits.integrator
        if isinstance(integrator, IntegerIntegrator):
            states = reach.state_low, reach.state_high
            of_state = signed_type(min(states[0], -1), states[1])
            names = (INTEGRATED, FILTERED)[: integrator.states]
            self.state += [Member(name=name, kind=of_state, size=node.n_e) for name in names]
            self._integrating(integrator, of_state, states)
        self.state.append(Member(name=TOTALS, kind=kind, size=node.n_e))
        body = readout(self, node, reads, dense=self.plan.of(node.name).dense)
        self._step(self.names[node.name], body, reads)

    def _integrating(self, by: IntegerIntegrator, kind: str, states: Range) -> None:
        """Keep the function of a step of an integrator, whose states, and NUM, `states` holds."""
        body = self.body("integrate", 0)
        terms = [Term(body, "v", states), Term(body, "s", states)][: by.states]
        v, *filtered = by.step(terms, Term(body, "i", states), body)
        pointer, lines = "", list(body.lines)
        if filtered:
            pointer = f" {kind} *filtered,"
            lines = [
                f"const {kind} s = *filtered;",
                *lines,
                f"*filtered = ({kind}){as_text(filtered[0])};",
            ]
        self.functions["integrate"] = function(
            f"static {kind} integrate({kind} v,{pointer} {kind} i, uint32_t n)",
            ["(void)n;", *lines, f"return ({kind}){as_text(v)};"],
        )

    def _neuron_function(self, node: Neurons, layer: Layer) -> None:
        name, model = self.names[node.name], node.integer_model
        body, membrane = self.body(name, model.membrane_bits), membrane_range(model)
        reach = membrane if model.has_synapse else current_reach(layer)
        v, z, _ = model.step(Term(body, "v", membrane), Term(body, "i", reach), body)
        kinds = type_of_range(membrane), type_of_range(reach)
        # A reset leaves what a membrane holds, which the ranges of its operators do not know.
        left = as_text(v) if type_of_range(reach_of(v)) == kinds[0] else f"({kinds[0]}){as_text(v)}"
        self.functions[f"{name}_fire"] = function(
            f"static int {name}_fire({kinds[0]} v, {kinds[1]} i, uint32_t n, {kinds[0]} *next)",
            ["(void)n;", *body.lines, f"*next = {left};", f"return (int){as_text(z)};"],
        )
        if model.has_synapse:
            body, current = self.body(name, model.membrane_bits), current_reach(layer)
            s, _ = model.filtered(Term(body, "s", membrane), Term(body, "i", current), body)
            kind = type_of_range(membrane)
            self.functions[f"{name}_filter"] = function(
                f"static {kind} {name}_filter({kind} s, {type_of_range(current)} i, uint32_t n)",
                ["(void)n;", *body.lines, f"return ({kind}){as_text(s)};"],
            )


def network_of(program: Program) -> Network:
    """Return the parts of a program's C."""
    return Network(program.circuit, plan_of(program))


def spike_type(node: Neurons) -> str:
    """Return the type of an entry of spikes; "" of single ones, of which eight are a byte."""
    return "uint8_t" if node.model.most_spikes > 1 else ""


def _pooled(kernel: int, source: Source, shape: tuple[int, ...], kind: str) -> str:
    """Return the sums over windows side by side (A11)."""
    _, height, width = source.shape
    entry = source.entry(f"(c * {height}u + row) * {width}u + column")
    window = [
        f"const uint32_t row = y * {kernel}u + i / {kernel}u;",
        f"const uint32_t column = z * {kernel}u + i % {kernel}u;",
        f"sum += (uint32_t){entry};",
    ]
    position = [
        "uint32_t sum = 0;",
        block(loop("i", kernel**2), window),
        f"out[o] = ({kind})sum;",
    ]
    columns = block(f"for (uint32_t z = 0; z < {shape[2]}u; ++z, ++o)", position)
    rows = block(loop("y", shape[1]), [columns])
    return block(f"for (uint32_t c = 0, o = 0; c < {shape[0]}u; ++c)", [rows])


def _added(reads: Sequence[Source], shape: tuple[int, ...], kind: str) -> str:
    """Return the sum of two branches."""
    both = " + ".join(f"(uint32_t){source.entry('i')}" for source in reads)
    return block(loop("i", prod(shape)), [f"out[i] = ({kind})({both});"])
