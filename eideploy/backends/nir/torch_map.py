"""The nodes of our files as torch modules, for `nirtorch.nir_to_torch(graph, node_map())`.

nirtorch 2.6 knows no neurons and no Scale, gives Affine a random bias, and flattens the batch, too.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nir
import numpy as np
import torch
from torch import Tensor, nn

from eideploy.backends.nir.extension import EIDivision, register
from eideploy.backends.nir.graphfile import read_graph
from eideploy.backends.nir.read import DAMAGED
from eideploy.backends.nir.write import DT
from eideploy.circuit import Array, Circuit
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_whole

Node = Any  # nir has no types
PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
NodeMap = Mapping[type, Callable[[Node], nn.Module]]


def node_map(dt: float = DT) -> NodeMap:
    """Return what nirtorch makes of every node of the three dialects; a step takes `dt` seconds.

    Modules that carry a membrane take it as `state` and return it beside their output.
    """
    return {
        nir.Affine: _affine,
        nir.Linear: _linear,
        nir.Conv2d: _conv,
        nir.AvgPool2d: _pool,
        nir.Flatten: lambda _: nn.Flatten(1),
        nir.Scale: lambda node: _Scale(node.scale),
        nir.Threshold: lambda node: _Threshold(node.threshold),
        nir.LI: lambda node: _Membrane(1 - dt / node.tau, node.r * dt / node.tau),
        nir.CubaLI: lambda node: _Filtered(
            dt, node, _Membrane(1 - dt / node.tau_mem, node.r * dt / node.tau_mem)
        ),
        nir.I: lambda node: _Membrane(1 + 0 * node.r, node.r * dt),
        nir.LIF: lambda node: _Neuron(1 - dt / node.tau, node.r * dt / node.tau, node),
        nir.IF: lambda node: _Neuron(1 + 0 * node.r, node.r * dt, node),
        nir.CubaLIF: lambda node: _Filtered(
            dt, node, _Neuron(1 - dt / node.tau_mem, node.r * dt / node.tau_mem, node)
        ),
        EIDivision: _Division,
    }


def nirtorch_run(path: Path, circuit: Circuit) -> Callable[[Array], Array]:
    """Return what runs a file of ours in nirtorch, in double precision.

    Args:
        path: the file.
        circuit: what it was made of; says what a sample is, and T.

    Raises:
        FormatError: nirtorch does not take the file, now or when it runs.
    """
    import nirtorch

    register()
    try:
        graph = read_graph(read_whole(path))
        _require_plain_names(graph)
        module = nirtorch.nir_to_torch(graph, node_map(), dtype=torch.float64)
    except (*DAMAGED, OSError) as error:
        raise _refused(path, error) from error

    @torch.no_grad()
    def run(samples: Array) -> Array:
        x = torch.from_numpy(np.asarray(samples, np.float64))
        is_static = samples.ndim == len(circuit.input.size) + 1
        state, outputs = None, []
        try:
            for t in range(circuit.steps):
                out, state = module(x if is_static else x[:, t], state)
                outputs.append(out.numpy())
        except DAMAGED as error:
            raise _refused(path, error) from error
        return circuit.logits.over_time(np.stack(outputs))

    return run


def _require_plain_names(graph: Node) -> None:
    """Raise ValueError on a name that is more than a word: nirtorch makes Python code of them."""
    if any(isinstance(node, nir.NIRGraph) for node in graph.nodes.values()):
        raise ValueError("a node of it is a graph itself, and eideploy writes none")
    for name in (*graph.nodes, *(end for edge in graph.edges for end in edge)):
        if not PLAIN.fullmatch(name):
            raise ValueError(f"the name {name!r} of a node is not of letters, digits, _, . and -")


def _refused(path: Path, error: Exception) -> FormatError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    what = f"nirtorch does not take the graph: {reason}"
    return FormatError(what, where=str(path), fix=RESTORE)


class _Scale(nn.Module):
    def __init__(self, scale: Node) -> None:
        super().__init__()
        self.register_buffer("scale", _tensor(scale))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.get_buffer("scale")


class _Threshold(nn.Module):
    """Spikes above the threshold."""

    def __init__(self, threshold: Node) -> None:
        super().__init__()
        self.register_buffer("threshold", _tensor(threshold))

    def forward(self, x: Tensor) -> Tensor:
        return (x > self.get_buffer("threshold")).to(x.dtype)


class _Membrane(nn.Module):
    """v <- keep v + gain I, from zero."""

    def __init__(self, keep: Node, gain: Node) -> None:
        super().__init__()
        self.register_buffer("keep", _tensor(keep))
        self.register_buffer("gain", _tensor(gain))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        v = self.get_buffer("gain") * x
        if state is not None:
            v = self.get_buffer("keep") * state + v
        return v, v


class _Neuron(_Membrane):
    """A membrane that spikes above its threshold and is then set to v_reset."""

    def __init__(self, keep: Node, gain: Node, node: Node) -> None:
        super().__init__(keep, gain)
        self.spike = _Threshold(node.v_threshold)
        self.register_buffer("v_reset", _tensor(node.v_reset))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        v, _ = super().forward(x, state)
        z: Tensor = self.spike(v)
        return z, torch.where(z > 0, self.get_buffer("v_reset"), v)


class _Filtered(nn.Module):
    """A membrane behind a filter of its current; its state is both, one above the other."""

    def __init__(self, dt: float, node: Node, neuron: "_Membrane") -> None:
        super().__init__()
        of_syn = dt / node.tau_syn
        self.filter = _Membrane(1 - of_syn, node.w_in * of_syn)
        self.neuron = neuron

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        s, _ = self.filter(x, None if state is None else state[0])
        z, v = self.neuron(s, None if state is None else state[1])
        return z, torch.stack([s, v])


class _Division(nn.Module):
    """gain num / den + bias of [num; den], with the rule for zero divisors (M5, M6)."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        shape = (-1, *(1,) * (len(node.input_shape) - 1))
        self.register_buffer("gain", _tensor(node.gain).view(shape))
        self.register_buffer("bias", _tensor(node.bias).view(shape))

    def forward(self, both: Tensor) -> Tensor:
        num, den = both.chunk(2, 1)
        within = tuple(range(1, den.ndim))
        least = torch.where(den > 0, den, torch.inf).amin(within, keepdim=True)
        ratio = num / torch.where(den == 0, least, den)
        return self.get_buffer("gain") * ratio + self.get_buffer("bias")


def _affine(node: Node) -> nn.Linear:
    module = _linear(node)
    module.bias = nn.Parameter(_tensor(node.bias))
    return module


def _linear(node: Node) -> nn.Linear:
    module = nn.Linear(node.weight.shape[1], node.weight.shape[0], bias=False)
    module.weight = nn.Parameter(_tensor(node.weight))
    return module


def _conv(node: Node) -> nn.Conv2d:
    out, channels, *kernel = node.weight.shape
    module = nn.Conv2d(
        channels * int(node.groups),
        out,
        (kernel[0], kernel[1]),
        stride=_pair(node.stride),
        padding=_pair(node.padding),
        dilation=_pair(node.dilation),
        groups=int(node.groups),
    )
    module.weight = nn.Parameter(_tensor(node.weight))
    module.bias = nn.Parameter(_tensor(node.bias))
    return module


def _pool(node: Node) -> nn.AvgPool2d:
    return nn.AvgPool2d(
        _pair(node.kernel_size), stride=_pair(node.stride), padding=_pair(node.padding)
    )


def _tensor(value: Node) -> Tensor:
    return torch.tensor(np.asarray(value))  # a copy: torch wants no read-only array


def _pair(value: Node) -> tuple[int, int]:
    return int(value[0]), int(value[1])
