"""The nodes of a circuit, one after the other, out of layers and neurons of PyTorch.

They are named after what they are and numbered in order of execution: conv1, lif1, pool1, ...; a
LIF has the number of the layer that drives it. Arrays keep the layers' precision.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from eideploy import circuit as ir
from eideploy.neurons import Neuron
from eideploy.nn.layers import Conv2d, EILayer, Shunting


@dataclass(frozen=True, kw_only=True, eq=False)
class Drive:
    """What a layer makes of what it reads, before it is known who reads that.

    word     what it is called
    current  None where its sums are logits
    """

    word: str
    projection: ir.Factored | ir.Folded
    geometry: ir.Geometry
    current: ir.FloatCurrent | None

    def times(self, gain: float) -> "Drive":
        """Return the drive whose current is multiplied by `gain`."""
        if self.current is None or gain == 1:
            return self
        g_e, b_e = self.current.g_e * gain, self.current.b_e * gain
        return replace(self, current=ir.FloatCurrent(g_e=g_e, b_e=b_e))


class Nodes:
    """The nodes so far.

    Args:
        first: the input.
    """

    def __init__(self, first: ir.Input) -> None:
        self.nodes: list[ir.Node] = [first]
        self.shapes = {first.name: first.size}
        self._counts: Counter[str] = Counter()

    def circuit(self, steps: int) -> ir.Circuit:
        """Return the circuit."""
        return ir.Circuit(nodes=tuple(self.nodes), steps=steps)

    def layer(self, reads: str, drive: Drive) -> str:
        """Append a layer, and return its name, as all of these do."""
        if drive.current is None:
            return self._append(
                ir.Layer,
                "readout",
                reads,
                projection=drive.projection,
                geometry=drive.geometry,
                current=ir.Logits(),
            )
        return self._append(
            ir.Layer,
            self._numbered(drive.word, "layer"),
            reads,
            projection=drive.projection,
            geometry=drive.geometry,
            current=drive.current,
        )

    def neurons(self, reads: str, model: Neuron) -> str:
        """Append the neurons of the layer before."""
        return self._append(ir.Neurons, f"lif{self._counts['layer']}", reads, model=model)

    def pool(self, reads: str, kernel: int) -> str:
        """Append a mean over windows."""
        return self._append(ir.AvgPool, self._numbered("pool"), reads, kernel=kernel)

    def flatten(self, reads: str) -> str:
        """Append a flattening."""
        self._counts["flatten"] += 1
        count = self._counts["flatten"]
        return self._append(ir.Flatten, "flatten" if count == 1 else f"flatten{count}", reads)

    def add(self, one: str, other: str) -> str:
        """Append a sum."""
        return self._append(ir.Add, self._numbered("add"), one, other)

    def _append(self, kind: type[ir.Node], name: str, *reads: str, **fields: Any) -> str:  # noqa: ANN401
        node = kind(name=name, inputs=reads, **fields)
        self.shapes[name] = node.shape(*(self.shapes[one] for one in reads))
        self.nodes.append(node)
        return name

    def _numbered(self, word: str, count: str | None = None) -> str:
        self._counts[count or word] += 1
        return f"{word}{self._counts[count or word]}"


def drive_of(layer: EILayer) -> Drive:
    """Return what an E-I layer is."""
    w_ee, w_ie, w_ei = (
        array(part.get_parameter("weight"))
        for part in (layer.excitatory, layer.inhibitory, layer.lateral)
    )
    current, g_i = None, None
    if isinstance(layer, Shunting):
        current = ir.FloatCurrent(g_e=array(layer.gain_e), b_e=array(layer.bias))
        g_i = array(layer.gain_i)
    return Drive(
        word="conv" if isinstance(layer, Conv2d) else "linear",
        projection=ir.Factored(
            w_ee=w_ee, w_ie=w_ie, w_ei=w_ei.reshape(layer.n_e, layer.n_i), g_i=g_i
        ),
        geometry=ir.Conv(stride=layer.stride, padding=layer.padding)
        if isinstance(layer, Conv2d)
        else ir.Dense(),
        current=current,
    )


def array(tensor: Tensor) -> ir.Array:
    """Return a parameter as an array of its own."""
    copy = tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
    return np.asarray(copy.numpy())
