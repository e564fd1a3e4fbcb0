"""What both executors share: the walk through the nodes, time, and what is kept between steps."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from eideploy.circuit import Add, Array, Circuit, Layer, Neurons, Node, require_circuit
from eideploy.circuit.integrator import AnyIntegrator
from eideploy.execute.samples import maps
from eideploy.execute.trace import Recorder, Trace, require_kinds
from eideploy.numeric.operators import InArrays

Step = Callable[[Array, Array], tuple[Array, Array, int]]  # v, current -> next v, spikes, clipped
Filter = Callable[[Array, Array], tuple[Array, int]]  # s, current -> next s, clipped
Kept = dict[str, dict[str, list[Array]]]  # states of neurons by kind and node, in parts
MOST_ENTRIES = 1 << 20  # of patches, and what is made of them, at once: they stay in a cache
PER_NEURON = 8  # entries for what is made of a patch: sums, quotients, membranes
WHOLE = slice(None)


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """What a network keeps from one time step to the next, by node.

    membranes  of neurons and of a readout with an integrator, (B, ...); where there are none they
               are at rest
    synapses   of those whose current goes through a filter, likewise
    spikes     of the step before, (B, ...), of neurons whose spikes are read one step late
    """

    membranes: Mapping[str, Array] = field(default_factory=dict)
    synapses: Mapping[str, Array] = field(default_factory=dict)
    spikes: Mapping[str, Array] = field(default_factory=dict)


class Walk(ABC):
    """Runs a circuit node by node; values are (T, B, ...), or (1, B, ...) while constant.

    A layer and the nodes that read nothing but it take a few samples at a time, at all steps; nodes
    that read their own spikes of the step before take all samples, step by step.
    """

    number: type[np.generic]  # of spikes, between nodes

    def __init__(self, circuit: Circuit) -> None:
        require_circuit(circuit)
        self.circuit = circuit
        self.recorder = Recorder(frozenset(), circuit.steps)
        self.before = State()
        self.part = WHOLE  # of the samples
        self.kept: Kept | None = None  # the states afterwards, if they are kept

    @abstractmethod
    def entered(self, samples: Array) -> Array:
        """Return what the input makes of samples (B, ...) or (B, T, ...), (1 or T, B, ...)."""

    @abstractmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        """Return the output of a node."""

    def sequence(self, samples: Array, keep: frozenset[str], unit: float) -> Trace:
        """Run samples (B, ...) or (B, T, ...) from rest; `unit` is what one of the totals is."""
        require_kinds(keep)
        self.recorder, self.kept = Recorder(keep, self.circuit.steps), None
        totals, _ = self._advance(self.init(len(samples)), self.entered(samples))
        return self.recorder.trace(totals * unit, totals)

    def init(self, batch: int) -> State:
        """Return the state of `batch` samples before the first step."""
        shapes = self.circuit.shapes
        spikes = {n: np.zeros((batch, *shapes[n]), self.number) for n in self.circuit.remembered}
        return State(spikes=spikes)

    def step(self, state: State, x: Array) -> tuple[State, Array]:
        """Advance by one step, in which every sample reads x (B, ...); return the output (B, ...).

        The outputs of a readout, added up over the steps of a sequence, are its totals; with an
        integrator they are its membranes, and `Integrator.added` says what becomes of them.
        """
        self.recorder, self.kept = Recorder(frozenset(), 1), _nothing()
        y, after = self._advance(state, self.entered(x))
        return after, y

    def _advance(self, state: State, x: Array) -> tuple[Array, State]:
        """Return the total of the last node's output, (B, ...), and the state behind."""
        circuit, first, steps = self.circuit, self.circuit.input.name, self.recorder.steps
        self.before = state
        self.recorder.array("inputs", first, x)
        values = {first: x}
        last = {name: node for node in circuit.nodes for name in node.inputs}
        for nodes, is_loop in _stretches(circuit):
            values |= self._loop(nodes, values) if is_loop else self._chain(nodes, values)
            done = [n for n in values if last.get(n) in nodes and n not in circuit.remembered]
            for name in done:
                del values[name]
        out = values[circuit.output.name]
        spikes = {name: values[name][-1] for name in circuit.remembered}
        integrator = circuit.logits.integrator
        if integrator is None:
            total = np.asarray(out.sum(0) * (steps // out.shape[0]))
        else:
            total = self._integrated(integrator, out)
        return total, _state(self.kept or _nothing(), spikes)

    def _integrated(self, by: AnyIntegrator, currents: Array) -> Array:
        """Return what is read over time of the membranes of the output's neurons, (B, n)."""
        name, do, total = self.circuit.output.name, InArrays(0), None  # nothing saturates
        kinds = ("membranes", "synapses")[: by.states]
        before = (self.before.membranes, self.before.synapses)[: by.states]
        states = [self._from_before(each, name, currents[0]) for each in before]
        for t in range(self.recorder.steps):
            states = by.step(states, currents[t % len(currents)], do)
            total = by.added(total, states[0])
        if self.kept is not None:
            for kind, state in zip(kinds, states, strict=True):
                self.kept[kind][name] = [state]
        assert total is not None  # a run has steps
        return total

    def _chain(self, chain: Sequence[Node], values: Mapping[str, Array]) -> dict[str, Array]:
        """Return the output of the last of nodes that read one another, at all steps."""
        inputs = self._reads(chain[0], values, {n: self._late(n, values) for n in chain[0].delayed})
        parts = []
        for part in self._parts(chain, inputs):
            self.part = part
            parts.append(self.apply_chain(chain, *(v[:, part] for v in inputs)))
        self.part = WHOLE
        return {chain[-1].name: _joined(parts, axis=1)}

    def apply_chain(self, chain: Sequence[Node], *inputs: Array) -> Array:
        """Return the output of the last of nodes that read one another."""
        value = self.apply(chain[0], *inputs)
        for node in chain[1:]:
            value = self.apply(node, value)
        return value

    def _loop(self, nodes: Sequence[Node], values: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs of nodes that read their own spikes of the step before."""
        whole, before, states = self.recorder, self.before, self.kept
        own = {node.name for node in nodes}
        outer_inputs = dict.fromkeys(
            name for node in nodes for name in node.inputs if name in values
        )
        outer = {n: self._late(n, values) for node in nodes for n in node.delayed if n not in own}
        last = {n: spikes[None] for n, spikes in before.spikes.items() if n in own}
        outputs, recorders = defaultdict(list), []
        for t in range(whole.steps):
            self.recorder, self.kept = Recorder(whole.keep, 1), _nothing()
            now = {name: values[name][t % len(values[name])][None] for name in outer_inputs}
            late = last | {name: spikes[t][None] for name, spikes in outer.items()}
            for node in nodes:
                now[node.name] = self.apply(node, *self._reads(node, now, late))
                outputs[node.name].append(now[node.name])
            last = {name: now[name] for name in last}
            self.before = _state(self.kept)
            recorders.append(self.recorder)
        if states is not None:
            for kind, by_node in (self.kept or {}).items():
                states[kind] |= by_node
        whole.add_steps(recorders)
        self.recorder, self.before, self.kept = whole, before, states
        return {name: np.concatenate(steps) for name, steps in outputs.items()}

    def _reads(
        self, node: Node, values: Mapping[str, Array], late: Mapping[str, Array]
    ) -> list[Array]:
        """Return what a node reads; of several nodes that a layer reads, one array."""
        reads = [(late if name in node.delayed else values)[name] for name in node.inputs]
        if not isinstance(node, Layer) or len(reads) == 1:
            return reads
        steps = max(map(len, reads))
        return [np.concatenate([np.broadcast_to(v, (steps, *v.shape[1:])) for v in reads], axis=2)]

    def _late(self, name: str, values: Mapping[str, Array]) -> Array:
        """Return the spikes (T, B, ...) of the steps before."""
        return np.concatenate([self.before.spikes[name][None], values[name][:-1]])

    def _parts(self, chain: Sequence[Node], inputs: Sequence[Array]) -> Iterator[slice]:
        """Yield the samples that go together through nodes, of which the first reads `inputs`."""
        node, x = chain[0], inputs[0]
        entries = node.fan_in + PER_NEURON * node.n_e if isinstance(node, Layer) else 1
        positions = prod(self.circuit.shapes[node.name][1:])
        size = max(1, MOST_ENTRIES // (len(x) * entries * positions))
        for start in range(0, x.shape[1], size):
            yield slice(start, start + size)

    def keep_inhibition(self, node: Layer, s: Array) -> None:
        """Record s_I (S, B, positions, n_I)."""
        shape = self.circuit.shapes[node.name]
        self.recorder.array("inhibition", node.name, maps(s, (s.shape[-1], *shape[1:])))

    def keep_divisor(self, node: Layer, rows: Array, unit: Array | None = None) -> None:
        """Record an E-I layer's divisor, (S, B, positions, n_E) in units of `unit` (n_E,)."""
        record, name = self.recorder, node.name
        if "divisors" in record.keep:
            divisor = rows if unit is None else (rows / unit).astype(np.int64)
            record.array("divisors", name, maps(divisor, self.circuit.shapes[name]))
        record.count("zeros", name, rows.size - int(np.count_nonzero(rows)), rows)

    def keep_current(self, node: Layer, rows: Array, saturated: int) -> Array:
        """Record a layer's current (S, B, positions, n_E); return it as maps."""
        current = maps(rows, self.circuit.shapes[node.name])
        self.recorder.array("currents", node.name, current)
        self.recorder.count("saturated", node.name, saturated, rows)
        self.recorder.count("entries", node.name, rows.size, rows)
        return current

    def over_time(
        self, node: Neurons, current: Array, step: Step, through: Filter | None = None
    ) -> Array:
        """Return the spikes (T, B, ...) of neurons, from where they were before.

        A neuron with several spikes a step has a number of them, any other a truth.
        """
        steps, record, name = self.recorder.steps, self.recorder, node.name
        v = self._from_before(self.before.membranes, name, current[0])
        s = v if through is None else self._from_before(self.before.synapses, name, current[0])
        kind = bool if node.model.most_spikes == 1 else np.uint8
        spikes = np.zeros_like(current, kind, shape=(steps, *v.shape))
        keeps = "membranes" in record.keep
        membranes = np.zeros_like(current, shape=spikes.shape) if keeps else None
        clipped = 0
        for t in range(steps):
            now = current[t % len(current)]
            if through is not None:
                s, count = through(s, now)
                now = s
                clipped += count
            v, spikes[t], count = step(v, now)
            clipped += count
            if membranes is not None:
                membranes[t] = v
        if self.kept is not None:
            self.kept["membranes"].setdefault(name, []).append(v)
            if through is not None:
                self.kept["synapses"].setdefault(name, []).append(s)
        record.array("spikes", name, spikes)
        if membranes is not None:
            record.array("membranes", name, membranes)
        record.count("saturated", name, clipped, spikes)
        record.count("entries", name, spikes.size, spikes)
        return spikes

    def _from_before(self, states: Mapping[str, Array], name: str, like: Array) -> Array:
        """Return a copy of the states that neurons had before, zeros at first."""
        state = np.zeros_like(like)
        if name in states:
            state[...] = states[name][self.part]
        return state


def _nothing() -> Kept:
    return {"membranes": {}, "synapses": {}}


def _state(states: Kept, spikes: Mapping[str, Array] | None = None) -> State:
    joined = {
        kind: {name: _joined(parts) for name, parts in by_node.items()}
        for kind, by_node in states.items()
    }
    return State(membranes=joined["membranes"], synapses=joined["synapses"], spikes=spikes or {})


def _joined(parts: list[Array], axis: int = 0) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis)


def _stretches(circuit: Circuit) -> Iterator[tuple[Sequence[Node], bool]]:
    """Yield the nodes but the input in order, as loops and as the chains between them."""
    start, end = 1, len(circuit.nodes)
    for loop in (*circuit.loops, range(end, end)):
        if start < loop.start:
            between = circuit.nodes[start : loop.start]
            yield from ((chain, False) for chain in _chains(circuit, between))
        if loop:
            yield circuit.nodes[loop.start : loop.stop], True
        start = loop.stop


def _chains(circuit: Circuit, nodes: Sequence[Node]) -> Iterator[list[Node]]:
    """Yield nodes in chains.

    A chain goes on where a node is all that reads the one before it, up to the next layer.
    """
    chain: list[Node] = []
    for node, following in zip(nodes, (*nodes[1:], None), strict=True):
        chain.append(node)
        goes_on = following is not None and not isinstance(following, Layer | Add)
        if not goes_on or circuit.consumers(node.name) != (following,):
            yield chain
            chain = []
