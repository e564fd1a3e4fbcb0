"""Networks for the chip, and specs of boards, for tests."""

from dataclasses import replace

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.network import (
    FILE,
    ChipNetwork,
    Coding,
    Population,
    Projection,
    save,
)
from eideploy.backends.dynapse2.chip.spec import ROLES
from eideploy.target import load_any

SPEC = load_any("dynapse2")
CODING = Coding(peak_rate_hz=150.0, duration_s=0.06)
CURRENTS = dict.fromkeys(ROLES, 1e-9)


def board(columns, rows=1, entry=0, **chip):
    """Return the shipped spec with a grid of chips, and of other counts where given."""
    counts = replace(SPEC.chip, **chip)
    return replace(
        SPEC,
        board=replace(SPEC.board, columns=columns, rows=rows, entry=entry),
        chip=counts,
        monitor=replace(SPEC.monitor, marker=counts.tags - 1),
    )


def population(name, size, role="excitatory", **currents):
    given = {} if role == "input" else CURRENTS | currents
    return Population(name=name, size=size, role=role, currents=given)


def finished_run(folder):
    """Write a run of a tiny network for the chip, and return the network."""
    rng = np.random.default_rng(0)
    weight = (rng.random((20, 30)) < 0.5) * rng.random((20, 30)) * 1e-9
    made = network(
        [population("pixels", 30, "input"), population("out", 20, "output")],
        [("pixels", "out", "ampa", weight)],
        classes=np.arange(20) // 2,
    )
    folder.mkdir(parents=True)
    (folder / folders.CONFIG).touch()
    save(made, folder / FILE)
    folders.finish_run(folder, None, {"data": "digits"})
    return made


def network(populations, projections, *, classes=(), base_currents=None):
    """Return a network; a projection is (source, target, dendrite, weight)."""
    return ChipNetwork(
        populations=tuple(populations),
        projections=tuple(
            Projection(name=f"p{i}", source=s, target=t, dendrite=d, weight=np.asarray(w, float))
            for i, (s, t, d, w) in enumerate(projections)
        ),
        classes=np.asarray(classes, int),
        coding=CODING,
        base_currents=base_currents or {},
    )
