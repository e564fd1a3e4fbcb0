"""The readout of a network of another tool, and its bias, which ours has not."""

from dataclasses import fields, replace
from math import ceil

import numpy as np

from eideploy.circuit import (
    Array,
    AvgPool,
    Circuit,
    Dense,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Logits,
    Neurons,
    Node,
)
from eideploy.neurons import LIF, GeneralLIF, Neuron

MOST = 64  # neurons that carry a bias
ALWAYS = 1.5  # thresholds of current: a neuron that gets so much spikes at every step
LATER = 2.5  # likewise where the reset comes one step late


def read_out(
    nodes: list[Node],
    weights: Array,
    bias: Array,
    *,
    name: str,
    inputs: tuple[str, ...],
    late: tuple[str, ...],
    logits: Logits,
) -> list[Node]:
    """Return nodes with a readout at their end, of the sums weights x + bias.

    A bias is what neurons say that spike at every step. They are added to the last hidden layer;
    where that has several readers, or neurons that cannot, they are a layer of their own.
    """
    readout = Layer(
        name=name,
        inputs=inputs,
        delayed=late,
        projection=Folded(w_num=weights),
        geometry=Dense(),
        current=logits,
    )
    if not bias.any():
        return [*nodes, readout]
    largest = float(np.abs(weights).max())
    wanted = ceil(np.abs(bias).max() / largest) if largest else 1
    carriers = min(max(wanted, 1), MOST)
    grown = _grown(nodes, readout, bias, carriers)
    return grown or _beside(nodes, readout, bias, carriers)


def _grown(nodes: list[Node], readout: Layer, bias: Array, carriers: int) -> list[Node] | None:
    """Return nodes whose last hidden layer carries the bias; None where it cannot."""
    at = _last_hidden(nodes, readout)
    if at is None:
        return None
    layer, spiking = nodes[at], nodes[at + 1]
    assert isinstance(layer, Layer)
    assert isinstance(spiking, Neurons)
    drive = _drive(spiking.float_model)
    if drive is None:
        return None
    (size,) = Circuit(nodes=tuple(nodes), steps=1).shapes[readout.inputs[0]]
    positions = size // layer.n_e
    channels = ceil(carriers / positions)
    column = np.zeros((len(bias), channels * positions))
    column[:, :carriers] = bias[:, None] / carriers
    whole = replace(readout, projection=Folded(w_num=np.hstack([readout.weights[0], column])))
    more = replace(spiking, model=_with_constant(spiking.float_model, channels))
    return [*nodes[:at], _constant(layer, channels, drive), more, *nodes[at + 2 :], whole]


def _last_hidden(nodes: list[Node], readout: Layer) -> int | None:
    """Return where the layer stands whose spikes the readout alone reads; None of others."""
    if len(readout.inputs) > 1 or readout.delayed:
        return None
    name = readout.inputs[0]
    for i, node in reversed(list(enumerate(nodes))):
        if node.name != name:
            continue
        readers = [n for n in (*nodes, readout) if name in n.inputs]
        if len(readers) > 1 or isinstance(node, Input):
            return None
        if isinstance(node, Layer):
            return i if isinstance(nodes[i + 1], Neurons) else None
        if not isinstance(node, Flatten | AvgPool | Neurons):
            return None
        name = node.inputs[0]
    return None


def _drive(model: Neuron) -> float | None:
    """Return a current by which a neuron spikes once at every step; None where none does."""
    match model:
        case LIF():
            return ALWAYS * model.threshold
        case GeneralLIF() if model.max_spikes == 1 and model.delay == "none":
            low = 0.0 if model.v_reset is None else -min(float(np.min(model.v_reset)), 0.0)
            return ALWAYS * float(np.max(model.threshold)) + low
        case GeneralLIF(delay="reset", reset="subtract") if model.max_spikes == 1:
            return LATER * float(np.max(model.threshold))
    return None


def _with_constant(model: Neuron, channels: int) -> Neuron:
    """Return a model of some neurons more, where it has numbers for each."""
    own = ((f.name, getattr(model, f.name)) for f in fields(model))
    each = {name: value for name, value in own if isinstance(value, np.ndarray)}
    more = {n: np.concatenate([v, np.full(channels, float(v.max()))]) for n, v in each.items()}
    return replace(model, **more) if more else model


def _constant(layer: Layer, channels: int, drive: float) -> Layer:
    weights, current = layer.weights[0], layer.float_current
    none: Array = np.zeros((channels, *weights.shape[1:]))
    return replace(
        layer,
        projection=Folded(w_num=np.concatenate([weights, none])),
        current=FloatCurrent(
            g_e=np.ones(layer.n_e + channels),
            b_e=np.concatenate([current.b_e, np.full(channels, drive)]),
        ),
    )


def _beside(nodes: list[Node], readout: Layer, bias: Array, carriers: int) -> list[Node]:
    """Return nodes with a layer of neurons that always spike, which the readout reads, too."""
    first = nodes[0]
    assert isinstance(first, Input)
    names = {node.name for node in (*nodes, readout)}
    source, more = first.name, list[Node]()
    if len(first.size) > 1:
        source = _free("bias.flatten", names)
        more.append(Flatten(name=source, inputs=(first.name,)))
    layer, spiking = _free("bias.in", names), _free("bias", names)
    more += [
        Layer(
            name=layer,
            inputs=(source,),
            projection=Folded(w_num=np.zeros((carriers, int(np.prod(first.size))))),
            geometry=Dense(),
            current=FloatCurrent(g_e=np.ones(carriers), b_e=np.full(carriers, ALWAYS)),
        ),
        Neurons(name=spiking, inputs=(layer,), model=LIF(tau=1.0, reset="zero")),
    ]
    column = np.repeat(bias[:, None] / carriers, carriers, axis=1)
    whole = replace(
        readout,
        inputs=(*readout.inputs, spiking),
        projection=Folded(w_num=np.hstack([readout.weights[0], column])),
    )
    return [*nodes, *more, whole]


def _free(name: str, names: set[str]) -> str:
    while name in names:
        name += "_"
    return name
