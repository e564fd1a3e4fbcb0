"""Train networks on Fashion-MNIST at rates that nobody chose, and print what becomes of them.

    python benchmarks/robustness.py [--networks NAME ...] [--rates R ...] [--seeds N] [--images N]
                                    [--epochs N] [--set KEY=VALUE ...]
    python benchmarks/robustness.py --trace RATE --networks NAME

The settings are the defaults but for what is named. Test images are not touched: networks are
trained on the first training images, and the accuracy is that on the last 1000. A row says also
what `compile` (int8, the usual division) says of the network. `before` is --set
training.clip_ratio=0 --set training.setbacks=0.

--trace prints, batch by batch, how large gradients are beside their parameters, and which divisors
they come from.
"""

# ruff: noqa: E402 (the imports below load numpy and torch, which ask for their loops once)
from eideploy.portable import pin

pin()  # as the commands do

import argparse
import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from eideploy.config import Config
from eideploy.data import Dataset, load
from eideploy.errors import EideployError
from eideploy.execute.observe import observe
from eideploy.flow.finetuned import goal_of
from eideploy.model.batches import batches
from eideploy.model.checkpoint import new_state
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.optimiser import OPTIMISERS, rate_at
from eideploy.model.training import TrainResult, train
from eideploy.nn.layers import Shunting
from eideploy.recipe import usual

NETWORKS = {
    "mlp": ("mlp", "[128, 64]"),
    "vgg5": ("vgg", '[16, "P", 32, "P", 64, "P"]'),
    "vgg6": ("vgg", '[16, "P", 32, "P", 32, 64, "P"]'),
    "vgg8": ("vgg", '[16, 16, "P", 32, 32, "P", 48, 48, "P"]'),
    "resnet-small": ("resnet", "[16, 32, 64]"),
}
MATRIX = ["mlp", "vgg6", "vgg8", "resnet-small"]
RATES = (0.002, 0.01, 0.05)
HELD_OUT = 1000
SMALL = 0.01  # of the median divisor
PARTS = {"W_EE": "excitatory.weight", "W_IE": "inhibitory.weight", "g_I": "gain_i"}


def fashion(images: int) -> Dataset:
    """Return the first training images, with the last to test by."""
    whole = load("fashion-mnist")
    x, y = whole.train_x, whole.train_y
    held = slice(len(y) - HELD_OUT, None)
    return replace(whole, train_x=x[:images], train_y=y[:images], test_x=x[held], test_y=y[held])


def config_of(network: str, rate: float, options: argparse.Namespace) -> Config:
    """Return the defaults for a network, a rate, and what the command line sets."""
    kind, widths = NETWORKS[network]
    settings = {
        "network.kind": kind,
        "network.widths": widths,
        "training.rate": str(rate),
        "training.epochs": str(options.epochs),
        "training.warmup_epochs": "1",
        "training.batch": "64",
        "data.name": "fashion-mnist",
    }
    return Config().with_overrides(settings | dict(s.split("=", 1) for s in options.set))


def compiled(result: TrainResult, dataset: Dataset) -> str:
    """Return "yes", or why the network does not become integers."""
    circuit = export(result.network, dataset.input_shape, high=dataset.high)
    try:
        ranges = observe(circuit, dataset.train.batch(slice(256)))
        goal_of(usual(), ranges).integers(circuit)
    except EideployError as error:
        return error.what
    return "yes"


def row(network: str, rate: float, seed: int, dataset: Dataset, config: Config) -> str:
    """Return a row of the table."""
    try:
        result = train(replace(config, seed=seed), dataset, None)
    except EideployError as error:
        return f"| {network} | {rate} | {seed} | {error.what} | | | |"
    course = " ".join(f"{100 * m.test_accuracy:.1f}" for m in result.metrics)
    silent = max(layer.silent for layer in result.metrics[-1].health)
    cells = [course, len(result.setbacks), f"{silent:.0%}", compiled(result, dataset)]
    return f"| {network} | {rate} | {seed} | {' | '.join(map(str, cells))} |"


def trace(network: str, rate: float, options: argparse.Namespace) -> None:
    """Print, of every E-I layer and batch, norms of gradients in units of their parameters'.

    Beside them: the share of positive divisors below SMALL of their median, and how much of the sum
    of squares of dL/dI_div is theirs, and the largest one's.
    """
    dataset = fashion(options.images)
    config = config_of(network, rate, options)
    model = new_state(config, dataset).network
    settings, divisors = config.training, dict[str, Tensor]()
    per_epoch = -(-len(dataset.train) // settings.batch)
    initialise(model, next(batches(config, dataset, 0)).x, np.random.default_rng(config.seed))
    layers = {name: m for name, m in model.named_modules() if isinstance(m, Shunting)}
    for name, layer in layers.items():
        layer.divide = functools.partial(_remembered, divisors, name, layer.divide)
    optimiser = OPTIMISERS[settings.optimizer](
        model.named_parameters(), momentum=settings.momentum, weight_decay=settings.weight_decay
    )
    for epoch in range(settings.epochs):
        for place, batch in enumerate(batches(config, dataset, epoch)):
            done = epoch * per_epoch + place
            now = rate_at(
                done,
                warmup=settings.warmup_epochs * per_epoch,
                total=settings.epochs * per_epoch,
                peak=settings.peak,
                start=settings.warmup_rate,
            )
            loss = cross_entropy(model(batch.x), batch.y)
            loss.backward()  # type: ignore[no-untyped-call]
            for name, layer in layers.items():
                print(f"batch {done}, rate {now:.3g}, loss {loss.item():.3f}, {name}: ", end="")
                print(_sizes(layer), _of_divisors(divisors[name]), sep="; ", flush=True)
            if settings.clip_ratio:
                optimiser.clip(settings.clip_ratio)
            optimiser.step(now)


def _remembered(
    divisors: dict[str, Tensor], name: str, divide: Callable[..., Tensor], *currents: Tensor
) -> Tensor:
    divisors[name] = currents[1]
    currents[1].retain_grad()
    return divide(*currents)


def _gradient(of: Tensor) -> Tensor:
    assert of.grad is not None  # it is looked at behind backward
    return of.grad


def _sizes(layer: Shunting) -> str:
    found = {name: layer.get_parameter(part) for name, part in PARTS.items()}
    ratios = {name: _gradient(p).norm() / p.detach().norm() for name, p in found.items()}
    return ", ".join(f"{name} {float(ratio):.3g}" for name, ratio in ratios.items())


def _of_divisors(divisor: Tensor) -> str:
    value, square = divisor.detach(), _gradient(divisor).square()
    median = value[value > 0].median()
    small = (value > 0) & (value < SMALL * median)
    share = float(small.float().mean())
    theirs, largest = (float(part / square.sum()) for part in (square[small].sum(), square.max()))
    return (
        f"I_div {float(median):.3g}, {share:.1%} of them small, with {theirs:.0%} of "
        f"|dL/dI_div|^2, the largest {largest:.0%}"
    )


def main() -> None:
    """Print a table row for each network, rate and seed; or a trace."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=MATRIX, choices=NETWORKS)
    parser.add_argument("--rates", nargs="*", type=float, default=RATES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--trace", type=float, metavar="RATE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.trace is not None:
        trace(options.networks[0], options.trace, options)
        return
    dataset = fashion(options.images)
    print("| network | rate | seed | accuracy by epoch, % | setbacks | silent | compiles |")
    print("|---|---|---|---|---|---|---|")
    for network in options.networks:
        for rate in options.rates:
            for seed in range(options.seeds):
                config = config_of(network, rate, options)
                print(row(network, rate, seed, dataset, config), flush=True)


if __name__ == "__main__":
    main()
