"""A reservoir tells in which order three muscles were active; a linear readout in the host.

The spikes are made: three channels of eight sources, each active once for 30 ms, as electrodes over
three muscles. In all six orders the channels send alike many events, so that counting them tells
nothing. No board has run this. Usage: reservoir.py [FOLDER], where a build is written to.
"""

import sys
from itertools import permutations

import numpy as np

from eideploy.backends.dynapse2.circuits import ChipCircuit

EXCITATORY, INHIBITORY, CHANNELS, SOURCES = 96, 32, 3, 8
BIASES = {
    "tau_membrane_ms": 5, "tau_ampa_ms": 60, "tau_gaba_ms": 10, "gain_pa": 20, "base_na": 50,
}  # fmt: skip
ORDERS = tuple(permutations(range(CHANNELS)))
PART, ACTIVE, LATER = (
    500,
    300,
    150,
)  # steps of 0.1 ms: of a part, active in it, begins at most later
REST_HZ, ACTIVE_HZ = 5.0, 120.0
RIDGE = 10.0


def circuit() -> ChipCircuit:
    """Return the circuit: random synapses of random strengths."""
    rng, chip = np.random.default_rng(0), ChipCircuit(name="reservoir")

    def some(targets: int, sources: int, each: int) -> np.ndarray:
        ranks = rng.random((targets, sources)).argsort(1).argsort(1)
        return (ranks < each) * rng.uniform(0.4, 1.6, (targets, sources))

    chip.inputs("in", CHANNELS * SOURCES)
    chip.neurons("excitatory", EXCITATORY, **BIASES)
    chip.neurons("inhibitory", INHIBITORY, role="inhibitory", **BIASES)
    for target, size in (("excitatory", EXCITATORY), ("inhibitory", INHIBITORY)):
        chip.connect("in", target, "ampa", 2.5 * some(size, CHANNELS * SOURCES, 4))
        chip.connect("excitatory", target, "ampa", 0.8 * some(size, EXCITATORY, 10))
        chip.connect("inhibitory", target, "gaba", 2.5 * some(size, INHIBITORY, 6))
    return chip


def movements(trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return events (sources, steps, trials), and which order each trial has."""
    rng = np.random.default_rng(seed)
    order = rng.integers(0, len(ORDERS), trials)
    rate = np.full((CHANNELS * SOURCES, (CHANNELS + 1) * PART, trials), REST_HZ)
    for trial, number in enumerate(order):
        for place, channel in enumerate(ORDERS[number]):
            begin = place * PART + rng.integers(0, LATER)
            rows = slice(channel * SOURCES, (channel + 1) * SOURCES)
            rate[rows, begin : begin + ACTIVE, trial] = ACTIVE_HZ * rng.uniform(0.8, 1.2)
    return (rng.random(rate.shape) < rate * 1e-4).astype(np.uint8), order


def states(spikes: np.ndarray) -> np.ndarray:
    """Return the counts of neurons (n, steps, trials) and a constant: (trials, n + 1)."""
    return np.hstack([spikes.sum(1, dtype=float).T, np.ones((spikes.shape[2], 1))])


def readout(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the ridge regression of the orders by states: (n + 1, orders)."""
    return np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ np.eye(len(ORDERS))[y])


def right(x: np.ndarray, weights: np.ndarray, y: np.ndarray) -> float:
    """Return the share of orders that a readout finds."""
    return float(((x @ weights).argmax(1) == y).mean())


def seen(events: np.ndarray, **world: float) -> np.ndarray:
    """Return the states of the reservoir on a chip."""
    spikes = circuit().simulate({"in": events}, **world)
    return states(np.concatenate([spikes["excitatory"], spikes["inhibitory"]]))


def main(folder: str = "") -> None:
    """Print how many orders are found, by a readout of the exact chip and by one of its own."""
    (shown, taught), (tried, truth) = movements(180, 1), movements(120, 2)
    alone = right(states(tried), readout(states(shown), taught), truth)
    print(f"{'counts of the inputs alone':<44}{alone:.0%}")
    exact = readout(seen(shown), taught)
    print(f"{'reservoir, no mismatch':<44}{right(seen(tried), exact, truth):.0%}")
    for cv in (0.1, 0.2):
        chip = {"mismatch": cv, "seed": 1}
        there = seen(tried, **chip)
        own = right(there, readout(seen(shown, **chip), taught), truth)
        print(
            f"mismatch CV {cv:.0%}, readout of the exact chip     {right(there, exact, truth):.0%}"
        )
        print(f"mismatch CV {cv:.0%}, readout fitted to this chip   {own:.0%}")
    if folder:
        print("build", circuit().write(folder))


if __name__ == "__main__":
    main(*sys.argv[1:2])
