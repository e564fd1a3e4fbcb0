"""NeuroBench's harness on a program: its weights as modules, played what the program did.

NeuroBench counts modules: what is no nn.Linear or nn.Conv2d has no operations there. So every
projection of the program is one, with its levels for weights, and is given what it was given in the
program; what the modules put out, nobody reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from neurobench.benchmarks import Benchmark
from neurobench.metrics.static import ConnectionSparsity, Footprint
from neurobench.metrics.workload import ActivationSparsity, SynapticOperations
from neurobench.models import NeuroBenchModel
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from eideploy.circuit import Array

BATCH = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Weights (n, m) or (n, channels, k, k) in levels."""

    weight: Array
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Played:
    """What a program did with a batch.

    inputs  of every projection, once for every time that it was used in a step, (T, B, ...)
    spikes  of every layer of neurons, (T, B, ...)
    totals  (B, classes)
    """

    inputs: Mapping[str, Sequence[Array]]
    spikes: Mapping[str, Array]
    totals: Array


def harness(
    projections: Mapping[str, Projection],
    parameters: Mapping[str, Array],
    play: Callable[[Array], Played],
    samples: Array,
) -> dict[str, Any]:
    """Return what NeuroBench finds: Footprint, sparsities, SynapticOperations.

    Args:
        projections: of the program, by name.
        parameters: what else the program stores, in types as wide as it needs.
        play: runs a batch of samples.
        samples: (B, ...) or (B, T, ...).
    """
    names = list(projections)
    stored = _Model(_network(projections, parameters, stored=True), names, play)
    static = Benchmark(stored, None, [], [], [[Footprint, ConnectionSparsity], []])
    data = TensorDataset(torch.tensor(np.asarray(samples)), torch.zeros(len(samples)))
    played = _Model(_network(projections, {}, stored=False), names, play)
    benchmark = Benchmark(
        played,
        DataLoader(data, batch_size=BATCH),
        [],
        [],
        [[], [ActivationSparsity, SynapticOperations]],
    )
    with torch.no_grad():
        measured = benchmark.run(quiet=True)
    whole: dict[str, Any] = static.static_metric_manager.run_metrics(stored) | measured
    return whole


class _Spikes(nn.Module):
    """Neurons that fire as they did in the program."""

    def forward(self, spikes: Tensor) -> Tensor:
        return spikes


class _Model(NeuroBenchModel):  # type: ignore[misc]  # neurobench has no types
    def __init__(
        self, network: nn.ModuleDict, names: Sequence[str], play: Callable[[Array], Played]
    ) -> None:
        super().__init__()
        self.network, self.play = network, play
        self.numbers = {name: f"{i}" for i, name in enumerate(names)}
        self.add_activation_module(_Spikes)

    def __call__(self, samples: Tensor) -> Tensor:
        played = self.play(samples.numpy())
        for name, uses in played.inputs.items():
            for used in uses:
                for x in used:
                    self.network[self.numbers[name]](torch.from_numpy(x.astype(np.float64)))
        for spikes in played.spikes.values():
            for z in spikes:
                self.network["neurons"](torch.from_numpy(z))
        return torch.from_numpy(played.totals)

    def __net__(self) -> nn.Module:
        return self.network


def _network(
    projections: Mapping[str, Projection], parameters: Mapping[str, Array], *, stored: bool
) -> nn.ModuleDict:
    """Return a module for every projection: of the least type that holds it, or in float64."""
    modules = (_module(projection, stored=stored) for projection in projections.values())
    network = nn.ModuleDict({f"{i}": module for i, module in enumerate(modules)})
    network["neurons"] = _Spikes()
    for i, value in enumerate(parameters.values()):
        network.register_buffer(f"parameter{i}", torch.tensor(value))
    return network


def _module(projection: Projection, *, stored: bool) -> nn.Module:
    n, m, *kernel = projection.weight.shape
    weight = least(projection.weight) if stored else projection.weight.astype(np.float64)
    module: nn.Linear | nn.Conv2d
    if kernel:
        stride, padding = projection.stride, projection.padding
        module = nn.Conv2d(m, n, kernel[0], stride=stride, padding=padding, bias=False)
    else:
        module = nn.Linear(m, n, bias=False)
    module.weight = nn.Parameter(torch.tensor(weight), requires_grad=False)
    return module


def least(values: Array) -> Array:
    """Return integers in the narrowest type that torch has for all of them."""
    kinds = (np.uint8, np.int8, np.int16, np.int32, np.int64)
    low, high = int(values.min(initial=0)), int(values.max(initial=0))
    fits = (k for k in kinds if np.iinfo(k).min <= low and high <= np.iinfo(k).max)
    return values.astype(next(fits))
