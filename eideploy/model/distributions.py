"""How currents, divisors, parameters and gradients of a layer are distributed, in few numbers."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from eideploy.model.baseline import BatchNormalised
from eideploy.model.metrics import SHARES, Spread
from eideploy.model.networks import Network
from eideploy.nn.layers import Shunting

MOST = 1 << 15  # values that are looked at, drawn with a fixed seed
BINS = 40
TAIL = 1.0  # how far beyond the quantiles of 5 and 95 % a histogram reaches, in their distance
DIGITS = 5


@torch.no_grad()
def spread(values: Tensor, *, bins: int = 0) -> Spread:
    """Return quantiles of values and, for so many bins, a histogram that leaves far tails out."""
    flat = _some(values)
    if not flat.numel():
        return Spread(quantiles=())
    quantiles = _short(torch.quantile(flat, torch.tensor(SHARES, dtype=flat.dtype)))
    if not bins:
        return Spread(quantiles=quantiles)
    at = dict(zip(SHARES, quantiles, strict=True))
    reach = TAIL * (at[0.95] - at[0.05])
    low, high = max(float(flat.min()), at[0.05] - reach), min(float(flat.max()), at[0.95] + reach)
    high = high if high > low else low + 1.0
    counts = torch.histc(flat, bins, low, high).long()
    return Spread(quantiles=quantiles, low=low, high=high, counts=tuple(map(int, counts)))


def parameter_spreads(layer: nn.Module) -> dict[str, Spread]:
    """Return the spread of every parameter of a layer, by the name that the method gives it."""
    return {name: spread(p) for name, p in _parameters(layer).items()}


def gradient_norms(network: Network) -> dict[str, Tensor]:
    """Return the norm of the gradients of every layer that fires, all its parameters together.

    Nothing waits for the device.
    """
    norms = {}
    for name, module in network.layers().items():
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        if isinstance(module, Shunting | BatchNormalised) and gradients:
            parts = torch.stack([torch.linalg.vector_norm(g.detach()) for g in gradients])
            norms[name] = torch.linalg.vector_norm(parts)
    return norms


def first_gradients(network: Network) -> dict[str, dict[str, tuple[Tensor, Tensor]]]:
    """Return the norms of each gradient and of its parameter, by layer and by the method's names.

    Nothing waits for the device.
    """
    return {
        name: {
            key: (torch.linalg.vector_norm(p.grad.detach()), torch.linalg.vector_norm(p.detach()))
            for key, p in _parameters(layer).items()
            if p.grad is not None
        }
        for name, layer in network.layers().items()
        if isinstance(layer, Shunting | BatchNormalised)
    }


def _parameters(layer: nn.Module) -> Mapping[str, Tensor]:
    if isinstance(layer, Shunting):
        return {
            "W_EE": layer.excitatory.get_parameter("weight"),
            "W_IE": layer.inhibitory.get_parameter("weight"),
            "W_EI": layer.lateral.get_parameter("weight"),
            "g_E": layer.gain_e,
            "g_I": layer.gain_i,
            "b_E": layer.bias,
        }
    return {"W": next(layer.parameters())}


def _some(values: Tensor) -> Tensor:
    """Return at most MOST finite values, on the CPU."""
    flat = values.detach().reshape(-1)
    if flat.numel() > MOST:
        own = torch.Generator().manual_seed(0)  # the training's draws stay as they are
        flat = flat[torch.randint(flat.numel(), (MOST,), generator=own).to(flat.device)]
    flat = flat.double().cpu()
    return flat[flat.isfinite()]


def _short(values: Tensor) -> tuple[float, ...]:
    return tuple(float(f"{float(v):.{DIGITS}g}") for v in values)
