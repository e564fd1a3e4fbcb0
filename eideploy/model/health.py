"""Whether a network's neurons do something: layer by layer, on a fixed batch."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from eideploy.data.dataset import Split
from eideploy.model.baseline import BatchNormalised
from eideploy.model.distributions import BINS, parameter_spreads, spread
from eideploy.model.evaluate import batch_size, predict
from eideploy.model.metrics import LayerHealth, Spread
from eideploy.model.networks import Network
from eideploy.nn import LIF, Shunting

SAMPLES = 64  # of the test split, the first
ALWAYS = 0.9  # share of the steps at which a saturated neuron fires, or more
MOST_SILENT, MOST_SATURATED, MOST_ZERO = 0.95, 0.5, 0.9  # beyond which a layer is warned of
MOST_LOST = 0.5  # of the neurons, without inhibition; a training has then collapsed
WEAK = 1e-3  # inhibition over excitation of a neuron whose row of W_EI is dying; 0.6 to 3 is usual


def measure_health(
    network: Network, split: Split, gradients: Mapping[str, Tensor] | None = None
) -> tuple[LayerHealth, ...]:
    """Return the activity of every layer on the first samples of a split.

    `gradients` are norms by layer, which are passed on.
    """
    layers: list[LayerHealth] = []
    driving: list[tuple[nn.Module, float, float, float, dict[str, Spread]]] = []
    norms = gradients or {}
    names = {layer: name for name, layer in network.layers().items()}

    def divide(layer: nn.Module, inputs: tuple[Tensor, ...], current: Tensor) -> None:
        zeros, weak, lost, spreads = 0.0, 0.0, 0.0, {"current": spread(current, bins=BINS)}
        if isinstance(layer, Shunting):
            by = layer.divisor(inputs[0])
            zeros = float((by == 0).double().mean())
            weak, lost = dying(layer), uninhibited(layer)
            spreads["I_div"] = spread(by[by > 0], bins=BINS)
        driving.append((layer, zeros, weak, lost, spreads))

    def fire(_: nn.Module, __: tuple[Tensor, ...], spikes: Tensor) -> None:
        rates = spikes.mean(0)
        layer, zeros, weak, lost, spreads = driving.pop()
        name = names[layer]
        layers.append(
            LayerHealth(
                layer=name,
                silent=float((rates == 0).double().mean()),
                saturated=float((rates > ALWAYS).double().mean()),
                zero_divisor=zeros,
                dying=weak,
                uninhibited=lost,
                gradient=float(norms.get(name, 0.0)),
                spreads=spreads | parameter_spreads(layer),
            )
        )

    hooks = [
        module.register_forward_hook(fire if isinstance(module, LIF) else divide)
        for module in network.modules()
        if isinstance(module, LIF | Shunting | BatchNormalised)
    ]
    try:
        count = min(SAMPLES, batch_size(split.x.shape, network.steps))
        predict(network, split.batch(slice(count)))
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(layers)


@torch.no_grad()
def dying(layer: Shunting) -> float:
    """Return the share of neurons whose inhibition is WEAK beside their excitation.

    Both are sums over inputs, of W_EI W_IE and of W_EE: a factor of both, on which no current
    depends, makes no difference.
    """
    w_ee, w_ie, w_ei = (
        part.get_parameter("weight").flatten(1).abs().double()
        for part in (layer.excitatory, layer.inhibitory, layer.lateral)
    )
    return float((w_ei @ w_ie.sum(1) < WEAK * w_ee.sum(1)).double().mean())


@torch.no_grad()
def uninhibited(layer: Shunting) -> float:
    """Return the share of neurons that nothing divides: their W_EI g_I W_IE is 0."""
    w_ie, w_ei = (
        part.get_parameter("weight").flatten(1).abs().double()
        for part in (layer.inhibitory, layer.lateral)
    )
    return float(((w_ei * layer.gain_i.abs().double()) @ w_ie.sum(1) == 0).double().mean())


def warnings(health: Sequence[LayerHealth]) -> dict[str, str]:
    """Return what is wrong with each layer and what to do about it, under a name for each."""
    texts = {}
    for h in health:
        if h.silent > MOST_SILENT:
            texts[f"silent {h.layer}"] = (
                f"{h.silent:.0%} of the neurons of {h.layer} never fire, so little passes it: "
                "lower training.rate, or raise training.warmup_epochs"
            )
        if h.saturated > MOST_SATURATED:
            texts[f"saturated {h.layer}"] = (
                f"{h.saturated:.0%} of the neurons of {h.layer} fire at nearly every step, so they "
                "tell little apart: lower training.rate, or raise training.weight_decay"
            )
        if h.uninhibited > MOST_LOST:
            texts[f"uninhibited {h.layer}"] = (
                f"{h.uninhibited:.0%} of the neurons of {h.layer} have no inhibition left (their "
                "W_EI g_I W_IE is 0), so that nothing divides them: "
                "lower training.rate or training.clip_ratio"
            )
        elif h.zero_divisor > MOST_ZERO:
            texts[f"zero {h.layer}"] = (
                f"{h.zero_divisor:.0%} of the divisors of {h.layer} are 0 and replaced (M6): "
                "its input is nearly empty; check the layer before it, or raise network.steps"
            )
        if h.dying:
            texts[f"dying {h.layer}"] = (
                f"{h.dying:.2%} of the neurons of {h.layer} have almost no inhibition left (their "
                "rows of W_EI die), so that they divide by almost nothing: "
                "lower training.rate or training.weight_decay"
            )
    return texts
