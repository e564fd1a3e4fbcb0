"""E-I Init: weights such that the first batch gives balanced currents of unit variance (M12)."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor, nn

from eideploy.config import Ablation
from eideploy.errors import DataError
from eideploy.model.baseline import draw, is_baseline, kaiming
from eideploy.model.networks import Network
from eideploy.nn.layers import EILayer, Shunting


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What E-I Init asks of a layer's input x (T*B, ...): E[x], Var[x] and E[x^2].

    mean      over everything
    variance  unbiased over the merged samples, then the mean over features
    square    the second raw moment, over everything
    """

    mean: float
    variance: float
    square: float

    @classmethod
    def of(cls, x: Tensor) -> "Statistics":
        """Return the statistics of merged samples (T*B, ...), taken in float64."""
        x = x.double()
        return cls(
            mean=float(x.mean()),
            variance=float(x.var(0, unbiased=True).mean()),
            square=float(x.square().mean()),
        )

    def weight_scale(self, fan_in: int) -> float:
        """Return 1/lambda, the mean of the exponential distribution of W_EE and W_IE (M12)."""
        return sqrt(self.variance / (fan_in * (self.square + self.variance)))

    def inhibitory_gain(self, fan_in: int) -> float:
        """Return the initial g_I (M13)."""
        return sqrt(self.square + self.variance) / (sqrt(fan_in) * self.mean)


@torch.no_grad()
def initialise(
    network: Network, batch: Tensor, rng: np.random.Generator, ablation: Ablation | None = None
) -> dict[str, Statistics]:
    """Fill every weight and gain by E-I Init, layer by layer in order of execution.

    Each layer is filled from what the layers before it, already filled, make of `batch`; W_EE then
    W_IE are drawn from `rng`, W_EI = 1 / n_I, g_E = 1 and b_E = 0. A batch-normalised network asks
    nothing of the batch: its weights are drawn by `baseline.draw`. An ablation
    draws W_EE and W_IE as those are, clamped at 0 unless it drops the sign constraint too (M19).

    Shapes   batch: as `Network.forward` takes
    Returns  the statistics of every layer's input, by the layer's name
    Raises:
        DataError: the batch is negative or not finite; or it gives a layer nothing to go by: one
            sample, an input that is zero throughout, or no variance.
    """
    _check_input(batch)
    if is_baseline(network):
        draw(network, rng)
        network.initialised.fill_(value=True)
        return {}
    found: dict[str, Statistics] = {}
    names = {layer: name for name, layer in network.ei_layers()}

    def fill(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, EILayer)  # hooked below on no other
        x = inputs[0]
        if batch.ndim == 4 and not found:  # the encoder sees a still image once, not T times
            x = network.repeat(x)
        name = names[layer]
        found[name] = _checked(x, name)
        _fill(layer, found[name], rng, ablation or Ablation())

    hooks = [layer.register_forward_pre_hook(fill) for layer in names]
    try:
        network(batch)
    finally:
        for hook in hooks:
            hook.remove()
    network.initialised.fill_(value=True)
    return found


def _fill(
    layer: EILayer, statistics: Statistics, rng: np.random.Generator, ablation: Ablation
) -> None:
    for part in (layer.excitatory, layer.inhibitory):
        weight = part.get_parameter("weight")
        shape = tuple(weight.shape)
        if ablation.initialisation == "ei":
            drawn = rng.exponential(statistics.weight_scale(layer.fan_in), size=shape)
        else:
            drawn = kaiming(shape, rng).clip(min=0 if ablation.sign else -np.inf)
        weight.copy_(torch.from_numpy(drawn))
    layer.lateral.get_parameter("weight").fill_(1 / layer.n_i)
    if isinstance(layer, Shunting):
        layer.gain_i.fill_(statistics.inhibitory_gain(layer.fan_in))
        layer.gain_e.fill_(1)
        layer.bias.zero_()


def _check_input(batch: Tensor) -> None:
    if not bool(torch.isfinite(batch).all()):
        raise DataError(
            "the first batch has entries that are not finite",
            where="E-I Init, the network's input",
            fix="remove or replace those samples",
        )
    if float(batch.min()) < 0:
        raise DataError(
            f"the first batch goes down to {float(batch.min()):g}, below 0",
            where="E-I Init, the network's input",
            fix="scale the samples to 0 or above; do not subtract a mean: E-I circuits need it",
        )


def _checked(x: Tensor, name: str) -> Statistics:
    where = f"E-I Init, layer {name}"
    if len(x) < 2:
        raise DataError(
            "one image shown for one step has no variance, which E-I Init needs",
            where=where,
            fix="choose a larger training.batch or network.steps",
        )
    statistics = Statistics.of(x)
    if statistics.mean == 0:
        raise DataError(
            "the first batch gives this layer an input that is zero throughout",
            where=where,
            fix="check that the images are not blank, or choose a larger training.batch",
        )
    if statistics.variance == 0:
        raise DataError(
            "the first batch gives this layer the same input every time: its variance is 0",
            where=where,
            fix="use different images, shuffled, or choose a larger training.batch",
        )
    return statistics
