"""Random networks whose weights are sums of base currents, so that the masks are known."""

from collections import Counter

import numpy as np
from hypothesis import strategies as st

from eideploy.backends.dynapse2.chip.biases import load_dac
from tests.backends.dynapse2.networks import SPEC, board, network, population

DAC = load_dac(SPEC)
RECEPTORS = ("ampa", "nmda", "gaba", "shunt")
CODE = {"ampa": 1024, "nmda": 256, "gaba": 512, "shunt": 128}
BASE = np.array([DAC.current(f"SYAM_W{i}_P", 2, 20 << i) for i in range(3)] + [
    DAC.current("SYAM_W3_P", 2, 160)
])  # fmt: skip


def currents(asked):
    """Return the weight current of how often each mask is asked for: (..., masks of 0..15)."""
    bits = (np.arange(16)[:, None] >> np.arange(4)) & 1
    return asked @ (bits @ BASE)


@st.composite
def cases(draw, defective=False):
    """Draw a board, a network that fits it by its counts, and the edges that it must have."""
    columns, rows = draw(st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (3, 1)]))
    spec = board(columns, rows, entry=draw(st.integers(0, columns * rows - 1)),
                 cores=draw(st.integers(1, 4)), neurons=8, cams=16, tags=256)  # fmt: skip
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    most = spec.chips * spec.chip.cores * 8
    sizes = [int(rng.integers(1, max(2, most * 2 // 3))) for _ in range(draw(st.integers(1, 3)))]
    total = 0
    listed = [population("in", int(rng.integers(1, 12)), "input")]
    groups = rng.integers(0, 2, len(sizes)) if spec.chip.cores * spec.chips > 2 else [0] * 3
    for i, size in enumerate(sizes):
        size = min(size, most - total)
        if size < 1:
            break
        total += size
        role = "output" if i == 0 else ("excitatory", "inhibitory")[i % 2]
        listed.append(population(f"p{i}", size, role, membrane_leak=[1e-9, 3e-11][groups[i]]))
    room = {p.name: np.full(p.size, 12) for p in listed[1:]}
    projections, expected = [], Counter()
    for source in listed:
        for target in listed[1:]:
            for receptor in RECEPTORS:
                if rng.random() < 0.4:
                    masks = _masks(rng, source, target, room[target.name])
                    projections.append((source.name, target.name, receptor, currents(masks)))
                    _expect(expected, source.name, target.name, CODE[receptor], masks)
    classes = rng.integers(0, 4, listed[1].size)
    base = {p.name: BASE for p in listed[1:]}
    return spec, network(listed, projections, classes=classes, base_currents=base), expected


def _masks(rng, source, target, room):
    """Return how often every mask connects: (targets, sources, 16), within the targets' room."""
    masks = np.zeros((target.size, source.size, 16), int)
    density = rng.choice([0.05, 0.3])
    shared = rng.random() < 0.3  # all sources alike: they can share a tag
    for t in range(target.size):
        for s in range(source.size if not shared else 1):
            again = rng.random() < 0.15
            cost = (2 if again else 1) * (source.size if shared else 1)
            if rng.random() < density and room[t] >= cost:
                room[t] -= cost
                masks[t, s, int(rng.integers(1, 15))] += 1
                masks[t, s, 15] += again
        if shared:
            masks[t] = masks[t, :1]
    return masks


def _expect(expected, source, target, code, masks):
    for t, s, mask in np.argwhere(masks):
        key = (source, int(s)), (target, int(t)), code, int(mask)
        expected[key] += int(masks[t, s, mask])
