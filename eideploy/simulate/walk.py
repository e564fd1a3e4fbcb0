"""What both executors share: the walk through the nodes, and time."""

from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from eideploy.circuit import Add, Array, Circuit, Layer, Node
from eideploy.simulate.samples import maps
from eideploy.simulate.trace import Recorder

Step = Callable[[Array, Array], tuple[Array, Array, int]]  # v, current -> next v, spikes, clipped
MOST_ENTRIES = 1 << 20  # of patches, and what is made of them, at once: they stay in a cache
PER_NEURON = 8  # entries for what is made of a patch: sums, quotients, membranes


class Walk:
    """Runs a circuit node by node; values are (T, B, ...), or (1, B, ...) while constant.

    A layer and the nodes that read nothing but it take a few samples at a time.
    """

    def __init__(self, circuit: Circuit, recorder: Recorder) -> None:
        self.circuit, self.recorder = circuit, recorder

    def run(self, x: Array, apply: Callable[..., Array]) -> Array:
        """Return the sum over time of the last node's output, (B, ...)."""
        first = self.circuit.input.name
        self.recorder.array("inputs", first, x)
        values = {first: x}
        for chain, last_read in _chains(self.circuit):
            inputs = [values[name] for name in chain[0].inputs]
            parts = []
            for part in self._parts(chain[0], inputs[0]):
                value = apply(chain[0], *(v[:, part] for v in inputs))
                for node in chain[1:]:
                    value = apply(node, value)
                parts.append(value)
            values[chain[-1].name] = parts[0] if len(parts) == 1 else np.concatenate(parts, 1)
            for name in last_read:
                del values[name]
        out = values[self.circuit.output.name]
        return np.asarray(out.sum(0) * (self.circuit.steps // out.shape[0]))

    def _parts(self, node: Node, x: Array) -> Iterator[slice]:
        """Yield the samples that go through `node`, which reads x (S, B, ...), together."""
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

    def over_time(self, name: str, current: Array, step: Step) -> Array:
        """Return the spikes (T, B, ...) of neurons that start at rest."""
        steps, record = self.circuit.steps, self.recorder
        v = np.zeros_like(current[0])
        spikes = np.zeros_like(current, bool, shape=(steps, *v.shape))
        keeps = "membranes" in record.keep
        membranes = np.zeros_like(current, shape=spikes.shape) if keeps else None
        clipped = 0
        for t in range(steps):
            v, spikes[t], count = step(v, current[t % len(current)])
            clipped += count
            if membranes is not None:
                membranes[t] = v
        record.array("spikes", name, spikes)
        if membranes is not None:
            record.array("membranes", name, membranes)
        record.count("saturated", name, clipped, spikes)
        record.count("entries", name, spikes.size, spikes)
        return spikes


def _chains(circuit: Circuit) -> Iterator[tuple[list[Node], list[str]]]:
    """Yield the nodes in chains, each with the names that no node behind it reads.

    A chain goes on where a node is all that reads the one before it, up to the next layer.
    """
    last = {name: node for node in circuit.nodes for name in node.inputs}
    chain: list[Node] = []
    for node, following in zip(circuit.nodes[1:], (*circuit.nodes[2:], None), strict=True):
        chain.append(node)
        starts_anew = following is None or isinstance(following, Layer | Add)
        if starts_anew or circuit.consumers(node.name) != (following,):
            yield chain, [name for name in dict.fromkeys(chain[0].inputs) if last[name] in chain]
            chain = []
