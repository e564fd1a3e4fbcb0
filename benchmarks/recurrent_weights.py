"""How much of a recurrent network's predictions survive a change of its weights, in floats.

    python benchmarks/recurrent_weights.py BUILD TEST.npy

BUILD is of a network that was read from NIR; its first layer reads the input and its own spikes.
The figures of docs/nir.md on the Braille network are its output.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from eideploy.circuit import Array, Circuit, Folded
from eideploy.circuit.store import load
from eideploy.execute.float_reference import run_float

SPIKES = frozenset({"spikes"})
BITS = 8


def main(build: str, samples: str) -> None:
    """Print a line a change."""
    circuit, x = load(Path(build) / "circuit.safetensors"), np.load(samples)
    w = circuit.hidden[0].projection
    assert isinstance(w, Folded)
    given = circuit.shapes[circuit.input.name][0]
    apart = np.concatenate([rounded(w.w_num[:, :given]), rounded(w.w_num[:, given:])], axis=1)
    noise = np.random.default_rng(0).standard_normal(w.w_num.shape)
    kept = run_float(circuit, x, keep=SPIKES)
    for what, weights in {
        f"{BITS} bits, a grid a row": rounded(w.w_num),
        f"{BITS} bits, a grid a row and edge": apart,
        "noise of 0.1 %": w.w_num * (1 + 1e-3 * noise),
    }.items():
        found = run_float(with_weights(circuit, weights), x, keep=SPIKES)
        same = (found.logits.argmax(1) == kept.logits.argmax(1)).mean()
        name, spikes = next(iter(kept.spikes.items()))
        changed = (found.spikes[name] != spikes).mean() / spikes.mean()
        print(f"{what}: {same:.1%} of predictions kept, {changed:.1%} of spikes changed")


def rounded(w: Array) -> Array:
    """Return rows rounded to nearest, each on the one of 26 grids that errs least."""
    top = 2 ** (BITS - 1) - 1
    best, least = w, np.full((len(w), 1), np.inf)
    for clip in np.linspace(0.5, 1, 26):
        step = clip * np.abs(w).max(1, keepdims=True) / top
        tried = np.clip(np.rint(w / step), -top, top) * step
        error = ((tried - w) ** 2).sum(1, keepdims=True)
        best, least = np.where(error < least, tried, best), np.minimum(error, least)
    return best


def with_weights(circuit: Circuit, w_num: Array) -> Circuit:
    """Return the circuit whose first layer has other weights."""
    first = circuit.hidden[0]
    assert isinstance(first.projection, Folded)  # as layers of other tools are
    changed = replace(first, projection=replace(first.projection, w_num=w_num))
    nodes = tuple(changed if node is first else node for node in circuit.nodes)
    return replace(circuit, nodes=nodes)


if __name__ == "__main__":
    main(*sys.argv[1:])
