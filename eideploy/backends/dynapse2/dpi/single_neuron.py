"""One neuron of a chip under shunt, under GABA_B and under none: its membrane, and its rate.

The paper divides what a neuron puts out. The shunt divides the sub-threshold current, as (D3) says;
what it makes of the firing rate is found here by simulation.
"""

from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi import definition
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.units import step_of, time_constant
from eideploy.backends.dynapse2.dpi.wiring import Wiring

DT_S, DURATION_S, SETTLED_S = 1e-4, 2.0, 0.3
INPUT_HZ = np.arange(50, 801, 50)  # of the excitatory source, regular
INHIBITORY_HZ = 1000.0
DRIVE = 16.0  # mean excitation at the highest rate, in units of the leak
UNFLOORED = 9  # from which input on GABA_B never takes all that there is, whatever the divisor
SOURCES = ("ampa", "gaba", "shunt")
CASES = ("none", "shunt", "gaba")


@dataclass(frozen=True, kw_only=True, eq=False)
class NeuronResponse:
    """What inhibition makes of one neuron's input current i and output rate r.

    divisor  of the shunt, b = 1 + Ishunt / Ileak; GABA_B takes as much from half the DRIVE
    ratio    by case, (least, most) over the inputs of Imem + Igain over that without inhibition,
             spikes switched off
    change   by case, (least, most) of what is added to Imem / Igain, likewise
    rate_hz  by case, at INPUT_HZ
    line     by case, (slope, hertz) of the line from the uninhibited to the inhibited rate
    """

    divisor: float
    ratio: dict[str, tuple[float, float]]
    change: dict[str, tuple[float, float]]
    rate_hz: dict[str, tuple[float, ...]]
    line: dict[str, tuple[float, float]]


def respond(wiring: Wiring, neuron: int, divisor: float) -> NeuronResponse:
    """Return what the neuron, at its own biases, does under a shunt that divides by `divisor`."""
    subtracted = DRIVE / 2 * (1 - 1 / divisor)
    alone = _alone(wiring, neuron, gaba=subtracted, shunt=divisor - 1)
    events = _events(round(DURATION_S / DT_S))
    counts = Chip(alone, step_of(alone, DT_S), "float64").run(events).counts[0]
    rates = dict(zip(CASES, counts.reshape(len(CASES), -1) / DURATION_S, strict=True))
    silent = replace(alone, soma=alone.soma | {"threshold": np.full(1, np.inf)})
    v = _settled(silent, events)[:, UNFLOORED:]
    return NeuronResponse(
        divisor=divisor,
        ratio={case: _extremes((1 + v[k]) / (1 + v[0])) for k, case in enumerate(CASES)},
        change={case: _extremes(v[k] - v[0]) for k, case in enumerate(CASES)},
        rate_hz={case: tuple(map(float, rate)) for case, rate in rates.items()},
        line={case: _line(rates["none"], rates[case]) for case in CASES},
    )


def _alone(wiring: Wiring, neuron: int, *, gaba: float, shunt: float) -> Wiring:
    """Return the neuron with one source a dendrite, whose mean currents are in leaks."""
    receptor = np.array([RECEPTORS.index(name) for name in SOURCES])
    alone = replace(
        wiring,
        soma={key: value[[neuron]] for key, value in wiring.soma.items()},
        tau=wiring.tau[:, [neuron]],
        gain=wiring.gain[:, [neuron]],
        output=np.array([-1]),
        core=np.zeros(1),
        source=np.arange(len(SOURCES)),
        target=np.zeros(len(SOURCES)),
        receptor=receptor,
        weight=np.ones(len(SOURCES)),
        cam=np.arange(len(SOURCES)),
        inputs=len(SOURCES),
    )
    c = wiring.constants
    capacitance = np.array([getattr(c, f"c_{name}") for name in SOURCES])
    tau = time_constant(capacitance, alone.tau[receptor, 0], c)
    hertz = np.array([INPUT_HZ[-1], INHIBITORY_HZ, INHIBITORY_HZ])
    in_leaks = np.array([DRIVE, gaba, shunt])
    step = step_of(alone, DT_S)
    ratio = in_leaks / step.scale[receptor, 0] + (alone.dendrite == "full") * (in_leaks > 0)
    return replace(alone, weight=ratio / (step.strength * tau * hertz))


def _events(steps: int) -> Array:
    """Return regular events (sources, steps, cases x inputs)."""
    times = np.arange(steps + 1) * DT_S

    def regular(hertz: float) -> Array:
        return np.asarray(np.diff(np.floor(hertz * times + 0.5)).astype(np.uint8))

    events = np.zeros((len(SOURCES), steps, len(CASES), len(INPUT_HZ)), np.uint8)
    events[0] = np.stack([regular(float(hertz)) for hertz in INPUT_HZ], 1)[:, None]
    for case in CASES[1:]:
        events[SOURCES.index(case), :, CASES.index(case)] = regular(INHIBITORY_HZ)[:, None]
    return events.reshape(len(SOURCES), steps, -1)


def _settled(wiring: Wiring, events: Array) -> Array:
    """Return the mean v once it has settled: (cases, inputs)."""
    step = step_of(wiring, DT_S)
    state, total = definition.State.rest(step, events.shape[2]), 0.0
    first = round(SETTLED_S / DT_S)
    for t in range(2 * first):
        charges = np.zeros((len(RECEPTORS), 1, events.shape[2]))
        charges[wiring.receptor, 0] = step.strength[:, None] * events[:, t]
        definition.advance(state, charges, step)
        total = total + state.v[0] * (t >= first)
    return np.reshape(total / first, (len(CASES), -1))


def _extremes(values: Array) -> tuple[float, float]:
    return float(values.min()), float(values.max())


def _line(without: Array, under: Array) -> tuple[float, float]:
    """Return slope and offset by least squares, over the inputs at which it fires."""
    fires = under > 0
    if fires.sum() < 2:
        return float("nan"), float("nan")
    slope, offset = np.polyfit(without[fires], under[fires], 1)
    return float(slope), float(offset)
