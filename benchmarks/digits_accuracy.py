"""Train a digits preset with several seeds and print test accuracy and time, as a table row each.

    python benchmarks/digits_accuracy.py [PRESET ...] [--seeds N] [--set KEY=VALUE] [--validate]

Without a preset all those of the digits are trained. With --validate the test split is not touched:
training images are split five-fold, fold k is trained with seed k on four fifths, and the accuracy
is that on the fifth. Settings were chosen so.
"""

# ruff: noqa: E402 (the imports below load numpy and torch, which ask for their loops once)
from eideploy.portable import pin

pin()  # as the commands do

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sklearn.model_selection import StratifiedKFold

from eideploy.config import Config, load_config, presets
from eideploy.data import Dataset, load
from eideploy.model.training import train


def folds(dataset: Dataset, count: int) -> Iterator[Dataset]:
    """Yield data sets whose test part is a part of the training images of `dataset`."""
    x, y = dataset.train_x, dataset.train_y
    for kept, held in StratifiedKFold(count, shuffle=True, random_state=0).split(x, y):
        yield replace(
            dataset,
            name=f"{dataset.name}, held out",
            train_x=x[kept],
            train_y=y[kept],
            test_x=x[held],
            test_y=y[held],
        )


def measure(config: Config, dataset: Dataset) -> tuple[float, float, float]:
    """Return last and best accuracy in percent, and seconds."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        metrics = train(config, dataset, Path(folder)).metrics
    taken = time.perf_counter() - start
    accuracies = [100 * m.test_accuracy for m in metrics]
    return accuracies[-1], max(accuracies), taken


def main() -> None:
    """Print a table row for each preset and seed, and one for the mean."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    own = [preset for preset in presets() if preset.startswith("digits")]
    parser.add_argument("presets", nargs="*", default=own)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--validate", action="store_true")
    options = parser.parse_args()
    print("| preset | seed | last epoch | best epoch | seconds |\n|---|---|---|---|---|")
    for preset in options.presets:
        settings = dict(setting.split("=", 1) for setting in options.set)
        config = load_config(preset).with_overrides(settings)
        whole = load(config.data.name, None, steps=config.network.steps)
        parts = list(folds(whole, 5)) if options.validate else [whole] * options.seeds
        last = []
        for seed, part in enumerate(parts):
            row = measure(replace(config, seed=seed), part)
            last.append(row[0])
            print(f"| {preset} | {seed} | {row[0]:.2f} | {row[1]:.2f} | {row[2]:.0f} |", flush=True)
        print(f"| {preset} | mean | **{sum(last) / len(last):.2f}** | | |", flush=True)


if __name__ == "__main__":
    main()
