"""Neurons of snnTorch and SpikingJelly, where what they compute is exactly what ours do.

Neither package is imported here: a module of theirs is there only if its user has imported it.
"""

import sys
from dataclasses import dataclass

import numpy as np
from torch import nn

from eideploy.neurons import LIF, NO_LEAK

FIX = "change the neurons, or take LIF and IF of eideploy.nn"
OTHER = "is none of the neurons of {} that are known: {}"


class Inexact(Exception):  # noqa: N818 - it is no error where nobody exports the module
    """Why a neuron of another package is none of ours, in words that follow its name."""


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """A neuron as a circuit has it, behind a gain on its current.

    over_time  whether it takes a sequence (T, B, ...), or else a single step
    """

    model: LIF
    gain: float = 1.0
    over_time: bool = False


def is_foreign(module: nn.Module) -> bool:
    """Return whether a module is a neuron of one of the packages."""
    return _is(module, "snntorch", "SpikingNeuron") or _is(
        module, "spikingjelly.activation_based.base", "MemoryModule"
    )


def neurons_of(module: nn.Module) -> Neurons:
    """Return what a foreign neuron is.

    Raises:
        Inexact: no neuron of ours computes the same.
    """
    if _is(module, "snntorch", "SpikingNeuron"):
        return _of_snntorch(module)
    return _of_spikingjelly(module)


def forget(module: nn.Module) -> None:
    """Take the membranes of a foreign neuron away, which are of other samples."""
    for name in ("reset_mem", "reset"):
        reset = getattr(module, name, None)
        if callable(reset):
            reset()
            return


def _of_snntorch(module: nn.Module) -> Neurons:
    """Leaky: u = beta v + I, spikes where u > threshold."""
    if type(module).__name__ != "Leaky":
        raise Inexact(OTHER.format("snnTorch", "Leaky"))
    beta, threshold = _numbers(module, "beta"), _numbers(module, "threshold")
    beta = min(max(beta, 0.0), 1.0)
    mechanism = getattr(module, "reset_mechanism")  # noqa: B009 - of a module without types
    if mechanism == "none":
        raise Inexact("never resets its membrane")
    if mechanism == "subtract" and not (beta == 1 and getattr(module, "reset_delay", True)):
        raise Inexact(
            "subtracts its threshold a step late, from what has leaked since: "
            'set reset_mechanism="zero", or beta=1'
        )
    for name, plain in (("inhibition", False), ("state_quant", False)):
        if getattr(module, name) is not plain:
            raise Inexact(f"has {name}, which no circuit has")
    if _numbers(module, "graded_spikes_factor") != 1:
        raise Inexact("scales its spikes")
    model = LIF(
        tau=NO_LEAK if beta == 1 else 1 / (1 - beta),
        threshold=float(np.nextafter(threshold, np.inf)),  # it spikes above, ours at it
        reset="zero" if mechanism == "zero" else "subtract",
    )
    return Neurons(model=model)


def _of_spikingjelly(module: nn.Module) -> Neurons:
    """IFNode: u = v + I; LIFNode: u = v - v / tau + I, or I / tau with decay_input."""
    kind = type(module).__name__
    if kind not in ("IFNode", "LIFNode"):
        raise Inexact(OTHER.format("SpikingJelly", "IFNode and LIFNode"))
    v_reset = getattr(module, "v_reset")  # noqa: B009 - of a module without types
    if v_reset not in (None, 0):
        raise Inexact(f"resets its membrane to {v_reset:g}, and not to 0")
    tau = float(getattr(module, "tau", NO_LEAK))
    decays = kind == "LIFNode" and bool(getattr(module, "decay_input"))  # noqa: B009
    return Neurons(
        model=LIF(
            tau=tau,
            threshold=_numbers(module, "v_threshold"),
            reset="subtract" if v_reset is None else "zero",
        ),
        gain=1 / tau if decays else 1.0,
        over_time=getattr(module, "step_mode", "s") == "m",
    )


def _numbers(module: nn.Module, name: str) -> float:
    """Return what is the same number for all neurons."""
    values = np.unique(np.asarray(_plain(getattr(module, name)), np.float64))
    if values.size != 1:
        raise Inexact(f"has a {name} that differs between neurons")
    return float(values[0])


def _plain(value: object) -> object:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _is(module: nn.Module, package: str, kind: str) -> bool:
    found = getattr(sys.modules.get(package), kind, None)
    return found is not None and isinstance(module, found)
