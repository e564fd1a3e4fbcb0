"""Synaptic operations of a program, counted from what it read; the names are NeuroBench's.

effective   pairs of an input and a weight that are both not zero
dense       pairs of an input and a weight, padding left out
AC, MAC     effective ones of a batch and step whose inputs are all 0 or 1, and of any other
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit import Array, Circuit, Factored, Layer, Neurons, Node
from eideploy.execute.integer import divides
from eideploy.execute.samples import patches, weight_rows
from eideploy.execute.trace import Trace

KEEP = frozenset({"spikes", "inputs", "inhibition"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Use:
    """Weights of a layer, and what they multiply: levels (T, B, ...)."""

    name: str
    weight: Array
    x: Array
    node: Layer


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Of all samples and time steps.

    divisions  quotients that neurons take; none where the divisor is a constant
    neurons    entries that `spikes` counts among
    """

    macs: int = 0
    acs: int = 0
    dense: int = 0
    divisions: int = 0
    spikes: int = 0
    neurons: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(**{name: getattr(self, name) + value for name, value in vars(other).items()})


def uses(circuit: Circuit, trace: Trace) -> Iterator[Use]:
    """Yield every use of weights in a run of an integer circuit, with KEEP."""
    for node in circuit.layers:
        x = trace.inputs[node.name]
        for field, weight in fields(node):
            if field != "w_ei":
                yield Use(name=f"{node.name}.{field}", weight=weight, x=x, node=node)
        w = node.projection
        if isinstance(w, Factored):
            s = trace.inhibition[node.name]
            yield Use(name=f"{node.name}.w_ei", weight=w.w_ei, x=s, node=node)
            if w.g_i is not None:
                gained = s * w.g_i.reshape(-1, *(1,) * (s.ndim - 3))
                yield Use(name=f"{node.name}.w_ei", weight=w.w_ei, x=gained, node=node)


def fields(node: Layer) -> Iterator[tuple[str, Array]]:
    """Yield the weights of a layer; the denominator's only where it divides."""
    for name, weights in node.projection.by_name.items():
        if name != "w_den" or divides(node):
            yield name, weights


def count(circuit: Circuit, trace: Trace) -> Counts:
    """Return the counts of one batch that an integer circuit ran, with KEEP."""
    counts = Counts()
    for use in uses(circuit, trace):
        for x in use.x:
            counts += _of_step(use, x[None])
    for node in circuit.hidden:
        if node.division.divider.reads_divisor:
            entries = circuit.shapes[node.name]
            counts += Counts(divisions=int(np.prod(entries)) * circuit.steps * len(trace.totals))
    for lif in circuit.of(Neurons):
        z = trace.spikes[lif.name]
        counts += Counts(spikes=int(z.sum()), neurons=z.size)
    return counts


def _of_step(use: Use, x: Array) -> Counts:
    """Return the operations of one step of a batch, x (1, B, ...)."""
    effective, dense = (_pairs(use, inputs) for inputs in (x != 0, np.ones_like(x, bool)))
    whole = int((effective * (weight_rows(use.weight) != 0).sum(0)).sum())
    is_binary = bool((x <= 1).all())
    counts = Counts(dense=int(dense.sum()) * len(use.weight))
    return replace(counts, **{"acs" if is_binary else "macs": whole})


def _pairs(use: Use, inputs: Array) -> Array:
    """Return how often every weight of a row meets an input that is seen, (fan_in,)."""
    if use.name.endswith(".w_ei"):  # between the neurons of a position
        return np.asarray(inputs.sum((0, 1, *range(3, inputs.ndim))), np.int64)
    return np.asarray(patches(use.node, inputs).sum((0, 1, 2)), np.int64)


def stored(circuit: Circuit) -> dict[str, Array]:
    """Return what an integer circuit stores beside weights: gains, shifts, biases, thresholds."""
    parts: dict[str, Array] = {}
    for node in circuit.nodes:
        own = {key: value for part in _parts(node) for key, value in vars(part).items()}
        for field in ("g_i", "shift_ee", "fraction", "align", "bias", "threshold"):
            if isinstance(value := own.get(field), np.ndarray):
                parts[f"{node.name}.{field}"] = value
    for layer in circuit.hidden[:1]:
        if layer.division.divider.table.size:
            parts["table"] = layer.division.divider.table
    return parts


def _parts(node: Node) -> tuple[object, ...]:
    """Return what holds a node's numbers."""
    if isinstance(node, Layer):
        return node.projection, node.current
    return (node.model if isinstance(node, Neurons) else node,)


def geometry(node: Layer, field: str) -> dict[str, int]:
    """Return stride and padding of a layer's weights."""
    if field == "w_ei" or not node.is_conv:
        return {}
    return {"stride": node.geometry.stride, "padding": node.geometry.padding}
