"""Correct a board's codes by its rates, which need no labels and no look at its currents.

Population after population, each core's gain of excitation is moved until its neurons fire as often
as in the simulator, their inhibitors killed in both; then, with inhibitors, the gains of its
inhibition. Every bias that errs is not found so, but what they make of the rates together is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import Dac, load_dac
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.boards import Board
from eideploy.backends.dynapse2.dpi.readout import Few, Labelled, accuracies
from eideploy.backends.dynapse2.dpi.wiring import decode

Measure = Callable[[Configuration], Array]  # spikes of every neuron (neurons, samples)
ROUNDS = 6
FURTHEST = 3.0  # times a current that the network asks for
EXCITING, INHIBITING = ("ampa", "nmda"), ("gaba", "shunt")
SILENT = 1e-9
DT_S = 2e-4  # of the simulations whose rates are compared


@dataclass(frozen=True, kw_only=True, eq=False)
class Task:
    """What a board is tuned for: a network as it was mapped, and what rates it is to have.

    board, model  measure a configuration on the board, and in the simulator
    """

    network: ChipNetwork
    configuration: Configuration
    spec: ChipSpec
    dac: Dac
    board: Measure
    model: Measure


@dataclass(frozen=True, kw_only=True, eq=False)
class _Knob:
    """Biases that are moved together, on every core by a factor of its own.

    rows  of the neurons whose rates they are moved by; killed: which neurons are silenced for it
    sign  whether more current makes more spikes, or fewer
    """

    roles: tuple[str, ...]
    cores: tuple[int, ...]
    rows: Array
    killed: Array
    sign: int


def tune(task: Task) -> Configuration:
    """Return the configuration with gains under which the board's rates are the model's."""
    c = task.configuration
    for knob in _knobs(task):
        c = _turned(c, knob, task)
    return c


def measurements(task: Task) -> int:
    """Return how many configurations of a board are measured to tune it."""
    return ROUNDS * len(_knobs(task))


def _knobs(task: Task) -> list[_Knob]:
    """Return what is moved, in this order."""
    c, done, knobs = task.configuration, set[int](), list[_Knob]()
    core_of = _core_of(task)
    for population in task.network.neurons:
        own = _of(c, {population.name}) & (c.neurons.monitor_tag != NOT_MONITORED)
        cores = tuple(int(k) for k in np.unique(core_of[own]) if int(k) not in done)
        done.update(cores)
        heard = [p for p in task.network.projections if p.target == population.name]
        inhibitors = {p.source for p in heard if p.dendrite in INHIBITING}
        for receptors, killed, sign in ((EXCITING, inhibitors, 1), (INHIBITING, set[str](), -1)):
            roles = tuple(f"{r}_gain" for r in receptors if any(p.dendrite == r for p in heard))
            if cores and roles:
                silenced = _of(c, killed)
                knobs.append(_Knob(roles=roles, cores=cores, rows=own, killed=silenced, sign=sign))
    return knobs


def _core_of(task: Task) -> Array:
    """Return the number of every neuron's core over all chips: (neurons,)."""
    neurons = task.configuration.neurons
    return np.asarray(neurons.chip * task.spec.chip.cores + neurons.core)


def _turned(c: Configuration, knob: _Knob, task: Task) -> Configuration:
    """Return the configuration with the knob where each core's neurons fire as in the model."""
    core_of = _core_of(task)

    def rates(measure: Measure, of: Configuration) -> Array:
        counts = measure(without(of, knob.killed)).sum(1)
        return np.array([counts[knob.rows & (core_of == k)].sum() for k in knob.cores], np.float64)

    aim = rates(task.model, task.configuration)
    low = np.full(len(knob.cores), -np.log(FURTHEST))
    high = -low
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        few = rates(task.board, scaled(c, knob, np.exp(middle), task)) < aim
        upward = few if knob.sign > 0 else ~few
        low, high = np.where(upward, middle, low), np.where(upward, high, middle)
    heard = aim > SILENT  # a population that is silent in the model says nothing
    return scaled(c, knob, np.where(heard, np.exp((low + high) / 2), 1.0), task)


def scaled(c: Configuration, knob: _Knob, factors: Array, task: Task) -> Configuration:
    """Return the configuration with the knob's currents times `factors` (cores,), as codes."""
    biases = np.array(c.biases)
    for number, factor in zip(knob.cores, factors, strict=True):
        at = divmod(number, task.spec.chip.cores)
        for role in knob.roles:
            name = task.spec.bias_of[role]
            place = *at, c.bias_names.index(name)
            now = float(task.dac.current(name, *task.configuration.biases[place]))
            code = task.dac.code(name, now * float(factor))
            biases[place] = code.coarse, code.fine
    return replace(c, biases=biases)


def without(c: Configuration, rows: Array) -> Configuration:
    """Return the configuration with neurons (neurons,) killed."""
    if not rows.any():
        return c
    killed = np.array(c.latches["soif_kill"])
    killed[c.neurons.chip[rows], c.neurons.core[rows], c.neurons.neuron[rows]] = True
    return replace(c, latches={**c.latches, "soif_kill": killed})


def on_board(
    board: Board,
    configuration: Configuration,
    network: ChipNetwork,
    tried: Labelled,
    few: Few,
) -> dict[str, float]:
    """Return a board's accuracy on samples as mapped and, where `few` has samples shown, tuned.

    Each then also with its outputs as `few` fits them in the host.
    """
    spec, coding, samples = board.spec, network.coding, few.shown
    c = configuration
    by_biases = {"as mapped": accuracies(board.wiring(c), tried, coding, few)}
    if samples is not None:
        task = Task(
            network=network,
            configuration=c,
            spec=spec,
            dac=load_dac(spec),
            board=lambda c: classify.show(board.wiring(c), samples, coding, dt=DT_S).counts,
            model=lambda c: (
                classify.show(
                    decode(c, spec, dendrite=board.dendrite), samples, coding, dt=DT_S
                ).counts
            ),
        )
        by_biases["tuned"] = accuracies(board.wiring(tune(task)), tried, coding, few)
    return {
        name if how == "equal" else f"{name}, outputs {how}": accuracy
        for name, by in by_biases.items()
        for how, accuracy in by.items()
    }


def _of(c: Configuration, names: Iterable[str]) -> Array:
    """Return which neurons belong to populations: (neurons,)."""
    numbers = [c.populations.index(name) for name in names if name in c.populations]
    return np.isin(c.neurons.population, numbers)
