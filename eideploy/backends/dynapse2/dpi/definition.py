"""The dynamics in numpy: the definition that the kernel is compared with.

    a_d = a_d exp(-dt / tau_d) + strength * spikes of the step before, inputs of this one
    i   = max(direct + ampa + nmda / (1 + gate / v) - gaba, floor)
    b   = 1 + shunt + adaptation
    tau dv/dt = v (i / (1 + v) - b)                                                    (D3)

(1 + 1/v) tau dv/dt = (i - b) - b v, which is INI's equation: v settles at i / b - 1, so that the
shunt divides and GABA_B subtracts. A step takes the midpoint rule on ln v with the dendrites' means
over the step (D4). Where v crosses the threshold, the moment within the step is interpolated, and
the refractory period counts from it, so that rates do not depend on dt.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi.units import Step
from eideploy.backends.dynapse2.dpi.wiring import Wiring

AMPA, NMDA, GABA, SHUNT = range(len(RECEPTORS))
ADAPTATION = len(RECEPTORS)


@dataclass
class State:
    """Of all neurons in all lanes (neurons, lanes); a: (receptors + 1, neurons, lanes)."""

    v: Array
    a: Array
    wait: Array  # seconds until the refractory period ends; below 0: it ended within the last step
    fired: Array

    @classmethod
    def rest(cls, step: Step, lanes: int) -> "State":
        """Return neurons without input at their reset."""
        n = len(step.h)
        return cls(
            v=np.repeat(step.reset[:, None], lanes, 1),
            a=np.zeros((len(step.decay), n, lanes)),
            wait=np.zeros((n, lanes)),
            fired=np.zeros((n, lanes)),
        )


def advance_membrane(v: Array, i: Array, b: Array, h: Array) -> Array:
    """Return v after h = dt / tau under constant i and b (D4): second order, never negative."""
    middle = v * np.exp(h / 2 * (i / (1 + v) - b))
    return np.asarray(v * np.exp(h * (i / (1 + middle) - b)))


def advance(state: State, jumps: Array, step: Step) -> None:
    """Advance all neurons by one time step; `jumps` (receptors, neurons, lanes) arrive first."""
    state.a *= step.decay[:, :, None]
    state.a[:ADAPTATION] += jumps
    state.a[ADAPTATION] += step.adaptation[:, None] * state.fired
    mean = state.a * step.mean[:, :, None]
    v, wait = state.v, state.wait
    excitation = mean[AMPA] + mean[NMDA] / (1 + step.gate[:, None] / v)
    i = np.maximum(step.direct[:, None] + excitation - mean[GABA], step.floor[:, None])
    b = 1 + mean[SHUNT] + mean[ADAPTATION]
    open_for = np.maximum(step.dt - wait, 0)
    later = advance_membrane(v, i, b, open_for / step.dt * step.h[:, None])
    fired = later >= step.threshold[:, None]
    rise = np.where(fired, later - v, 1)
    left = open_for * (later - step.threshold[:, None]) / rise
    state.wait = np.where(fired, step.refractory[:, None] - left, np.maximum(wait - step.dt, 0))
    state.v = np.where(fired, step.reset[:, None], np.maximum(later, step.reset[:, None]))
    state.fired = fired.astype(np.float64)


def run(wiring: Wiring, step: Step, events: Array) -> Array:
    """Return the spikes (neurons, steps, lanes) that input events (inputs, steps, lanes) cause."""
    size, steps, lanes = wiring.neurons, events.shape[1], events.shape[2]
    state = State.rest(step, lanes)
    spikes = np.zeros((size, steps, lanes), np.uint8)
    for t in range(steps):
        sent = np.concatenate([events[:, t], state.fired])
        jumps = np.zeros((len(RECEPTORS), size, lanes))
        amounts = step.strength[:, None] * sent[wiring.source]
        np.add.at(jumps, (wiring.receptor, wiring.target), amounts)
        advance(state, jumps, step)
        spikes[:, t] = state.fired
    return spikes
