"""The readout of a network of another tool, and its bias, which ours has not."""

from dataclasses import replace
from math import ceil

import numpy as np

from eideploy.backends.nir.foreign.neurons import Unsupported
from eideploy.backends.nir.foreign.weights import Weights
from eideploy.circuit import (
    Array,
    Circuit,
    Dense,
    FloatCurrent,
    Folded,
    Layer,
    Logits,
    Neurons,
    Node,
)

ALWAYS = 1.5  # thresholds of current: a neuron that gets so much spikes at every step
MOST = 64  # neurons that carry a bias


def read_out(nodes: list[Node], w: Weights, name: str, source: str) -> list[Node]:
    """Return nodes with a readout at their end: logits = mean over time of weight x + bias.

    A bias is what neurons say that spike at every step; they are added to the last hidden layer.

    Raises:
        Unsupported: a bias, and no hidden layer.
    """
    readout = Layer(
        name=name,
        inputs=(source,),
        projection=Folded(w_num=w.weight),
        geometry=Dense(),
        current=Logits(),
    )
    if not w.bias.any():
        return [*nodes, readout]
    last = next((i for i, n in reversed(list(enumerate(nodes))) if isinstance(n, Layer)), None)
    if last is None:
        raise Unsupported("has a bias, and there are no neurons before it")
    layer, lif = nodes[last], nodes[last + 1]
    assert isinstance(layer, Layer)
    assert isinstance(lif, Neurons)
    positions = _per_channel(nodes, source, layer.n_e)
    largest = float(np.abs(w.weight).max())
    wanted = ceil(np.abs(w.bias).max() / largest) if largest else 1
    carriers = min(max(wanted, 1), MOST)
    channels = ceil(carriers / positions)
    column = np.zeros((len(w.bias), channels * positions))
    column[:, :carriers] = w.bias[:, None] / carriers
    grown = _with_constant(layer, channels, ALWAYS * float(np.max(lif.float_model.threshold)))
    whole = replace(readout, projection=Folded(w_num=np.hstack([w.weight, column])))
    return [*nodes[:last], grown, *nodes[last + 1 :], whole]


def _per_channel(nodes: list[Node], source: str, channels: int) -> int:
    """Return how many of the readout's inputs a channel of the last hidden layer makes."""
    (size,) = Circuit(nodes=tuple(nodes), steps=1).shapes[source]
    return size // channels


def _with_constant(layer: Layer, channels: int, drive: float) -> Layer:
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
