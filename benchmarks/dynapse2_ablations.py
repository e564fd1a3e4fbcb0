"""Accuracy of chip networks over mismatch and input contrast: of several seeds, of ablations.

    eideploy train digits-dynapse2 --seed 0 --out runs/both-0  # and seeds 1 and 2
    eideploy train digits-dynapse2 --set network.inhibition=gaba --out runs/gaba  # shunt, none, too
    python benchmarks/dynapse2_ablations.py both=runs/both-0,runs/both-1,runs/both-2 gaba=runs/gaba

Each network is mapped and simulated from its configuration; prints Markdown.
"""

import sys
from pathlib import Path

import numpy as np

from eideploy.data import load as load_data
from eideploy.dpi.classify import accuracies, show
from eideploy.dpi.mismatch import Mismatch
from eideploy.dpi.wiring import decode
from eideploy.dynapse2.mapping import map_network
from eideploy.dynapse2.network import FILE, load
from eideploy.target import load_any

SEEDS = range(1000, 1020)  # of chips that no training has drawn
CVS = (0.1, 0.2)
CONTRASTS = (0.4, 0.6, 0.8, 1.2, 1.4)


def figures(run: Path) -> list[float]:
    """Return the accuracy without mismatch, over chips of each CV, and at each contrast."""
    spec, data = load_any("dynapse2"), load_data("digits")
    network = load(run if run.is_file() else run / FILE)
    wiring, coding = decode(map_network(network, spec).configuration, spec), network.coding
    x, y = data.test.batch(slice(None)), data.test_y

    def at(contrast: float) -> float:
        scaled = np.clip(x * contrast, 0, 1)  # a source sends at most the peak rate
        return float((show(wiring, scaled, coding).decided == y).mean())

    over = [
        float(accuracies(wiring, x, y, coding, mismatch=Mismatch.uniform(cv), seeds=SEEDS).mean())
        for cv in CVS
    ]
    return [at(1.0), *over, *(at(contrast) for contrast in CONTRASTS)]


def main() -> None:
    """Print a row for every argument NAME=RUN,RUN,..., the mean of its runs."""
    head = ["network", "CV 0", *(f"CV {cv:.0%}" for cv in CVS)]
    head += [f"contrast {c}" for c in CONTRASTS]
    print(" | ".join(["", *head, ""]).strip())
    print("|---" * len(head) + "|")
    for argument in sys.argv[1:]:
        name, _, runs = argument.partition("=")
        mean = np.mean([figures(Path(run)) for run in runs.split(",")], 0)
        print(
            " | ".join(["", name, *(f"{100 * value:.1f}" for value in mean), ""]).strip(),
            flush=True,
        )


if __name__ == "__main__":
    main()
