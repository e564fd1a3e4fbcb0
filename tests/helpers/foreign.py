"""NIR graphs in other people's programs: logits, and the spikes of every LIF node."""

import warnings
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


def in_norse(graph):
    import norse.torch

    return norse.torch.from_nir(graph, dt=1e-3)


@torch.no_grad()
def outputs(tool, graph, x, steps):
    """Return what a tool puts out, (B, T, n), of samples (B, ...) that stay, in single precision.

    Warnings of the tools about themselves are theirs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        still = torch.from_numpy(np.repeat(np.float32(x)[:, None], steps, 1))
        if tool == "sinabs":
            from sinabs.nir import from_nir

            found = from_nir(graph, batch_size=len(x))(still.flatten(0, 1))
            return _first(found).reshape(len(x), steps, -1).numpy()
        if tool == "rockpool":
            from rockpool.nn.modules.torch.nir import from_nir

            return _first(from_nir(graph)(still)).numpy()
        from snntorch.import_nir import import_from_nir

        module = in_norse(graph) if tool == "norse" else import_from_nir(graph)
        state, found = None, []
        for t in range(steps):
            out, state = module(still[:, t], state)
            found.append(out.reshape(len(x), -1))
        return torch.stack(found, 1).numpy()


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
