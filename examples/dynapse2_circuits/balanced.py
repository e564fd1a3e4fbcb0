"""Excitation and inhibition in balance: spikes at random, rates as the input's.

No board has run this. Usage: balanced.py [FOLDER], where a build is written to.
"""

import sys

import numpy as np

from eideploy.backends.dynapse2.circuits import ChipCircuit, poisson

EXCITATORY, INHIBITORY, INPUTS = 160, 40, 64
BIASES = {
    "tau_membrane_ms": 5, "tau_ampa_ms": 5, "tau_gaba_ms": 5, "gain_pa": 20, "base_na": 50,
}  # fmt: skip
SETTLED, BIN = 2000, 50  # steps of 0.1 ms


def drawn(rng: np.random.Generator, targets: int, sources: int, each: int) -> np.ndarray:
    """Return a matrix (targets, sources) in which every target has `each` sources."""
    ranks = rng.random((targets, sources)).argsort(1).argsort(1)
    return (ranks < each).astype(float)


def circuit() -> ChipCircuit:
    """Return the circuit: both populations hear the inputs, each other and themselves."""
    rng, chip = np.random.default_rng(0), ChipCircuit(name="balanced")
    chip.inputs("in", INPUTS)
    chip.neurons("excitatory", EXCITATORY, **BIASES)
    chip.neurons("inhibitory", INHIBITORY, role="inhibitory", **BIASES)
    for target, size in (("excitatory", EXCITATORY), ("inhibitory", INHIBITORY)):
        chip.connect("in", target, "ampa", 2.5 * drawn(rng, size, INPUTS, 12))
        chip.connect("excitatory", target, "ampa", drawn(rng, size, EXCITATORY, 16))
        chip.connect("inhibitory", target, "gaba", 3.0 * drawn(rng, size, INHIBITORY, 12))
    return chip


def figures(chip: ChipCircuit, input_hz: float, **world: float) -> tuple[float, float, float]:
    """Return the cells' rate in Hz, the CV of their intervals, and their mean correlation."""
    events = poisson(np.full(INPUTS, input_hz), 1.0, seed=2)
    spikes = chip.simulate({"in": events}, **world)["excitatory"][:, SETTLED:, 0]
    gaps = [np.diff(np.flatnonzero(cell)) for cell in spikes if cell.sum() > 6]
    counts = spikes.reshape(EXCITATORY, -1, BIN).sum(2)
    together = np.corrcoef(counts[counts.std(1) > 0])
    others = ~np.eye(len(together), dtype=bool)
    irregular = np.median([gap.std() / gap.mean() for gap in gaps])
    return float(spikes.mean() * 1e4), float(irregular), float(together[others].mean())


def main(folder: str = "") -> None:
    """Print what the cells do at three inputs, without mismatch and with."""
    print("input, Hz  mismatch  cells, Hz  CV of intervals  correlation")
    for cv in (0.0, 0.2):
        for hz in (40.0, 80.0, 120.0):
            rate, irregular, alike = figures(circuit(), hz, mismatch=cv)
            print(f"{hz:9.0f}  {cv:8.0%}  {rate:9.0f}  {irregular:15.2f}  {alike:11.3f}")
    if folder:
        print("build", circuit().write(folder))


if __name__ == "__main__":
    main(*sys.argv[1:2])
