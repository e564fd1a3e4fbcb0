"""Four groups compete: excitation within a group, inhibition of all. No board has run this.

Usage: winner_take_all.py [FOLDER], where a build is written to.
"""

import sys

import numpy as np

from eideploy.backends.dynapse2.circuits import ChipCircuit, poisson

GROUPS, CELLS, SOURCES, INHIBITORY = 4, 16, 8, 16
BIASES = {"tau_membrane_ms": 5, "gain_pa": 20, "base_na": 50}
RATES_HZ = (90.0, 70.0, 70.0, 70.0)
SETTLED = 2000  # steps of 0.1 ms that are not counted


def circuit(*, competing: bool = True) -> ChipCircuit:
    """Return the circuit; without competition the inputs alone drive the cells."""
    chip = ChipCircuit(name="winner-take-all")
    chip.inputs("in", GROUPS * SOURCES)
    chip.neurons("cells", GROUPS * CELLS, **BIASES)
    own_inputs = np.kron(np.eye(GROUPS), np.ones((CELLS, SOURCES)))
    chip.connect("in", "cells", "ampa", 3.0 * own_inputs)
    if competing:
        chip.neurons("inhibitory", INHIBITORY, role="inhibitory", **BIASES)
        friends = np.kron(np.eye(GROUPS), np.ones((CELLS, CELLS))) - np.eye(GROUPS * CELLS)
        chip.connect("cells", "cells", "nmda", 0.6 * friends)
        some = np.random.default_rng(0).random((INHIBITORY, GROUPS * CELLS)) < 0.5
        chip.connect("cells", "inhibitory", "ampa", some)
        chip.connect("inhibitory", "cells", "gaba", np.full((GROUPS * CELLS, INHIBITORY), 1.2))
    return chip


def rates(chip: ChipCircuit, trials: int, **world: float) -> np.ndarray:
    """Return the mean rates of the groups in every trial, Hz: (groups, trials)."""
    events = poisson(np.repeat(RATES_HZ, SOURCES), 0.6, trials=trials, seed=1)
    spikes = chip.simulate({"in": events}, **world)["cells"][:, SETTLED:]
    return spikes.mean(1).reshape(GROUPS, CELLS, trials).mean(1) * 1e4


def main(folder: str = "") -> None:
    """Print the groups' rates, and how often the strongest input wins on chips that differ."""
    for name, chip in (("inputs alone", circuit(competing=False)), ("competing", circuit())):
        print(f"{name:<14}", *(f"{hz:6.0f} Hz" for hz in rates(chip, 8).mean(1)))
    for cv in (0.1, 0.2):
        won = [(rates(circuit(), 4, mismatch=cv, seed=k).argmax(0) == 0).mean() for k in range(5)]
        print(f"mismatch CV {cv:.0%}: the first wins {np.mean(won):.0%} of the trials, 5 chips")
    if folder:
        print("build", circuit().write(folder))


if __name__ == "__main__":
    main(*sys.argv[1:2])
