"""E-I layers without a part of the method, by plain torch (M19); the paper's table 2."""

from functools import partial

import torch
from torch import Tensor

from eideploy.config import Ablation
from eideploy.model.networks import Network
from eideploy.nn.functional import stabilise
from eideploy.nn.layers import EILayer, Shunting


def ablate(network: Network, ablation: Ablation) -> Network:
    """Return the network, its layers changed to compute, and to learn, without what is left out.

    What concerns the initial weights and the optimiser's step alone is for them to leave out.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, EILayer)]
    for layer in layers:
        layer.keeps_sign = ablation.sign
        if not ablation.gradient_scaling:
            layer.gradient_scale = 1.0
        if not isinstance(layer, Shunting):
            continue
        if ablation.epsilon != "adaptive":
            layer.divide = partial(divide_offset, epsilon=ablation.epsilon)
        elif not ablation.straight_through:
            layer.divide = divide_exactly
    network.ablated = ablation.needs_plain
    network.departures = ablation.departures
    return network


def divide_offset(
    balanced: Tensor, shunt: Tensor, gain: Tensor, bias: Tensor, *, epsilon: float
) -> Tensor:
    """Return gain * balanced / (shunt + epsilon) + bias; shapes as of `functional.divide`."""
    return _affine(balanced / (shunt + epsilon), gain, bias)


def divide_exactly(balanced: Tensor, shunt: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    """Return what `functional.divide` does, with the gradient of what it computes.

    The gradient of a divisor that replaced a zero flows to the smallest positive entry, or in equal
    parts to those that share its value, and none to the zero.
    """
    divisor = stabilise(shunt)
    return _affine(balanced / divisor, gain, bias)


def _affine(ratio: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
    shape = (-1,) + (1,) * (ratio.ndim - 2)
    return torch.addcmul(bias.view(shape), ratio, gain.view(shape))
