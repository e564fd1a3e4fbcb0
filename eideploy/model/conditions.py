"""What the bits of a training depend on beside its configuration.

Where all of it is the same, so are the bits; `arithmetic` stands for all that cannot be named, as
the order in which a library sums on this processor.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from eideploy.config import Architecture
from eideploy.model.initialise import initialise
from eideploy.model.networks import Network, build
from eideploy.nn import LIF
from eideploy.nn.compiled import library

Conditions = Mapping[str, str]
OnOther = Callable[[Conditions, Conditions], None]
PROBED = Architecture(kind="vgg", widths=(16, 32, "P", 61), steps=4)  # 61: columns left over
SHAPE, CLASSES, SAMPLES = (3, 8, 8), 10, 32


def conditions(network: Network, device: torch.device, *, processes: int) -> Conditions:
    """Return what the bits of training `network` here depend on, its kernel already chosen.

    Call it with the number of threads that the training has.
    """
    fused = device.type == "cpu" and _is_fused(network)
    return {
        "device": _name(device),
        **versions(),
        "kernel": "fused" if fused else "plain",
        "threads": str(torch.get_num_threads()),
        "processes": str(processes),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "arithmetic": arithmetic(fused=fused),
    }


def arithmetic(*, fused: bool) -> str:
    """Return a digest of the logits and gradients of a small network on this processor."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.random((SAMPLES, *SHAPE), np.float32))
    network = build(PROBED, SHAPE, CLASSES)
    initialise(network, x, rng)
    network.use_kernel("fused" if fused else "plain")
    logits = network(x)
    cross_entropy(logits, torch.arange(SAMPLES) % CLASSES).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    arrays = [tensor.detach().numpy() for tensor in (logits, *gradients)]
    return digest([*arrays, *elementary(rng)])


def differences(before: Conditions, now: Conditions) -> str:
    """Return what differs, to be read by people; nothing: empty."""
    names = [name for name in (*now, *before) if before.get(name) != now.get(name)]
    lines = (f"{n} {now.get(n, 'unknown')}, was {before.get(n, 'unknown')}" for n in names)
    return "; ".join(dict.fromkeys(lines))


def added(
    before: Sequence[Conditions], now: Conditions, on_other: OnOther = lambda _, __: None
) -> tuple[Conditions, ...]:
    """Return all conditions that a training has had, in order, with those of now.

    `on_other` is called where it goes on under others, with those before and those of now.
    """
    if before and before[-1] == now:
        return tuple(before)
    if before:
        on_other(before[-1], now)
    return (*before, now)


def versions() -> Conditions:
    """Return the releases of what computes."""
    return {"torch": torch.__version__, "numpy": np.__version__}


def elementary(rng: np.random.Generator) -> list[np.ndarray]:
    """Return what numpy makes of float64, which it rounds by the width of its vectors."""
    x = rng.uniform(0, 2, 1000)
    return [function(x) for function in (np.exp, np.expm1, np.log1p, np.sin, np.cos)]


def digest(arrays: Iterable[np.ndarray]) -> str:
    """Return a few digits that differ where any bit of the arrays does."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def _is_fused(network: Network) -> bool:
    firing = [module for module in network.modules() if isinstance(module, LIF)]
    return any(lif.fused for lif in firing) and library() is not None


def _name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    number = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    return f"{torch.cuda.get_device_name(device)}, cuDNN {number}"
