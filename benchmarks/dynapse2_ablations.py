"""Accuracy of chip networks over mismatch and input contrast: of several seeds, of ablations.

    eideploy train digits-dynapse2 --seed 0 --out runs/both-0  # and seeds 1 and 2
    eideploy train digits-dynapse2 --set network.inhibition=gaba --seed 0 --out runs/gaba-0
    python benchmarks/dynapse2_ablations.py both=runs/both-0,runs/both-1 gaba=runs/gaba-0

Each network is mapped and simulated from its configuration; prints Markdown. A cell is the mean of
the runs and, where there are several, the least and the most of them.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import FILE, load
from eideploy.backends.dynapse2.chip.spec import load_chip
from eideploy.backends.dynapse2.dpi import gap
from eideploy.backends.dynapse2.dpi.classify import DT_S, show
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.readout import Few, accuracies
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.data import load as load_data

FIRST_CHIP = 1000  # no training has drawn it, nor those after it
CVS = (0.1, 0.2)
CONTRASTS = (0.4, 0.6, 0.8, 1.2, 1.4)


def figures(run: Path, contrasts: Sequence[float], few: int, chips: int) -> dict[str, float]:
    """Return accuracies: without mismatch, at half the time step, over chips, at each contrast."""
    spec, data = load_chip("dynapse2"), load_data("digits")
    network = load(run if run.is_file() else run / FILE)
    wiring, coding = decode(map_network(network, spec).configuration, spec), network.coding
    x, y = data.test.batch(slice(None)), data.test_y
    chosen = np.concatenate([np.flatnonzero(data.train_y == c)[:few] for c in range(data.classes)])
    known = Few(labelled=(data.train.batch(chosen), data.train_y[chosen]) if few else None)

    def at(contrast: float, dt: float = DT_S) -> float:
        scaled = np.clip(x * contrast, 0, 1)  # a source sends at most the peak rate
        return float((show(wiring, scaled, coding, dt=dt).decided == y).mean())

    seeds = range(FIRST_CHIP, FIRST_CHIP + chips)
    found = {"CV 0": at(1.0), "CV 0, 0.05 ms": at(1.0, DT_S / 2)}
    for cv in CVS:
        cvs = Mismatch.uniform(cv)
        rows = [accuracies(varied(wiring, cvs, seed), (x, y), coding, known) for seed in seeds]
        for how in rows[0]:
            name = f"CV {cv:.0%}" if how == "equal" else f"CV {cv:.0%}, {how}"
            found[name] = float(np.mean([row[how] for row in rows]))
    return found | {f"contrast {c:g}": at(c) for c in contrasts}


def divisor(run: Path, contrasts: Sequence[float]) -> tuple[float, float]:
    """Return I_div and how it varies over test images, each at one of the contrasts."""
    spec, x = load_chip("dynapse2"), load_data("digits").test.batch(slice(None))
    network = load(run if run.is_file() else run / FILE)
    wiring = decode(map_network(network, spec).configuration, spec)
    drawn = np.resize(np.array(contrasts), len(x)).reshape(-1, *[1] * (x.ndim - 1))
    shown = show(wiring, np.clip(x * drawn, 0, 1), network.coding)
    return gap.divisor(wiring, shown, network.coding)


def cell(values: Sequence[float]) -> str:
    """Return the mean in per cent, with least and most where there are several."""
    mean, least, most = (f"{100 * f(values):.1f}" for f in (np.mean, np.min, np.max))
    return mean if len(values) == 1 else f"{mean} ({least} to {most})"


def main() -> None:
    """Print a row for every argument NAME=RUN,RUN,..., of all its runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="+", metavar="NAME=RUN,RUN,...")
    parser.add_argument("--contrasts", nargs="+", type=float, default=CONTRASTS, metavar="C")
    parser.add_argument("--calibrate", type=int, default=0, metavar="K", help="samples a class")
    parser.add_argument("--chips", type=int, default=20, metavar="N", help="of each CV")
    options = parser.parse_args()
    for number, argument in enumerate(options.rows):
        name, _, runs = argument.partition("=")
        found = [
            figures(Path(r), options.contrasts, options.calibrate, options.chips)
            for r in runs.split(",")
        ]
        if number == 0:
            head = ["network", *found[0]]
            print(" | ".join(["", *head, ""]).strip() + "\n" + "|---" * len(head) + "|")
        cells = [cell([one[key] for one in found]) for key in found[0]]
        print(" | ".join(["", name, *cells, ""]).strip(), flush=True)
        mean, variation = np.mean([divisor(Path(r), options.contrasts) for r in runs.split(",")], 0)
        sys.stderr.write(f"{name}: I_div {mean:.2f}, varies by {variation:.0%} over contrasts\n")


if __name__ == "__main__":
    main()
