"""From a torch network to a circuit: frozen nodes, numpy arrays, no torch."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from eideploy import circuit as ir
from eideploy import neurons
from eideploy.errors import ConfigError, InvariantError
from eideploy.model.baseline import is_baseline
from eideploy.model.networks import Network, ResidualBlock
from eideploy.nn import LIF, Conv2d, EILayer, GlobalAvgPool2d, Linear, Readout, Shunting


def export(network: Network, input_shape: tuple[int, int, int], *, high: float = 1.0) -> ir.Circuit:
    """Return the circuit that computes what `network` computes.

    Nodes are named after what they are and numbered in order of execution: conv1, lif1, pool1, ...;
    a LIF has the number of the layer that drives it. Arrays keep the network's precision.

    Args:
        network: an initialised network.
        input_shape: channels, height and width of a sample.
        high: the largest entry a sample may have.

    Raises:
        ConfigError: the network is batch-normalised, or of an ablation that no circuit stands for.
        FormatError: a weight is not finite, as before E-I Init, or negative.
    """
    if is_baseline(network):
        raise ConfigError(
            "a batch-normalised network is a baseline to compare with, not an E-I circuit",
            where="network.normalization",
            fix='train with network.normalization = "ei"',
        )
    if network.departures:
        raise ConfigError(
            f"a network of {', '.join(network.departures)} is not an E-I circuit",
            where="ablation",
            fix="train without this ablation",
        )
    nodes = _Nodes(ir.Input(name="input", size=tuple(input_shape), high=high), network.steps)
    for part in (network.encoder, network.body, network.readout):
        nodes.add(part)
    return nodes.circuit()


class _Nodes:
    """The nodes so far; `last` is the name of the one whose output comes next."""

    def __init__(self, first: ir.Input, steps: int) -> None:
        self.nodes: list[ir.Node] = [first]
        self.shape: ir.Shape = first.size
        self.last, self.steps = first.name, steps
        self.counts: Counter[str] = Counter()

    def circuit(self) -> ir.Circuit:
        return ir.Circuit(nodes=tuple(self.nodes), steps=self.steps)

    def add(self, module: nn.Module) -> None:
        """Append the nodes of `module`, which reads `last`."""
        match module:
            case nn.Sequential():
                for part in module:
                    self.add(part)
            case ResidualBlock():
                self._add_residual(module)
            case Conv2d():
                geometry = ir.Conv(stride=module.stride, padding=module.padding)
                self._add_layer(self._numbered("conv", "layer"), module, geometry)
            case Linear():
                self._add_layer(self._numbered("linear", "layer"), module, ir.Dense())
            case Readout():
                self._add_layer("readout", module, ir.Dense())
            case LIF():
                fields = {name: getattr(module, name) for name in ("tau", "threshold", "reset")}
                model = neurons.LIF(**fields)
                self._append(ir.Neurons, f"lif{self.counts['layer']}", model=model)
            case nn.AvgPool2d():
                self._append(ir.AvgPool, self._numbered("pool"), kernel=int(module.kernel_size))  # type: ignore[arg-type]
            case GlobalAvgPool2d():
                self._append(ir.AvgPool, self._numbered("pool"), kernel=self.shape[1])
            case nn.Flatten():
                self._append(ir.Flatten, "flatten")
            case _:
                raise InvariantError(
                    f"no node stands for {type(module).__name__}",
                    where=f"export, after node {self.last}",
                    fix="add its rule to eideploy/model/export.py",
                )

    def _add_layer(self, name: str, layer: EILayer, geometry: ir.Geometry) -> None:
        current: ir.Current = ir.Logits()
        if isinstance(layer, Shunting):
            current = ir.FloatCurrent(g_e=_array(layer.gain_e), b_e=_array(layer.bias))
        projection = _projection(layer)
        self._append(ir.Layer, name, projection=projection, geometry=geometry, current=current)

    def _add_residual(self, block: ResidualBlock) -> None:
        start, start_shape = self.last, self.shape
        self.add(block.main)
        main = self.last
        self.last, self.shape = start, start_shape
        self.add(block.shortcut)
        self._append(ir.Add, self._numbered("add"), inputs=(main, self.last))

    def _append(self, kind: type[ir.Node], name: str, **fields: Any) -> None:  # noqa: ANN401
        inputs = fields.pop("inputs", (self.last,))
        node = kind(name=name, inputs=inputs, **fields)
        self.nodes.append(node)
        self.last, self.shape = name, node.shape(*[self.shape] * len(node.inputs))

    def _numbered(self, word: str, count: str | None = None) -> str:
        self.counts[count or word] += 1
        return f"{word}{self.counts[count or word]}"


def _projection(layer: EILayer) -> ir.Factored:
    w_ee, w_ie, w_ei = (
        _array(part.get_parameter("weight"))
        for part in (layer.excitatory, layer.inhibitory, layer.lateral)
    )
    g_i = _array(layer.gain_i) if isinstance(layer, Shunting) else None
    return ir.Factored(w_ee=w_ee, w_ie=w_ie, w_ei=w_ei.reshape(layer.n_e, layer.n_i), g_i=g_i)


def _array(tensor: Tensor) -> ir.Array:
    return tensor.detach().clone(memory_format=torch.contiguous_format).numpy()
