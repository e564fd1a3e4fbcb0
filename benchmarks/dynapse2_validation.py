"""Compare settings of the training for DYNAP-SE2 on images held out of the training split.

    python benchmarks/dynapse2_validation.py shipped= '200 Hz=network.peak_rate_hz=200'

Every argument is NAME=KEY=VALUE,KEY=VALUE, changes to the preset. Training images are split
five-fold; with seed k fold k is held out, and its accuracy given: over chips of a CV, and over
emulated boards of a bias error, as mapped and tuned. The test split is not touched.
"""

import argparse

import numpy as np
from digits_accuracy import folds

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import load_chip
from eideploy.backends.dynapse2.config import CHIP_PRESET, load_chip_config
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.classify import accuracies, show
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch
from eideploy.backends.dynapse2.dpi.readout import Few
from eideploy.backends.dynapse2.dpi.tuning import on_board
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.jobs.train import fit
from eideploy.data import Dataset, load

FOLDS, PER_CLASS = 5, 5
BIASES, BOARDS = (0.2, 0.3), range(100, 106)  # common errors of biases, and whose boards
CVS = (0.0, 0.1, 0.2)
HOWS = ("", ", scaled", ", tuned", ", tuned and scaled")  # as tuning.on_board gives them
CHIPS = range(500, 510)  # of each CV; no training draws them, no test either


def measure(overrides: dict[str, str], dataset: Dataset, seed: int) -> list[float]:
    """Return the accuracy on the images held out, at each CV."""
    config = load_chip_config(CHIP_PRESET).with_overrides({**overrides, "seed": str(seed)})
    spec = load_chip(config.target)
    trained = fit(config, spec, dataset, np.eye(dataset.classes)[dataset.train_y])
    network = trained.network
    configuration = map_network(network, spec).configuration
    wiring = decode(configuration, spec)
    few = [np.flatnonzero(dataset.train_y == c)[:PER_CLASS] for c in range(dataset.classes)]
    images = dataset.train.batch(np.concatenate(few))
    x, y, coding = dataset.test.batch(slice(None)), dataset.test_y, network.coding
    shown = Few(shown=images, aim=show(wiring, images, coding).counts)
    boards: list[float] = []
    for spread in (Spread(bias=bias) for bias in BIASES):
        rows = [
            [*on_board(Board(spec, k, spread), configuration, network, (x, y), shown).values()]
            for k in BOARDS
        ]
        boards += np.mean(rows, 0).tolist()
    return [
        float(
            accuracies(
                wiring,
                x,
                y,
                coding,
                mismatch=Mismatch.uniform(cv),
                seeds=CHIPS if cv else CHIPS[:1],
            ).mean()
        )
        for cv in CVS
    ] + boards


def main() -> None:
    """Print a table row for each candidate and seed, and one for the candidate's mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("candidates", nargs="+", metavar="NAME=KEY=VALUE,...")
    parser.add_argument("--seeds", type=int, default=2, choices=range(1, FOLDS + 1))
    options = parser.parse_args()
    parts = list(folds(load("digits"), FOLDS))[: options.seeds]
    head = ["settings", "seed", *(f"CV {cv:.0%}" for cv in CVS)]
    head += [f"boards {bias:.0%}{how}" for bias in BIASES for how in HOWS]
    print(f"| {' | '.join(head)} |")
    print("|---" * len(head) + "|", flush=True)
    for candidate in options.candidates:
        name, _, changes = candidate.partition("=")
        overrides = dict(change.split("=", 1) for change in changes.split(",") if change)
        rows = []
        for seed, part in enumerate(parts):
            rows.append(measure(overrides, part, seed))
            _show(name, str(seed), rows[-1])
        _show(name, "mean", [float(x) for x in np.mean(rows, 0)])


def _show(name: str, seed: str, values: list[float]) -> None:
    cells = [name, seed, *(f"{100 * value:.1f}" for value in values)]
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
