"""Accuracy of trained chip networks over mismatch and emulated boards, on the test split.

    eideploy train digits-dynapse2 --seed 0 --out runs/chip-0  # and seeds 1 and 2
    python benchmarks/dynapse2_boards.py runs/chip-0 runs/chip-1 runs/chip-2 [--boards 20]

Each network is mapped and simulated from its configuration under the full equation of the
dendrites. A board's codes are tuned, and outputs scaled in the host, by 50 training samples without
labels. Prints Markdown: the mean over all networks and chips, and the least and the most.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import FILE, load
from eideploy.backends.dynapse2.chip.spec import load_chip
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.classify import show
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.readout import Few, accuracies
from eideploy.backends.dynapse2.dpi.tuning import on_board
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.data import load as load_data

FIRST_CHIP, FIRST_BOARD = 1000, 2000  # no training has drawn them, nor those after them
CVS, BIASES = (0.1, 0.2), (0.2, 0.3)
PER_CLASS = 5
FINE_S = 2e-5


def figures(run: Path, count: int) -> dict[str, list[float]]:
    """Return the accuracies by what was asked, one a chip or board."""
    spec, data = load_chip("dynapse2"), load_data("digits")
    network = load(run if run.is_file() else run / FILE)
    configuration, coding = map_network(network, spec).configuration, network.coding
    wiring = decode(configuration, spec)
    tried = data.test.batch(slice(None)), data.test_y
    chosen = [np.flatnonzero(data.train_y == c)[:PER_CLASS] for c in range(data.classes)]
    shown = data.train.batch(np.concatenate(chosen))
    few = Few(shown=shown, aim=show(wiring, shown, coding).counts)

    def right(dt: float) -> list[float]:
        return [float((show(wiring, tried[0], coding, dt=dt).decided == tried[1]).mean())]

    found = {"no mismatch": right(1e-4), "the same at 0.02 ms": right(FINE_S)}
    for cv in CVS:
        for seed in range(FIRST_CHIP, FIRST_CHIP + count):
            chip = varied(wiring, Mismatch.uniform(cv), seed)
            for how, accuracy in accuracies(chip, tried, coding, few).items():
                name = f"mismatch of CV {cv:.0%}{'' if how == 'equal' else ', outputs scaled'}"
                found.setdefault(name, []).append(accuracy)
    for bias in BIASES:
        for seed in range(FIRST_BOARD, FIRST_BOARD + count):
            board = Board(spec, seed, Spread(bias=bias))
            rows = on_board(board, configuration, network, tried, few)
            for how, accuracy in rows.items():
                found.setdefault(f"boards, biases of CV {bias:.0%}, {how}", []).append(accuracy)
        sys.stderr.write(f"{run}: boards of {bias:.0%} done\n")
    return found


def main() -> None:
    """Print the table over all runs, and a column for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--boards", type=int, default=20, metavar="N", help="and chips of each CV")
    options = parser.parse_args()
    by_run = [figures(run, options.boards) for run in options.runs]
    print(f"| | mean | least | most | {' | '.join(run.name for run in options.runs)} |")
    print("|---" * (4 + len(by_run)) + "|")
    for name in by_run[0]:
        values = np.concatenate([found[name] for found in by_run])
        cells = [values.mean(), values.min(), values.max(), *(np.mean(f[name]) for f in by_run)]
        print(f"| {name} | {' | '.join(f'{100 * x:.1f}' for x in cells)} |")


if __name__ == "__main__":
    main()
