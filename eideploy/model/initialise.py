"""E-I Init of the networks that are trained here, which an ablation may do without."""

import numpy as np
import torch
from torch import Tensor, nn

from eideploy.config import Ablation
from eideploy.errors import DataError
from eideploy.model.baseline import draw, is_baseline, kaiming
from eideploy.model.networks import Network
from eideploy.nn.initialise import Draw, Statistics, exponential, fill_layers
from eideploy.nn.layers import EILayer


@torch.no_grad()
def initialise(
    network: Network, batch: Tensor, rng: np.random.Generator, ablation: Ablation | None = None
) -> dict[str, Statistics]:
    """Fill every weight and gain by E-I Init, layer by layer in order of execution.

    A batch-normalised network asks nothing of the batch: its weights are drawn by `baseline.draw`.
    An ablation draws W_EE and W_IE as those are, clamped at 0 unless it drops the sign constraint
    too (M19).

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
    encoder = next(layer for _, layer in network.ei_layers())

    def seen(layer: EILayer, x: Tensor) -> Tensor:
        # the encoder sees a still image once, not T times
        return network.repeat(x) if layer is encoder and batch.ndim == 4 else x

    draw_weights = _draw(ablation or Ablation(), rng)
    names: dict[nn.Module, str] = {layer: name for name, layer in network.layers().items()}
    statistics = fill_layers(network, batch, draw=draw_weights, seen=seen, names=names)
    network.initialised.fill_(value=True)
    return statistics


def _draw(ablation: Ablation, rng: np.random.Generator) -> Draw:
    if ablation.initialisation == "ei":
        return exponential(rng)
    low = 0 if ablation.sign else -np.inf
    return lambda shape, _: kaiming(shape, rng).clip(min=low)


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
