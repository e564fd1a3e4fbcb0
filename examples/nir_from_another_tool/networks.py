"""Small networks for the digits, made and written to NIR by snnTorch, SpikingJelly and nirtorch."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import nir
import nirtorch
import numpy as np
import torch
from torch import Tensor, nn

import eideploy as ei

STEPS, CLASSES = 4, 10


@dataclass(frozen=True)
class Network:
    """A network of another tool.

    module   gives its output of one time step
    size     of an image
    at_rest  puts its membranes back to zero
    write    gives its NIR graph
    reading  what that does not say: whose convention it is
    """

    module: nn.Module
    size: tuple[int, ...]
    at_rest: Callable[[], None]
    write: Callable[[], nir.NIRGraph]
    reading: ei.Reading

    def logits(self, images: Tensor) -> Tensor:
        """Return the mean output over the time steps, through which an image stays."""
        self.at_rest()
        return sum(self.module(images) for _ in range(STEPS)) / STEPS


def snntorch(beta: float = 0.75) -> Network:
    """Two layers of Leaky neurons that are reset to zero at once, as NIR's are."""
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def leaky(n: int) -> snn.Leaky:  # NIR wants every parameter of every neuron
        return snn.Leaky(
            beta=torch.full((n,), beta), threshold=torch.ones(n), reset_mechanism="zero",
            reset_delay=False, init_hidden=True,
        )  # fmt: skip

    module = nn.Sequential(nn.Linear(64, 48), leaky(48), nn.Linear(48, CLASSES), leaky(CLASSES))

    def at_rest() -> None:
        for part in module:
            if isinstance(part, snn.Leaky):
                part.reset_mem()

    def write() -> nir.NIRGraph:
        at_rest()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls what nirtorch is going to drop
            return export_to_nir(module, torch.zeros(1, 64), ignore_dims=[0])

    reading = ei.Reading(tool="snntorch", steps=STEPS, reset="zero", assume={"late": "no"})
    return Network(module, (64,), at_rest, write, reading)


def spikingjelly() -> Network:
    """A convolution, pooled, and a Linear layer, of LIF neurons whose input decays, too."""
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    lif = partial(neuron.LIFNode, tau=2.0, decay_input=True, v_reset=0.0)
    module = nn.Sequential(
        layer.Conv2d(1, 8, 3, padding=1), lif(v_threshold=0.5), layer.AvgPool2d(2), layer.Flatten(),
        layer.Linear(128, CLASSES), lif(),
    )  # fmt: skip

    def at_rest() -> None:
        functional.reset_net(module)

    def write() -> nir.NIRGraph:
        at_rest()
        return export_to_nir(module, torch.zeros(1, 1, 8, 8))

    reading = ei.Reading(tool="spikingjelly", steps=STEPS)
    return Network(module, (1, 8, 8), at_rest, write, reading)


class Integrator(nn.Module):
    """IF neurons of one's own, reset to zero."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold, self.v = threshold, None

    def forward(self, x: Tensor) -> Tensor:
        """Integrate x, and return the spikes; backward they are a sigmoid."""
        u = x if self.v is None else self.v + x
        spikes = (u > self.threshold).to(u.dtype)
        smooth = torch.sigmoid(4 * (u - self.threshold))
        self.v = u * (1 - spikes)
        return spikes + smooth - smooth.detach()


def pytorch() -> Network:
    """Two convolutions, the second in strides, of one's own IF neurons, by nirtorch; a bias."""
    module = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), Integrator(1.0), nn.Conv2d(8, 12, 3, stride=2, bias=False),
        Integrator(0.5), nn.Flatten(), nn.Linear(108, CLASSES),
    )  # fmt: skip
    sizes = {module[1]: (8, 8, 8), module[3]: (12, 3, 3)}

    def at_rest() -> None:
        for part in sizes:
            part.v = None

    def conv(part: nn.Conv2d) -> nir.Conv2d:
        weight = part.weight.detach().numpy()
        bias = np.zeros(len(weight)) if part.bias is None else part.bias.detach().numpy()
        return nir.Conv2d(
            input_shape=(8, 8), weight=weight, stride=part.stride, padding=part.padding,
            dilation=part.dilation, groups=part.groups, bias=bias,
        )  # fmt: skip

    def neurons(part: Integrator) -> nir.IF:
        size = sizes[part]
        return nir.IF(r=np.ones(size), v_threshold=np.full(size, part.threshold))

    def flatten(_: nn.Flatten) -> nir.Flatten:
        return nir.Flatten(np.array([12, 3, 3]), start_dim=0, end_dim=-1)

    kinds = {nn.Conv2d: conv, Integrator: neurons, nn.Flatten: flatten}
    reading = ei.Reading(tool="nir", steps=STEPS)
    return Network(
        module, (1, 8, 8), at_rest, lambda: nirtorch.torch_to_nir(module, kinds), reading
    )


TOOLS = {
    "snntorch": snntorch,
    "snntorch-0.9": partial(snntorch, beta=0.9),  # a leak that is no shift
    "spikingjelly": spikingjelly,
    "nirtorch": pytorch,
}


def trained(tool: str, epochs: int) -> tuple[Network, Tensor, Tensor]:
    """Return a network of `tool` that was trained on the digits, their training and test images."""
    torch.manual_seed(0)
    network, data = TOOLS[tool](), ei.load_data("digits")
    x, test = (
        torch.tensor(part).reshape(-1, *network.size) for part in (data.train_x, data.test_x)
    )
    y = torch.tensor(data.train_y).long()
    optimiser = torch.optim.Adam(network.module.parameters(), 5e-3)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(4 * network.logits(x[batch]), y[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network, x, test
