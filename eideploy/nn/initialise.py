"""E-I Init: weights such that the first batch gives balanced currents of unit variance (M12)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from eideploy.errors import DataError, UsageError
from eideploy.nn.layers import EILayer, Shunting
from eideploy.nn.samples import merged

Draw = Callable[[tuple[int, ...], float], NDArray[np.float64]]


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


def initialise(module: nn.Module, *inputs: Tensor, seed: int = 0) -> dict[str, Statistics]:
    """Fill the E-I layers of a module by E-I Init, from what a first batch makes of them.

    The module is run once on the batch, without gradients. Layers that are filled already, by a
    state that was loaded, stay as they are.

    Args:
        module: with layers of eideploy.nn, at any depth.
        inputs: the first batch, as its forward takes it.
        seed: of the weights that are drawn.

    Returns:
        The statistics of every filled layer's input, by the layer's name.

    Raises:
        UsageError: there is nothing to fill, or the forward pass skips a layer.
        DataError: the batch gives a layer nothing to go by: one sample, an input that is zero
            throughout, without variance, negative or not finite.
    """
    empty = [n for n, m in module.named_modules() if isinstance(m, EILayer) and not m.is_filled]
    if not empty:
        raise UsageError(
            "no E-I layer of the module needs weights",
            where="eideploy.nn.initialise",
            fix="initialise once, before training; make a new module to start over",
        )
    statistics = fill_layers(module, *inputs, draw=exponential(np.random.default_rng(seed)))
    if missed := [name for name in empty if name not in statistics]:
        raise UsageError(
            f"the forward pass skips {', '.join(missed)}, which have no weights yet",
            where="eideploy.nn.initialise",
            fix="call the layers in forward, or leave them out of the module",
        )
    return statistics


def exponential(rng: np.random.Generator) -> Draw:
    """Return what draws weights of a shape, by their mean (M12)."""
    return lambda shape, scale: rng.exponential(scale, size=shape)


@torch.no_grad()
def fill_layers(
    module: nn.Module,
    *inputs: Tensor,
    draw: Draw,
    seen: Callable[[EILayer, Tensor], Tensor] = lambda _, x: x,
    names: Mapping[nn.Module, str] | None = None,
) -> dict[str, Statistics]:
    """Fill every layer without weights, in order of execution, and return what each goes by.

    Each is filled from what the layers before it, already filled, make of the inputs; W_EE then
    W_IE are drawn, W_EI = 1 / n_I, g_E = 1 and b_E = 0.

    Args:
        module: run on `inputs`.
        inputs: the first batch.
        draw: W_EE and W_IE.
        seen: what counts of a layer's input.
        names: what the layers are called (default: as the module's attributes are).

    Raises:
        DataError: as of `initialise`; no layer is filled then.
    """
    statistics: dict[str, Statistics] = {}
    called = names or {m: name for name, m in module.named_modules()}
    empty = [m for m in module.modules() if isinstance(m, EILayer) and not m.is_filled]

    def fill(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(layer, EILayer)  # hooked below on no other
        name = called[layer]
        if name in statistics:
            return  # it is used a second time
        x = merged(seen(layer, inputs[0]), layer.axes)
        statistics[name] = _checked(x, name)
        _fill(layer, statistics[name], draw)

    hooks = [layer.register_forward_pre_hook(fill) for layer in empty]
    try:
        module(*inputs)
    except BaseException:
        for layer in empty:
            layer.empty()  # so that the next batch fills all of them
        raise
    finally:
        for hook in hooks:
            hook.remove()
    return statistics


def _fill(layer: EILayer, statistics: Statistics, draw: Draw) -> None:
    for part in (layer.excitatory, layer.inhibitory):
        weight = part.get_parameter("weight")
        drawn = draw(tuple(weight.shape), statistics.weight_scale(layer.fan_in))
        weight.copy_(torch.from_numpy(drawn))
    layer.lateral.get_parameter("weight").fill_(1 / layer.n_i)
    if isinstance(layer, Shunting):
        layer.gain_i.fill_(statistics.inhibitory_gain(layer.fan_in))
        layer.gain_e.fill_(1)
        layer.bias.zero_()


def _checked(x: Tensor, name: str) -> Statistics:
    where = f"E-I Init, layer {name}"
    if not bool(torch.isfinite(x).all()):
        raise DataError(
            "the first batch gives this layer entries that are not finite",
            where=where,
            fix="remove or replace those samples",
        )
    if float(x.min()) < 0:
        raise DataError(
            f"the first batch gives this layer an input that goes down to {float(x.min()):g}, "
            "below 0",
            where=where,
            fix="let spikes, or samples of 0 or above, be its input: E-I circuits need it",
        )
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
