"""The model of a circuit's neurons that a population is."""

import numpy as np

from eideploy.backends.nir.conventions import Convention
from eideploy.backends.nir.foreign.neurons import CLOSE, LONGEST_TAU, ReadNeurons
from eideploy.backends.nir.foreign.numbers import Unsupported
from eideploy.circuit import Array, Integrator
from eideploy.neurons import LIF, NO_LEAK, GeneralLIF, Neuron
from eideploy.options.choices import Read, Reset

RESET = {"subtract": "subtract", "none": "none"}
DELAY = {"no": "none", "reset": "reset", "spike": "spike"}
FIRES = {"above": ">", "reached": ">="}


def model_of(neurons: ReadNeurons, n: int) -> Neuron:
    """Return the model of `n` neurons (channels); the simplest that there is.

    Raises:
        Unsupported: parameters of another number of neurons.
    """
    usual = _usual(neurons)
    if usual is not None:
        return usual
    convention = neurons.convention
    assert neurons.threshold is not None
    v_reset = None if neurons.v_reset is None or not neurons.v_reset.any() else neurons.v_reset
    reset = RESET.get(convention.reset, "value" if v_reset is not None else "zero")
    delay = DELAY[convention.late]
    threshold = _each(neurons.threshold, n)
    return GeneralLIF(
        beta=_each(neurons.beta, n),
        threshold=threshold,
        reset=reset,  # type: ignore[arg-type]
        delay="none" if reset == "none" and delay == "reset" else delay,  # type: ignore[arg-type]
        fires=FIRES[convention.fires],  # type: ignore[arg-type]
        max_spikes=convention.spikes,
        alpha=None if neurons.alpha is None else _each(neurons.alpha, n),
        v_reset=_each(v_reset, n) if reset == "value" and v_reset is not None else None,
        v_min=-threshold if _has_floor(neurons) else None,
    )


def integrator_of(neurons: ReadNeurons, n: int) -> Integrator:
    """Return the `n` neurons of an output whose membranes are read.

    Raises:
        Unsupported: parameters of another number of neurons; membranes that start elsewhere or do
            not fall below a floor.
    """
    if neurons.start is not None and neurons.start.any():
        raise Unsupported("membranes that are read start at v_reset, which is not zero")
    if _has_floor(neurons) and neurons.threshold is not None:
        raise Unsupported(
            "membranes that are read have a floor", "say that they have none: --assume floor=none"
        )
    return Integrator(
        read=read_of(neurons.convention),
        beta=_each(neurons.beta, n),
        alpha=None if neurons.alpha is None else _each(neurons.alpha, n),
    )


def read_of(convention: Convention) -> Read:
    """Return what of the membranes is read; their mean, where nobody says it."""
    return "mean" if convention.readout == "output" else convention.readout


def _has_floor(neurons: ReadNeurons) -> bool:
    return neurons.convention.floor == "threshold" and bool((neurons.beta == 1).all())


def _usual(neurons: ReadNeurons) -> LIF | None:
    """Return neurons that leak by a shift, with one threshold; None where they are others."""
    convention = neurons.convention
    same = all((v == v.flat[0]).all() for v in (neurons.beta, neurons.threshold) if v is not None)
    others = (convention.late != "no", convention.spikes != 1, convention.floor != "none")
    if any(others) or not same or neurons.alpha is not None or convention.reset == "none":
        return None
    if convention.reset == "reset" and neurons.v_reset is not None and neurons.v_reset.any():
        return None
    tau = _tau(float(neurons.beta.flat[0]))
    if tau is None:
        return None
    assert neurons.threshold is not None
    threshold = float(neurons.threshold.flat[0])
    if convention.fires == "above":  # ours fire at it
        threshold = float(np.nextafter(threshold, np.inf))
    reset: Reset = "subtract" if convention.reset == "subtract" else "zero"
    return LIF(tau=tau, threshold=threshold, reset=reset)


def _tau(beta: float) -> float | None:
    """Return the power of two that is 1 / (1 - beta), or NO_LEAK."""
    if beta == 1:
        return NO_LEAK
    steps = 1 / (1 - beta)
    power = float(np.clip(2.0 ** np.rint(np.log2(steps)), 1, LONGEST_TAU))
    return power if abs(steps / power - 1) < CLOSE else None


def _each(value: Array, n: int) -> float | Array:
    """Return one number for all neurons, or one for each."""
    if value.size == 1 or (value == value.flat[0]).all():
        return float(value.flat[0])
    if value.size % n:
        raise Unsupported(f"has parameters of {value.size} neurons, and {n} neurons")
    return np.ascontiguousarray(value.reshape(n, -1)[:, 0])
