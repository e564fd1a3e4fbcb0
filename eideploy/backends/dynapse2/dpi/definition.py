"""The dynamics in numpy: the definition that the kernel is compared with.

    tau_d dx/dt = x (Iin / (Itau_d (1 + x)) - 1),  x >= rest                           (D5)
    a_d = scale_d x_d
    i   = max(direct + ampa + nmda / (1 + gate / v) - gaba, floor)
    b   = 1 + shunt + adaptation
    tau dv/dt = v (i / (1 + v) - b)                                                    (D3)

(1 + 1/v) tau dv/dt = (i - b) - b v, which is INI's equation: v settles at i / b - 1, so that the
shunt divides and GABA_B subtracts. A step takes the midpoint rule on ln v with the dendrites' means
over the step (D4). Where v crosses the threshold, the moment within the step is interpolated, and
the refractory period counts from it, so that rates do not depend on dt.

x is the dendrite's current in units of its gain. Between pulses (D5) is a decay; a pulse is so
short against tau_d that x + ln x grows by its charge q, and the charges of pulses add up (D6). The
spikes of the step before, and the inputs of this one, arrive as a step begins. A linear dendrite
grows by q itself, which is (D6) where x >> 1.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import wrightomega

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi.units import Step
from eideploy.backends.dynapse2.dpi.wiring import Events, Wiring

AMPA, NMDA, GABA, SHUNT = range(len(RECEPTORS))
ADAPTATION = len(RECEPTORS)
MASK = 0xFFFFFFFF
OF_CAMS = 0x5CA3  # added to the seed of events, by which CAMs miss them


@dataclass
class State:
    """Of all neurons in all lanes (neurons, lanes).

    x  of the dendrites (receptors, neurons, lanes); tired: the current of adaptation, in leaks
    """

    v: Array
    x: Array
    tired: Array
    wait: Array  # seconds until the refractory period ends; below 0: it ended within the last step
    fired: Array

    @classmethod
    def rest(cls, step: Step, lanes: int) -> "State":
        """Return neurons without input at their reset."""
        n = len(step.h)
        return cls(
            v=np.repeat(step.reset[:, None], lanes, 1),
            x=np.repeat(step.rest[:, :, None], lanes, 2),
            tired=np.zeros((n, lanes)),
            wait=np.zeros((n, lanes)),
            fired=np.zeros((n, lanes)),
        )


def charged(x: Array, charge: Array) -> Array:
    """Return w with w + ln w = x + ln x + charge (D6): x after pulses, x where there are none."""
    return np.where(charge > 0, wrightomega(x + np.log(x) + charge), x)


def advance_dendrites(state: State, charges: Array, step: Step) -> Array:
    """Advance x by a step that begins with `charges`, and return the mean of a over it.

    Shapes   charges, result: (receptors, neurons, lanes)
    """
    rest = step.rest[:, :, None]
    x = np.maximum(state.x * step.decay[:ADAPTATION, :, None], rest)
    state.x = x + charges if step.dendrite == "linear" else charged(x, charges)
    mean = np.maximum(state.x * step.mean[:ADAPTATION, :, None], rest)
    return np.asarray(mean * step.scale[:, :, None])


def copies(events: Events, t: int, sources: int, lanes: int) -> Array:
    """Return how often an event of step t arrives: 0, 1 or 2 times, (sources, lanes)."""
    if not (events.lost or events.doubled):
        return np.ones((sources, lanes))
    chance = drawn(np.arange(sources), lanes, t, events.seed)
    return np.asarray(1.0 - (chance < events.lost) + (chance >= 1 - events.doubled))


def caught(wiring: Wiring, t: int, lanes: int) -> Array:
    """Return whether each synapse's CAM takes the events of step t: (synapses, lanes)."""
    if not len(wiring.fails):
        return np.ones((len(wiring.cam), lanes))
    chance = drawn(wiring.cam, lanes, t, wiring.events.seed + OF_CAMS)
    return (chance >= wiring.fails[wiring.cam][:, None]).astype(np.float64)


def drawn(numbers: Array, lanes: int, t: int, seed: int) -> Array:
    """Return chances in 0 to 1, (numbers, lanes).

    A hash of number, step, lane and seed says, in 32 bits, so that any simulator draws the same.
    """
    number, lane = numbers.astype(np.uint32), np.arange(lanes, dtype=np.uint32)
    mixed = (number * np.uint32(0x9E3779B1))[:, None] ^ (lane * np.uint32(0xC2B2AE3D))
    mixed ^= np.uint32(t * 0x85EBCA77 & MASK) ^ np.uint32(seed * 0x27D4EB2F & MASK)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        mixed = (mixed ^ (mixed >> np.uint32(shift))) * np.uint32(factor)
    return np.asarray(mixed / 2.0**32)


def room(events: Events, t: int, dt: float) -> float:
    """Return how many events the bus takes in step t."""
    if not events.spacing:
        return np.inf
    return float(np.floor((t + 1) * dt / events.spacing) - np.floor(t * dt / events.spacing))


def taken(waiting: Array, most: float) -> Array:
    """Return how many of the waiting events (sources, lanes) the bus takes, the first first."""
    before = waiting.cumsum(0) - waiting
    return np.asarray(np.clip(np.minimum(waiting, most - before), 0, None))


def advance_membrane(v: Array, i: Array, b: Array, h: Array) -> Array:
    """Return v after h = dt / tau under constant i and b (D4): second order, never negative."""
    middle = v * np.exp(h / 2 * (i / (1 + v) - b))
    return np.asarray(v * np.exp(h * (i / (1 + middle) - b)))


def advance(state: State, charges: Array, step: Step) -> None:
    """Advance all neurons by one time step; `charges` (receptors, neurons, lanes) arrive first."""
    mean = advance_dendrites(state, charges, step)
    state.tired *= step.decay[ADAPTATION, :, None]
    state.tired += step.adaptation[:, None] * state.fired
    v, wait = state.v, state.wait
    excitation = mean[AMPA] + mean[NMDA] / (1 + step.gate[:, None] / v)
    i = np.maximum(step.direct[:, None] + excitation - mean[GABA], step.floor[:, None])
    b = 1 + mean[SHUNT] + state.tired * step.mean[ADAPTATION, :, None]
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
    waiting = np.zeros((wiring.inputs + size, lanes))
    for t in range(steps):
        waiting += np.concatenate([events[:, t], state.fired])
        sent = taken(waiting, room(step.events, t, step.dt))
        waiting -= sent
        sent = sent * copies(step.events, t, *sent.shape)
        charges = np.zeros((len(RECEPTORS), size, lanes))
        amounts = step.strength[:, None] * sent[wiring.source] * caught(wiring, t, lanes)
        np.add.at(charges, (wiring.receptor, wiring.target), amounts)
        advance(state, charges, step)
        spikes[:, t] = state.fired
    return spikes
