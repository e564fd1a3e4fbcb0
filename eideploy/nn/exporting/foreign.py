"""Neurons of snnTorch and SpikingJelly, where what they compute is exactly what ours do.

Neither package is imported here: a module of theirs is there only if its user has imported it.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from eideploy.neurons import LIF, NO_LEAK, GeneralLIF, PerNeuron
from eideploy.neurons.general import Delay

FIX = "change the neurons, or take LIF and IF of eideploy.nn"
OTHER = "is none of the neurons of {} that are known: {}"


class Inexact(Exception):  # noqa: N818 - it is no error where nobody exports the module
    """Why a neuron of another package is none of ours, in words that follow its name."""


@dataclass(frozen=True, kw_only=True)
class Neurons:
    """A neuron as a circuit has it, behind a gain on its current.

    over_time  whether it takes a sequence (T, B, ...), or else a single step
    """

    model: LIF | GeneralLIF
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
    """Leaky and Synaptic: u = beta v + I, spikes where u > threshold, and resets a step late."""
    kind = type(module).__name__
    if kind not in ("Leaky", "Synaptic"):
        raise Inexact(OTHER.format("snnTorch", "Leaky and Synaptic"))
    mechanism, late = str(_field(module, "reset_mechanism")), bool(_field(module, "reset_delay"))
    if mechanism == "subtract" and not late:
        raise Inexact(
            "subtracts its threshold again from a membrane that is still above it: "
            "leave reset_delay=True"
        )
    for name, plain in (("inhibition", False), ("state_quant", False)):
        if _field(module, name) is not plain:
            raise Inexact(f"has {name}, which no circuit has")
    if _numbers(module, "graded_spikes_factor") != 1:
        raise Inexact("scales its spikes")
    beta, threshold = np.clip(_each(module, "beta"), 0, 1), _each(module, "threshold")
    if kind == "Synaptic":
        if not _field(module, "init_hidden") or _field(module, "output"):
            raise Inexact("hands out the state of its filter: set init_hidden=True, output=False")
        delay: Delay = "reset" if late and mechanism != "none" else "none"
        alpha = np.clip(_each(module, "alpha"), 0, 1)
        return Neurons(model=_above(beta, threshold, mechanism, delay, alpha))
    is_ours = np.ndim(beta) == np.ndim(threshold) == 0 and (mechanism == "zero" or beta == 1)
    if not is_ours or mechanism == "none":
        return Neurons(
            model=_above(beta, threshold, mechanism, "reset" if mechanism == "subtract" else "none")
        )
    model = LIF(
        tau=NO_LEAK if beta == 1 else 1 / (1 - float(beta)),
        threshold=float(np.nextafter(threshold, np.inf)),  # it spikes above, ours at it
        reset="zero" if mechanism == "zero" else "subtract",
    )
    return Neurons(model=model)


def _above(
    beta: PerNeuron,
    threshold: PerNeuron,
    mechanism: str,
    delay: Delay,
    alpha: PerNeuron | None = None,
) -> GeneralLIF:
    """Return a neuron that fires above its threshold, resets by one of snnTorch's mechanisms."""
    return GeneralLIF(
        beta=beta,
        alpha=alpha,
        threshold=threshold,
        reset="zero" if mechanism == "zero" else "none" if mechanism == "none" else "subtract",
        delay=delay,
        fires=">",
    )


def _of_spikingjelly(module: nn.Module) -> Neurons:
    """IFNode: u = v + I; (Parametric)LIFNode: u = v - v / tau + I, or I / tau with decay_input.

    Membranes start at v_reset and leak to it: they are measured from there.
    """
    kind = type(module).__name__
    if kind not in ("IFNode", "LIFNode", "ParametricLIFNode"):
        raise Inexact(OTHER.format("SpikingJelly", "IFNode, LIFNode and ParametricLIFNode"))
    v_reset = _field(module, "v_reset")
    tau = NO_LEAK if kind == "IFNode" else _tau(module, kind)
    decays = kind != "IFNode" and bool(_field(module, "decay_input"))
    rest = 0.0 if v_reset is None else float(v_reset)
    return Neurons(
        model=LIF(
            tau=tau,
            threshold=_numbers(module, "v_threshold") - rest,
            reset="subtract" if v_reset is None else "zero",
        ),
        gain=1 / tau if decays else 1.0,
        over_time=getattr(module, "step_mode", "s") == "m",
    )


def _tau(module: nn.Module, kind: str) -> float:
    if kind == "LIFNode":
        return _numbers(module, "tau")
    return float(1 + np.exp(-_numbers(module, "w")))  # 1 / sigmoid(w)


def _field(module: nn.Module, name: str) -> Any:  # noqa: ANN401 - of a module without types
    return getattr(module, name, None)


def _numbers(module: nn.Module, name: str) -> float:
    """Return what is the same number for all neurons."""
    values = _each(module, name)
    if isinstance(values, float):
        return values
    raise Inexact(f"has a {name} that differs between neurons")


def _each(module: nn.Module, name: str) -> PerNeuron:
    """Return a number of all neurons, or of every neuron (channel), (n,)."""
    values = np.asarray(_plain(getattr(module, name)), np.float64).reshape(-1)
    return float(values[0]) if np.unique(values).size == 1 else values


def _plain(value: object) -> object:
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def _is(module: nn.Module, package: str, kind: str) -> bool:
    wanted = getattr(sys.modules.get(package), kind, None)
    return wanted is not None and isinstance(module, wanted)
