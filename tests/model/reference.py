"""Golden numbers, and networks that carry them."""

from pathlib import Path

import numpy as np
import torch

from eideploy.config import Architecture
from eideploy.model.networks import build

GOLDEN = Path(__file__).parents[1] / "golden"
NETWORKS = {
    "c1_mlp_64_64_32_10": (Architecture(kind="mlp", widths=(64, 32)), (1, 8, 8)),
    "d1_mlp_3steps": (Architecture(kind="mlp", widths=(64, 32)), (1, 8, 8)),
    "c2_vgg8_narrow": (
        Architecture(widths=(8, "P", 16, "P", 16, "P", 32, "P", 32, "P")),
        (3, 32, 32),
    ),
    "c5_resnet18_full": (
        Architecture(kind="resnet", widths=(64, 128, 256, 512)),
        (3, 32, 32),
    ),
}


def golden(name):
    return np.load(next(GOLDEN.glob(f"{name}*.npz")))


def by_either_kernel(network, x):
    """Return logits and gradients of a loss, by plain torch and by the compiled pass."""
    found = []
    for kernel in ("plain", "fused"):
        network.use_kernel(kernel)
        logits = network(x)
        logits.square().sum().backward()
        found.append([logits.detach(), *(p.grad.clone() for p in network.parameters())])
        network.zero_grad()
    return zip(*found, strict=True)


def parameters(layer, *, gains):
    """The parameters of an E-I layer in the reference's order: W_ee, W_ie, W_ei, g_i, g_e, b_e."""
    found = [part.weight for part in (layer.excitatory, layer.inhibitory, layer.lateral)]
    return found + ([layer.gain_i, layer.gain_e, layer.bias] if gains else [])


def named(network, names):
    """Pair the reference's names, given in order of execution, with our parameters."""
    layers = [layer for _, layer in network.ei_layers()]
    pairs = {}
    for place, layer in enumerate(layers):
        gains = place < len(layers) - 1
        mine = parameters(layer, gains=gains)
        pairs |= dict(zip(names[6 * place : 6 * place + len(mine)], mine, strict=True))
    return pairs


def new_network(name):
    architecture, shape = NETWORKS[name]
    return build(architecture, shape, 10), shape


@torch.no_grad()
def load_state(network, state):
    for name, parameter in named(network, list(state)).items():
        parameter.copy_(torch.from_numpy(state[name]).reshape(parameter.shape))
    network.initialised.fill_(True)


def state_of(data, prefix="state/"):
    return {k.removeprefix(prefix): data[k] for k in data if k.startswith(prefix)}


def redrawn(data):
    """The initial parameters, drawn anew from the recorded seed and scales."""
    rng = np.random.default_rng(int(data["seed"]))
    state = {}
    fields = zip(data["param_names"], data["param_shapes"], strict=True)
    scales = dict(zip(data["init/order"], data["init/exp_scale"], strict=True))
    shapes = {name: parse_shape(shape) for name, shape in fields}
    for name in data["init/order"]:
        for kind in ("ee", "ie"):
            key = f"{name}.conv_{kind}.weight"
            key = key if key in shapes else f"{name}.weight_{kind}"
            state[key] = rng.exponential(scales[name], size=shapes[key]).astype(np.float32)
    for name, total in zip(data["param_names"], data["param_sum"], strict=True):
        if name not in state:  # all entries of a gain, a bias or W_EI are equal at first
            entry = np.float32(total / np.prod(shapes[name]))
            state[str(name)] = np.full(shapes[name], entry, dtype=np.float32)
    return {str(name): state[name] for name in data["param_names"]}


def parse_shape(text):
    return tuple(int(part) for part in str(text).strip("()").split(",") if part.strip())
