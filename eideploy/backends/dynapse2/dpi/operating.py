"""Where dendrites work: their mean input against what they leak, and what follows for (D5).

A dendrite settles at x = Iin / Itau - 1 under a constant input, and at its dark current where that
is below 1: the DPI amplifies nothing then, and no synapse is heard. It integrates its input
linearly only where x, its current over its gain, is well above 1.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec
from eideploy.backends.dynapse2.dpi.units import step_of, time_constant
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.errors import CapacityError

ANY_STEP_S = 1e-4  # what is asked of a step here does not depend on its length
LEAST, ENOUGH = 1.0, 3.0  # of Iin / Itau: below the first nothing is heard, below the second little
SILENT_HZ = 1.0  # sources that fire less say nothing about a dendrite


@dataclass(frozen=True, kw_only=True)
class Point:
    """Where the dendrites of one sort on one core work, the mean over its neurons that use them.

    input_hz   rate of their sources, the mean over synapses
    over_leak  Iin / Itau; over_gain: I / Igain that it settles at
    """

    chip: int
    core: int
    dendrite: str
    input_hz: float
    over_leak: float
    over_gain: float


def points(
    configuration: Configuration, spec: ChipSpec, rates: Mapping[str, float]
) -> tuple[Point, ...]:
    """Return where all dendrites with synapses work, at the mean rates of their populations.

    rates  events a second of a source or neuron, by population
    """
    wiring = decode(configuration, spec)
    names = configuration.populations
    of_neuron = [rates.get(names[i], 0.0) for i in configuration.neurons.population]
    placed = {names[i] for i in configuration.neurons.population.tolist()}
    of_input = [
        np.full(size, rates.get(name, 0.0))
        for name, size in zip(names, configuration.sizes, strict=True)
        if name not in placed
    ]
    rate = np.concatenate([*of_input, np.array(of_neuron)])
    dendrites = []
    for number, receptor in enumerate(RECEPTORS):
        ratio = mean_ratio(wiring, receptor, rate[:, None])
        over_gain = settled(wiring, receptor, ratio)[:, 0]
        own = wiring.receptor == number
        for core in np.unique(wiring.core[wiring.target[own]]):
            rows = own & (wiring.core[wiring.target] == core)
            users = np.unique(wiring.target[rows])
            chip, place = divmod(int(core), spec.chip.cores)
            dendrites.append(
                Point(
                    chip=chip,
                    core=place,
                    dendrite=receptor,
                    input_hz=float(rate[wiring.source[rows]].mean()),
                    over_leak=float(ratio[users, 0].mean()),
                    over_gain=float(over_gain[users].mean()),
                )
            )
    return tuple(sorted(dendrites, key=lambda p: (p.chip, p.core)))


def refuse_dark(dendrites: tuple[Point, ...], *, where: str) -> None:
    """Refuse dendrites that would stay at their dark currents although their sources fire.

    Raises:
        CapacityError: naming them, with Iin / Itau.
    """
    dark = [
        f"{p.dendrite} of core {p.chip}.{p.core} has Iin / Itau = {p.over_leak:.2g}"
        for p in dendrites
        if p.over_leak < LEAST and p.input_hz >= SILENT_HZ
    ]
    if dark:
        raise CapacityError(
            f"dendrites would hear nothing, their input is below their leak: {', '.join(dark)}",
            where=where,
            fix="train with a larger neuron.base_na, a longer neuron.pulse_us or longer time "
            "constants of the dendrites, by --set",
        )


def weak(dendrites: tuple[Point, ...]) -> list[str]:
    """Return a line for every dendrite that hears its input, but hardly as the linear one would."""
    return [
        f"{p.dendrite} of core {p.chip}.{p.core} has Iin / Itau = {p.over_leak:.2g}, below "
        f"{ENOUGH:g}: it hears little, and less where currents err"
        for p in dendrites
        if p.over_leak < ENOUGH
    ]


def mean_ratio(wiring: Wiring, receptor: str, rate: Array) -> Array:
    """Return Iin / Itau of a dendrite, the mean over time.

    Shapes   rate: (inputs + neurons, batch) events a second; result: (neurons, batch)
    """
    number = RECEPTORS.index(receptor)
    rows = np.flatnonzero(wiring.receptor == number)
    charge = step_of(wiring, ANY_STEP_S).strength[rows]
    capacitance = getattr(wiring.constants, f"c_{receptor}")
    tau = time_constant(capacitance, wiring.tau[number], wiring.constants)
    ratio = np.zeros((wiring.neurons, rate.shape[1]))
    target = wiring.target[rows]
    np.add.at(ratio, target, (charge * tau[target])[:, None] * rate[wiring.source[rows]])
    return ratio


def settled(wiring: Wiring, receptor: str, ratio: Array) -> Array:
    """Return what x of a dendrite settles at above its dark current, for Iin / Itau: (neurons, ..).

    Where nothing is heard it is 0.
    """
    if wiring.dendrite == "linear":
        return ratio
    rest = wiring.constants.dark_current / wiring.gain[RECEPTORS.index(receptor)]
    return np.asarray(np.maximum(ratio - 1 - rest[:, None], 0))
