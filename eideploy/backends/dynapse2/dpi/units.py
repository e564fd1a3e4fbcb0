"""Currents in ampere to what one time step needs, in units of each neuron's own leak and gain.

v = Imem / Igain           membrane; a spike at v >= Ithreshold / Igain, then v = I0 / Igain
x = Idendrite / Igain_d    dendrites, of their own gain, never below I0 / Igain_d
a = x Igain_d / Itau       dendrites, of the membrane's Itau
tau = C Ut / (kappa I)     of the membrane and of every dendrite                    (D1)
q = Iw / Itau_d (1 - exp(-t_pulse / tau_d))    what a spike brings its dendrite     (D2)
t_pulse = Vth C_pulse / Ipulse, t_refractory = Vth C_ref / Irefractory + Vth C_spike / Ispkthr
The last term is the spike's slew: until it has risen, and its refractory period after it, the
neuron takes in nothing. Its event is sent as it begins.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, Constants
from eideploy.backends.dynapse2.dpi.wiring import Events, Wiring
from eideploy.options.choices import Dendrite


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """What a time step of `dt` seconds needs, by neuron (n,) unless said.

    h           dt / tau of the membrane
    reset, threshold  of v; refractory: seconds
    floor       the least input, the dark current; direct: the constant input
    gate        of NMDA, Igate / Igain; 0: none
    decay       exp(-dt / tau) of the dendrites and of adaptation: (receptors + 1, n)
    mean        a decaying current's mean over a step, over what it began with: (receptors + 1, n)
    adaptation  what a spike adds to the leak
    scale       from x to a; rest: of x: (receptors, n)
    strength    q of a spike, by synapse: (synapses,)
    dendrite    linear: every spike adds its q to x, which is the DPI only where x >> 1
    events      what becomes of them on their way
    """

    dt: float
    dendrite: Dendrite
    events: Events
    h: Array
    reset: Array
    threshold: Array
    refractory: Array
    floor: Array
    direct: Array
    gate: Array
    adaptation: Array
    decay: Array
    mean: Array
    scale: Array
    rest: Array
    strength: Array

    def __post_init__(self) -> None:
        arrays = self.__dataclass_fields__.keys() - {"dt", "dendrite", "events"}
        freeze(self, **dict.fromkeys(sorted(arrays), np.float64))


def time_constant(capacitance: Array | float, current: Array, constants: Constants) -> Array:
    """Return tau in seconds (D1)."""
    kappa = (constants.kappa_n + constants.kappa_p) / 2
    return np.asarray(capacitance * constants.thermal_voltage / (kappa * current))


def step_of(wiring: Wiring, dt: float) -> Step:
    """Return what a time step of `dt` seconds needs."""
    soma, constants = wiring.soma, wiring.constants
    capacitances = np.array([[getattr(constants, f"c_{name}")] for name in RECEPTORS])
    tau = time_constant(capacitances, wiring.tau, constants)
    slow = time_constant(constants.c_adaptation, soma["adaptation_tau"], constants)
    all_tau = np.vstack([tau, slow])
    decay = np.exp(-dt / all_tau)
    pulse = _duration(constants.c_pulse, soma["pulse"], constants)
    per_ampere = -np.expm1(-pulse / tau) / wiring.tau
    dark = constants.dark_current if wiring.dendrite == "full" else 0.0
    own = _duration(constants.c_pulse, soma["adaptation_pulse"], constants)
    lasting = soma["adaptation_gain"] / (soma["adaptation_tau"] * soma["leak"])
    return Step(
        dt=dt,
        dendrite=wiring.dendrite,
        events=wiring.events,
        h=dt / time_constant(constants.c_membrane, soma["leak"], constants),
        reset=constants.dark_current / soma["gain"],
        threshold=soma["threshold"] / soma["gain"],
        refractory=_duration(constants.c_refractory, soma["refractory"], constants)
        + _duration(constants.c_spike, soma["threshold"], constants),
        floor=constants.dark_current / soma["leak"],
        direct=soma["direct"] / soma["leak"],
        gate=soma["gate"] / soma["gain"],
        adaptation=lasting * soma["adaptation_weight"] * -np.expm1(-own / slow),
        decay=decay,
        mean=all_tau / dt * (1 - decay),
        scale=wiring.gain / soma["leak"],
        rest=dark / wiring.gain,
        strength=per_ampere[wiring.receptor, wiring.target] * wiring.weight,
    )


def _duration(capacitance: float, current: Array, constants: Constants) -> Array:
    return np.asarray(constants.threshold_voltage * capacitance / current)
