"""Emulated boards: chips with errors that nobody is told of, each drawn by a seed.

A configuration says codes; what currents they give on a board, what its capacitors are, how warm it
is and which events and CAMs fail is the board's own. All of it is drawn once by the seed and stays
as it is whatever is configured and wherever the network's neurons lie, so that a board can be
measured and its codes corrected.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec, Constants
from eideploy.backends.dynapse2.dpi.mismatch import SOMA_CLASSES, Mismatch, lognormal
from eideploy.backends.dynapse2.dpi.wiring import Events, Wiring, decode
from eideploy.options.choices import Dendrite

DOUBLING_K = 10.0  # by which the dark current doubles
ROOM_K = 298.0  # at which the spec's constants hold
NEVER = 1e9  # times its threshold, which a silent neuron does not reach
HOT = 5.0  # what a hot neuron is given, of the constant current that reaches its threshold
SYNAPSES = ("source", "target", "receptor", "weight", "cam")


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How far boards differ; assumed, as no measurement of many boards is public.

    bias       CV of what is common to one bias on one core
    membrane   CV of the membrane's capacitance, common to a board
    kelvin     standard deviation of its temperature
    mismatch   between these lies the CV of every class of `Mismatch`
    lost, doubled  shares of events; dead: of CAMs
    event_us   that an event takes on the bus, where others wait for it
    silent, hot  shares of neurons that never fire, and that fire without input; none are assumed
    flaky      share of CAMs that miss events, each with a probability of its own; none is assumed
    """

    bias: float = 0.2
    membrane: float = 0.1
    kelvin: float = 5.0
    mismatch: tuple[float, float] = (0.05, 0.15)
    lost: float = 0.005
    doubled: float = 0.005
    dead: float = 0.002
    event_us: float = 1.0
    silent: float = 0.0
    hot: float = 0.0
    flaky: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Circuits:
    """What the circuits of a core make of the currents they are told, as factors.

    Shapes   soma: by key (neurons,); gain, tau: (receptors, neurons)
             weight, works: (neurons, CAMs); silent, hot: (neurons,), bool
             fails: (neurons, CAMs), the probability to miss an event
    """

    soma: Mapping[str, Array]
    gain: Array
    tau: Array
    weight: Array
    works: Array
    silent: Array
    hot: Array
    fails: Array


@dataclass(frozen=True)
class Board:
    """One board of many; `seed` draws its truth."""

    spec: ChipSpec
    seed: int
    spread: Spread = Spread()
    dendrite: Dendrite = "full"

    @cached_property
    def errors(self) -> dict[str, Array]:
        """By role, what the currents are of those that codes say: (cores of all chips,)."""
        rng = np.random.default_rng((self.seed, 0))
        cores = (self.spec.chips * self.spec.chip.cores,)
        return {role: lognormal(rng, self.spread.bias, cores) for role in sorted(self.spec.bias_of)}

    @cached_property
    def constants(self) -> Constants:
        """The circuits' constants on this board."""
        rng, nominal = np.random.default_rng((self.seed, 1)), self.spec.constants
        warmer = rng.normal(0, self.spread.kelvin)
        return replace(
            nominal,
            c_membrane=nominal.c_membrane * float(lognormal(rng, self.spread.membrane, (1,))[0]),
            dark_current=nominal.dark_current * 2 ** (warmer / DOUBLING_K),
            thermal_voltage=nominal.thermal_voltage * (1 + warmer / ROOM_K),
        )

    @cached_property
    def mismatch(self) -> Mismatch:
        """The CVs of this board's classes of parameters."""
        rng, names = np.random.default_rng((self.seed, 2)), Mismatch.__dataclass_fields__
        return Mismatch(**{name: float(rng.uniform(*self.spread.mismatch)) for name in names})

    def wiring(self, configuration: Configuration) -> Wiring:
        """Return what a configuration amounts to on this board."""
        ideal = decode(configuration, self.spec, dendrite=self.dendrite, errors=self.errors)
        used, place = np.unique(ideal.core, return_inverse=True)
        cores = [self._circuits(int(number)) for number in used]
        neuron = configuration.neurons.neuron
        target, slot = np.divmod(ideal.cam, self.spec.chip.cams)
        of_cam = place[target], neuron[target], slot
        heard = np.stack([core.works for core in cores])[of_cam]
        weight = ideal.weight * np.stack([core.weight for core in cores])[of_cam]
        soma = ideal.soma | {
            key: ideal.soma[key] * np.stack([core.soma[key] for core in cores])[place, neuron]
            for key in SOMA_CLASSES
        }
        silent, hot = (
            np.stack([getattr(core, name) for core in cores])[place, neuron]
            for name in ("silent", "hot")
        )
        needed = soma["leak"] * (1 + soma["threshold"] / soma["gain"])  # to reach the threshold
        soma["direct"] = np.where(hot, HOT * needed, soma["direct"])
        soma["threshold"] = soma["threshold"] * np.where(silent, NEVER, 1.0)
        fails = ideal.fails
        if self.spread.flaky:
            own = np.stack([core.fails for core in cores])[place, neuron].ravel()
            fails = np.maximum(own, fails) if len(fails) else own
        chip = replace(
            ideal,
            soma=soma,
            gain=ideal.gain * np.stack([core.gain for core in cores], 1)[:, place, neuron],
            tau=ideal.tau * np.stack([core.tau for core in cores], 1)[:, place, neuron],
            weight=weight,
            constants=self.constants,
            fails=fails,
            events=Events(
                lost=self.spread.lost,
                doubled=self.spread.doubled,
                seed=self.seed,
                spacing=self.spread.event_us * 1e-6,
            ),
        )
        return replace(chip, **{name: getattr(chip, name)[heard] for name in SYNAPSES})

    def _circuits(self, number: int) -> _Circuits:
        """Return the circuits of a core, by its number over all chips."""
        rng, size = np.random.default_rng((self.seed, 3, number)), self.spec.chip
        mismatch = self.mismatch
        own, cams = (size.neurons,), (size.neurons, size.cams)
        dendrites, bad = (len(RECEPTORS), size.neurons), self._bad(number)
        return _Circuits(
            soma={
                key: lognormal(rng, getattr(mismatch, kind), own)
                for key, kind in SOMA_CLASSES.items()
            },
            gain=lognormal(rng, mismatch.gain, dendrites),
            tau=lognormal(rng, mismatch.time, dendrites),
            weight=lognormal(rng, mismatch.weight, cams),
            works=rng.random(cams) >= self.spread.dead,
            silent=bad < self.spread.silent,
            hot=bad >= 1 - self.spread.hot,
            fails=self._fails(number),
        )

    def _fails(self, number: int) -> Array:
        """Return how often the CAMs of a core miss an event: (neurons, CAMs)."""
        rng, size = np.random.default_rng((self.seed, 5, number)), self.spec.chip
        cams = (size.neurons, size.cams)
        return np.where(rng.random(cams) < self.spread.flaky, rng.random(cams), 0.0)

    def _bad(self, number: int) -> Array:
        """Return what decides which neurons of a core are silent, and which hot: (neurons,)."""
        rng = np.random.default_rng((self.seed, 4, number))
        return rng.random(self.spec.chip.neurons)
