"""Train fashion-mnist-conv on 50,000 training images and print its accuracy on the other 10,000.

    python benchmarks/fashion_validation.py [--set KEY=VALUE ...] [--seed N] [--images N]

The test images are not touched: the settings of the preset were chosen so. A row has the accuracy
after every epoch.
"""

# ruff: noqa: E402 (the imports below load numpy and torch, which ask for their loops once)
from eideploy.portable import pin

pin()  # as the commands do

import argparse
import time
from dataclasses import replace

import torch
from sklearn.model_selection import train_test_split

from eideploy.config import load_config
from eideploy.data import Dataset, load
from eideploy.model.training import train

HELD_OUT = 10_000


def held_out(whole: Dataset, images: int) -> Dataset:
    """Return the data set whose test images are 10,000 of its training images, of all classes.

    Of the others it has the first `images`.
    """
    x, y = whole.train_x, whole.train_y
    kept_x, held_x, kept_y, held_y = train_test_split(
        x, y, test_size=HELD_OUT, stratify=y, random_state=0
    )
    return replace(
        whole, train_x=kept_x[:images], train_y=kept_y[:images], test_x=held_x, test_y=held_y
    )


def main() -> None:
    """Print a table row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=50_000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = dict(setting.split("=", 1) for setting in options.set)
    config = load_config("fashion-mnist-conv").with_overrides(settings)
    start = time.perf_counter()
    dataset = held_out(load("fashion-mnist"), options.images)
    result = train(replace(config, seed=options.seed), dataset, None)
    course = " ".join(f"{100 * m.test_accuracy:.2f}" for m in result.metrics)
    said = ", ".join(options.set) or "as the preset"
    said += "" if options.images == 50_000 else f"; {options.images} images"
    taken = time.perf_counter() - start
    print(f"| {said} | {options.seed} | {course} | {len(result.setbacks)} | {taken:.0f} |")


if __name__ == "__main__":
    main()
