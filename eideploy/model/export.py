"""From a torch network to a circuit: frozen nodes, numpy arrays, no torch."""

from torch import nn

from eideploy import circuit as ir
from eideploy.errors import ConfigError, InvariantError
from eideploy.model.baseline import is_baseline
from eideploy.model.networks import Network, ResidualBlock
from eideploy.nn import LIF, EILayer, GlobalAvgPool2d
from eideploy.nn.exporting.nodes import Nodes, drive_of


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
    nodes = Nodes(ir.Input(name="input", size=tuple(input_shape), high=high))
    last = nodes.nodes[0].name
    for part in (network.encoder, network.body, network.readout):
        last = _add(nodes, part, last)
    return nodes.circuit(network.steps)


def _add(nodes: Nodes, module: nn.Module, reads: str) -> str:
    """Append the nodes of a module that reads a node, and return the name of the last."""
    match module:
        case nn.Sequential():
            for part in module:
                reads = _add(nodes, part, reads)
            return reads
        case ResidualBlock():
            main = _add(nodes, module.main, reads)
            return nodes.add(main, _add(nodes, module.shortcut, reads))
        case EILayer():
            return nodes.layer(reads, drive_of(module))
        case LIF():
            return nodes.neurons(reads, module.model)
        case nn.AvgPool2d():
            return nodes.pool(reads, int(module.kernel_size))  # type: ignore[arg-type]
        case GlobalAvgPool2d():
            return nodes.pool(reads, nodes.shapes[reads][1])
        case nn.Flatten():
            return nodes.flatten(reads)
    raise InvariantError(
        f"no node stands for {type(module).__name__}",
        where=f"export, after node {reads}",
        fix="add its rule to eideploy/model/export.py",
    )
