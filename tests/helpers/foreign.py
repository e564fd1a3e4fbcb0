"""NIR graphs in other people's programs: logits, and the spikes of every LIF node."""

from collections import defaultdict

import nirtorch
import numpy as np
import torch

from eideploy.backends.nir.torch_map import node_map


def in_nirtorch(graph):
    return nirtorch.nir_to_torch(graph, node_map(), dtype=torch.float64)


def in_spikingjelly(graph):
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return import_from_nir(graph, dtype=torch.float64)


def in_snntorch(graph):
    import snntorch
    from snntorch.import_nir import import_from_nir

    module = import_from_nir(graph).double()
    for part in module.modules():
        if isinstance(part, snntorch.Leaky):  # its spikes are of single precision
            part.register_forward_hook(lambda _m, _x, z: z.double())
    return module


@torch.no_grad()
def run(module, x, steps, lifs=()):
    """Return the logits (B, classes) and spikes (T, B, ...) of the modules called `lifs`."""
    spikes = defaultdict(list)
    hooks = [
        module.get_submodule(name).register_forward_hook(
            lambda _m, _x, out, name=name: spikes[name].append(_first(out).clone())
        )
        for name in lifs
    ]
    state, total = None, 0
    for _ in range(steps):
        out, state = module(torch.from_numpy(np.asarray(x, np.float64)), state)
        total = total + out
    for hook in hooks:
        hook.remove()
    return (total / steps).numpy(), {n: torch.stack(z).numpy() for n, z in spikes.items()}


def _first(out):
    return out[0] if isinstance(out, tuple) else out
