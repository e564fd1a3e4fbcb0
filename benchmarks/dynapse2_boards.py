"""Accuracy of trained chip networks over mismatch and emulated boards, on the test split.

    eideploy train digits-dynapse2 --seed 0 --out runs/chip-0  # and seeds 1 and 2
    python benchmarks/dynapse2_boards.py runs/chip-0 runs/chip-1 runs/chip-2 --results rows.jsonl

Each network is mapped and simulated from its configuration under the full equation of the
dendrites. A board's codes are tuned, and outputs scaled in the host, by 50 training samples without
labels. Prints Markdown: the mean over all networks and chips, and the least and the most. What is
measured is appended to the results at once, chip by chip and board by board of all networks; what
they hold already, of the run's name, is not measured again.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import FILE, ChipNetwork, load
from eideploy.backends.dynapse2.chip.spec import ChipSpec, load_chip
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.classify import show
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.readout import Few, Labelled, accuracies
from eideploy.backends.dynapse2.dpi.tuning import on_board
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.data import Dataset
from eideploy.data import load as load_data

FIRST_CHIP, FIRST_BOARD = 1000, 2000  # no training has drawn them, nor those after them
CVS, BIASES = (0.1, 0.2), (0.2, 0.3)
PER_CLASS = 5
FINE_S = 2e-5
Rows = dict[str, float]  # accuracies by what was asked


@dataclass(frozen=True, eq=False)
class Mapped:
    """A trained network on a chip, and what it is shown."""

    network: ChipNetwork
    spec: ChipSpec
    data: Dataset

    @cached_property
    def configuration(self) -> Configuration:
        """What the chip is told."""
        return map_network(self.network, self.spec).configuration

    @cached_property
    def wiring(self) -> Wiring:
        """The chip without mismatch."""
        return decode(self.configuration, self.spec)

    @property
    def tried(self) -> Labelled:
        """The test split."""
        return self.data.test.batch(slice(None)), self.data.test_y

    @cached_property
    def few(self) -> Few:
        """The training samples that outputs are scaled, and codes tuned, by."""
        labels = self.data.train_y
        chosen = [np.flatnonzero(labels == c)[:PER_CLASS] for c in range(self.data.classes)]
        shown = self.data.train.batch(np.concatenate(chosen))
        return Few(shown=shown, aim=show(self.wiring, shown, self.network.coding).counts)

    def exact(self, name: str, dt: float) -> Rows:
        """Measure the chip without mismatch."""
        samples, labels = self.tried
        decided = show(self.wiring, samples, self.network.coding, dt=dt).decided
        return {name: float((decided == labels).mean())}

    def chip(self, cv: float, seed: int) -> Rows:
        """Measure one chip."""
        chip = varied(self.wiring, Mismatch.uniform(cv), seed)
        rows = accuracies(chip, self.tried, self.network.coding, self.few)
        name = f"mismatch of CV {cv:.0%}"
        return {name if how == "equal" else f"{name}, outputs {how}": x for how, x in rows.items()}

    def board(self, bias: float, seed: int) -> Rows:
        """Measure one board, as mapped and tuned."""
        board = Board(self.spec, seed, Spread(bias=bias))
        rows = on_board(board, self.configuration, self.network, self.tried, self.few)
        return {f"boards, biases of CV {bias:.0%}, {how}": x for how, x in rows.items()}


def trials(chips: int, boards: int) -> Iterator[tuple[str, Callable[[Mapped], Rows]]]:
    """Yield what is asked of every network, by name, the quick ones first."""
    yield "exact", partial(Mapped.exact, name="no mismatch", dt=1e-4)
    for seed in range(FIRST_CHIP, FIRST_CHIP + chips):
        for cv in CVS:
            yield f"chip {seed}, {cv}", partial(Mapped.chip, cv=cv, seed=seed)
    yield "fine", partial(Mapped.exact, name="the same at 0.02 ms", dt=FINE_S)
    for seed in range(FIRST_BOARD, FIRST_BOARD + boards):
        for bias in BIASES:
            yield f"board {seed}, {bias}", partial(Mapped.board, bias=bias, seed=seed)


def measured(runs: list[Path], results: Path | None, chips: int, boards: int) -> list[list[Rows]]:
    """Return all rows of every run, those read from the results among them."""
    spec, data = load_chip("dynapse2"), load_data("digits")
    mapped = [Mapped(load(run if run.is_file() else run / FILE), spec, data) for run in runs]
    lines = results.read_text().splitlines() if results and results.is_file() else []
    kept = {(line["run"], line["asked"]): line["rows"] for line in map(json.loads, lines)}
    found: list[list[Rows]] = [[] for _ in runs]
    for asked, measure in trials(chips, boards):
        for run, network, rows in zip(runs, mapped, found, strict=True):
            if (run.name, asked) not in kept:
                kept[run.name, asked] = measure(network)
                line = {"run": run.name, "asked": asked, "rows": kept[run.name, asked]}
                if results:
                    with results.open("a") as file:
                        file.write(json.dumps(line) + "\n")
            rows.append(kept[run.name, asked])
        sys.stderr.write(f"{asked} done\n")
    return found


def main() -> None:
    """Print the table over all runs, and a column for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--chips", type=int, default=20, metavar="N", help="of each CV")
    parser.add_argument("--boards", type=int, default=20, metavar="N", help="of each CV")
    parser.add_argument("--results", type=Path, metavar="FILE", help="appended to, a trial a line")
    options = parser.parse_args()
    found = measured(options.runs, options.results, options.chips, options.boards)
    print(f"| | mean | least | most | {' | '.join(run.name for run in options.runs)} |")
    print("|---" * (4 + len(found)) + "|")
    for name in dict.fromkeys(name for rows in found[0] for name in rows):
        by_run = [np.array([row[name] for row in rows if name in row]) for rows in found]
        values = np.concatenate(by_run)
        cells = [values.mean(), values.min(), values.max(), *(own.mean() for own in by_run)]
        print(f"| {name} | {' | '.join(f'{100 * x:.1f}' for x in cells)} |")


if __name__ == "__main__":
    main()
