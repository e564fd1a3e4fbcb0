"""What both executors share: the walk through the nodes, and time."""

from collections.abc import Callable

import numpy as np

from eideploy.circuit import Add, Array, Circuit, Flatten, Node
from eideploy.circuit.nodes import Synapses
from eideploy.simulate.samples import maps, patches
from eideploy.simulate.trace import Recorder

Step = Callable[[Array, Array], tuple[Array, Array, int]]  # v, current -> next v, spikes, clipped


class Walk:
    """Runs a circuit node by node; values are (T, B, ...), or (1, B, ...) while constant."""

    def __init__(self, circuit: Circuit, recorder: Recorder) -> None:
        self.circuit, self.recorder = circuit, recorder

    def run(self, x: Array, apply: Callable[..., Array]) -> Array:
        """Return the sum over time of the last node's output, (B, ...)."""
        first = self.circuit.input.name
        self.recorder.array("inputs", first, x)
        values = {first: x}
        for node in self.circuit.nodes[1:]:
            inputs = (values[name] for name in node.inputs)
            rule = self.reshape if isinstance(node, Flatten | Add) else apply
            values[node.name] = rule(node, *inputs)
        out = values[self.circuit.output.name]
        return np.asarray(out.sum(0) * (self.circuit.steps // out.shape[0]))

    def reshape(self, node: Node, x: Array, *others: Array) -> Array:
        """Return what Flatten and Add give, in floats and in integers alike."""
        del node
        return x + others[0] if others else x.reshape(*x.shape[:2], -1)

    def columns(self, node: Synapses, x: Array) -> Array:
        """Return the presynaptic values of every output position (S, B, positions, fan_in)."""
        self.recorder.array("inputs", node.name, x)
        return patches(node, x)

    def keep_inhibition(self, node: Synapses, s: Array) -> None:
        """Record s_I (S, B, positions, n_I)."""
        if "inhibition" in self.recorder.keep:
            shape = self.circuit.shapes[node.name]
            self.recorder.array("inhibition", node.name, maps(s, (node.n_i, *shape[1:])))

    def keep_current(self, node: Synapses, rows: Array, divisor: Array, saturated: int) -> Array:
        """Record an E-I layer's current and divisor (S, B, positions, n_E); return the current."""
        shape, record, name = self.circuit.shapes[node.name], self.recorder, node.name
        current = maps(rows, shape)
        record.array("currents", name, current)
        record.array("divisors", name, maps(divisor, shape))
        record.count("saturated", name, saturated, divisor)
        record.count("zeros", name, int((divisor == 0).sum()), divisor)
        record.count("entries", name, divisor.size, divisor)
        return current

    def over_time(self, name: str, current: Array, step: Step) -> Array:
        """Return the spikes (T, B, ...) of neurons that start at rest."""
        steps, record = self.circuit.steps, self.recorder
        v = np.zeros(current.shape[1:], current.dtype)
        spikes = np.zeros((steps, *v.shape), bool)
        membranes = np.zeros(spikes.shape, v.dtype) if "membranes" in record.keep else None
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
