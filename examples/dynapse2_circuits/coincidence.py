"""A delay chain and detectors of coincidence tell how long the interval between two beats is.

The beats are made: two events on each of four sources, as a detector of an ECG's peaks sends them,
a thousandfold faster. Every stage of the chain passes a beat on some milliseconds later; detector k
fires where stage k's beat meets the next one of the input. No board has run this.
Usage: coincidence.py [FOLDER], where a build is written to.
"""

import sys

import numpy as np

from eideploy.backends.dynapse2.circuits import ChipCircuit

STAGES, CELLS, SOURCES = 12, 8, 4
CHAIN = {
    "tau_membrane_ms": 20, "tau_ampa_ms": 10, "refractory_ms": 30, "gain_pa": 20, "base_na": 50,
}  # fmt: skip
DETECTOR = CHAIN | {"tau_membrane_ms": 2, "tau_ampa_ms": 3, "refractory_ms": 10}
DRIVE, MEET = 36.0, 9.0  # leaks that a stage, or both of what meets, bring a cell
BEGIN, STEPS = 200, 1800  # of 0.1 ms
INTERVALS_MS = (18, 26, 34, 42, 50, 58)


def circuit() -> ChipCircuit:
    """Return the circuit: every stage drives the next, and a detector of its own."""
    chip = ChipCircuit(name="coincidence")
    chip.inputs("beat", SOURCES)
    chip.neurons("chain", STAGES * CELLS, **CHAIN)
    chip.neurons("detector", STAGES * CELLS, **DETECTOR)
    first = np.zeros((STAGES * CELLS, SOURCES))
    first[:CELLS] = DRIVE / SOURCES
    block = np.ones((CELLS, CELLS)) / CELLS
    chip.connect("beat", "chain", "ampa", first)
    chip.connect("chain", "chain", "ampa", DRIVE * np.kron(np.eye(STAGES, k=-1), block))
    chip.connect("chain", "detector", "ampa", MEET * np.kron(np.eye(STAGES), block))
    chip.connect("beat", "detector", "ampa", np.full((STAGES * CELLS, SOURCES), MEET / SOURCES))
    return chip


def beats(intervals_ms: tuple[int, ...]) -> np.ndarray:
    """Return two beats each: (sources, steps, intervals)."""
    events = np.zeros((SOURCES, STEPS, len(intervals_ms)), np.uint8)
    for trial, interval in enumerate(intervals_ms):
        events[:, [BEGIN, BEGIN + 10 * interval], trial] = 1
    return events


def measured(intervals_ms: tuple[int, ...], **world: float) -> tuple[np.ndarray, np.ndarray]:
    """Return when each stage fires first, in ms after a beat, and what the detectors do.

    The second is the share of a detector's cells that fire after the second beat: (stages, trials).
    """
    spikes = circuit().simulate({"beat": beats(intervals_ms)}, **world)
    by_stage = spikes["chain"].reshape(STAGES, CELLS, STEPS, -1)[..., -1]
    first = by_stage.argmax(2)
    delay = np.where(by_stage.any(2), (first - BEGIN) / 10, np.nan)
    after = np.stack(
        [
            spikes["detector"][:, BEGIN + 10 * interval :, trial].any(1)
            for trial, interval in enumerate(intervals_ms)
        ],
        1,
    )
    reached = np.nan_to_num(delay).max(1) > 0  # by any of its cells
    delay = np.array(
        [np.nanmedian(row) if on else 0.0 for row, on in zip(delay, reached, strict=True)]
    )
    return delay, after.reshape(STAGES, CELLS, -1).mean(1)


def estimate(delay: np.ndarray, fired: np.ndarray) -> np.ndarray:
    """Return the intervals (trials,) that the detectors say: the mean delay of those that fire.

    The first one hears every beat's own echo, and is left out.
    """
    return (delay[1:] @ fired[1:]) / np.maximum(fired[1:].sum(0), 1e-9)


def main(folder: str = "") -> None:
    """Print what every detector does at every interval, and how well they tell it."""
    delay, fired = measured(INTERVALS_MS)
    print("delay, ms  share of the detector's cells that fire, by interval in ms")
    print(" " * 10, *(f"{ms:5d}" for ms in INTERVALS_MS))
    for ms, row in zip(delay, fired, strict=True):
        print(f"{ms:9.1f} ", *(f"{share:5.2f}" for share in row))
    for cv in (0.0, 0.1, 0.2):
        found = []
        for seed in range(5 if cv else 1):
            own, fired = measured(INTERVALS_MS, mismatch=cv, seed=seed)
            found.append(np.abs(estimate(own, fired) - INTERVALS_MS))
        print(f"mismatch CV {cv:.0%}: intervals are told within {np.mean(found):.1f} ms on average")
    if folder:
        print("build", circuit().write(folder))


if __name__ == "__main__":
    main(*sys.argv[1:2])
