"""Chips that differ: every current of every neuron and synapse times a lognormal of mean 1."""

from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.dpi.wiring import Wiring


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """Coefficients of variation by class of parameter, each neuron's and synapse's drawn alone.

    leak       of the membrane
    gain       of the membrane and of every dendrite
    threshold  of the spike
    time       of every dendrite's time constant, of the refractory period and the pulse
    weight     of every CAM
    direct     of the constant current
    """

    leak: float = 0.0
    gain: float = 0.0
    threshold: float = 0.0
    time: float = 0.0
    weight: float = 0.0
    direct: float = 0.0

    @classmethod
    def uniform(cls, cv: float) -> "Mismatch":
        """Return the same CV for all classes."""
        return cls(leak=cv, gain=cv, threshold=cv, time=cv, weight=cv, direct=cv)

    @classmethod
    def of(cls, name: str, cv: float) -> "Mismatch":
        """Return mismatch of one class alone."""
        return cls(**{name: cv})


SOMA_CLASSES = {
    "leak": "leak",
    "gain": "gain",
    "threshold": "threshold",
    "refractory": "time",
    "pulse": "time",
    "direct": "direct",
}


def lognormal(rng: np.random.Generator, cv: float, shape: tuple[int, ...]) -> Array:
    """Return factors of mean 1 and standard deviation `cv`; ones where that is 0."""
    if cv == 0:
        return np.ones(shape)
    sigma = np.sqrt(np.log1p(cv**2))
    return rng.lognormal(-(sigma**2) / 2, sigma, shape)


def erring(wiring: Wiring, cv: float, seed: int | tuple[int, ...]) -> Wiring:
    """Return a chip whose biases err, each by one factor on all neurons of a core.

    The four base currents of a core err by one factor, and the membrane's capacitance by another.
    """
    if cv == 0:
        return wiring
    rng, cores = np.random.default_rng(seed), (int(wiring.core.max(initial=0)) + 1,)

    def factor() -> Array:
        return np.asarray(lognormal(rng, cv, cores)[wiring.core])

    capacitance = wiring.constants.c_membrane * float(lognormal(rng, cv, (1,))[0])
    return replace(
        wiring,
        soma={key: value * factor() for key, value in wiring.soma.items()},
        tau=wiring.tau * np.stack([factor() for _ in wiring.tau]),
        gain=wiring.gain * np.stack([factor() for _ in wiring.gain]),
        weight=wiring.weight * factor()[wiring.target],
        constants=replace(wiring.constants, c_membrane=capacitance),
    )


def varied(wiring: Wiring, mismatch: Mismatch, seed: int | tuple[int, ...]) -> Wiring:
    """Return one chip of many: the same wiring with currents as chance made them."""
    rng = np.random.default_rng(seed)
    n = (wiring.neurons,)
    soma = dict(wiring.soma)
    for key, kind in SOMA_CLASSES.items():
        soma[key] = soma[key] * lognormal(rng, getattr(mismatch, kind), n)
    cams = int(wiring.cam.max(initial=-1)) + 1
    return replace(
        wiring,
        soma=soma,
        gain=wiring.gain * lognormal(rng, mismatch.gain, wiring.gain.shape),
        tau=wiring.tau * lognormal(rng, mismatch.time, wiring.tau.shape),
        weight=wiring.weight * lognormal(rng, mismatch.weight, (cams,))[wiring.cam],
    )
