"""Time a training step and inference of E-I networks against batch-normalised ones, interleaved.

    python benchmarks/train_speed.py [vgg8] [resnet18] [--rounds N] [--threads N] [--memory]

Batch 32, T 4, 3x32x32. Every round runs each network once, so that a busy machine slows all alike;
medians over the rounds are printed as table rows, with the median and the quartiles of the ratio
to our batch-normalised network in the same round. On one thread the time is that of the processor,
into which waiting for other programs does not count; on more it is the clock's. Where SpikingJelly
is installed, its batch-normalised VGG of the same widths runs in the same rounds. With --memory,
the peak memory of three training steps is measured instead, each in its own process.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from eideploy.memory import keep_freed_memory
from eideploy.model.initialise import initialise
from eideploy.model.named import NAMED
from eideploy.model.networks import build
from eideploy.model.optimiser import ProjectedSGD

SHAPE, BATCH, CLASSES = (3, 32, 32), 32, 10
OURS: Mapping[str, tuple[Literal["ei", "batch"], Literal["fused", "plain"]]] = {
    "E-I, fused": ("ei", "fused"),
    "E-I, plain": ("ei", "plain"),
    "BatchNorm, fused": ("batch", "fused"),
    "BatchNorm, plain": ("batch", "plain"),
}
THEIRS = "BatchNorm, SpikingJelly"
REFERENCE = "BatchNorm, fused"


def spiking_jelly(name: str) -> nn.Module | None:
    """Return SpikingJelly's network of the widths of `name`; None if there is none."""
    try:
        from spikingjelly.activation_based import functional, layer, neuron, surrogate
    except ImportError:
        return None
    if NAMED[name].kind != "vgg":
        return None
    modules, channels = [], SHAPE[0]
    for width in NAMED[name].widths:
        if width == "P":
            modules.append(layer.AvgPool2d(2))
            continue
        lif = {"surrogate_function": surrogate.Sigmoid(), "detach_reset": True}
        modules += [
            layer.Conv2d(channels, width, 3, padding=1, bias=False),
            layer.BatchNorm2d(width),
            neuron.LIFNode(decay_input=False, v_reset=None, **lif),
        ]
        channels = width
    body = nn.Sequential(*modules, layer.Flatten(), layer.Linear(channels, CLASSES))
    functional.set_step_mode(body, "m")

    class Repeated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body

        def forward(self, x: Tensor) -> Tensor:
            functional.reset_net(self.body)
            repeated = x.unsqueeze(0).repeat(NAMED[name].steps, 1, 1, 1, 1)
            rates: Tensor = self.body(repeated).mean(0)
            return rates

    return Repeated()


def network_of(name: str, which: str, x: Tensor) -> nn.Module | None:
    """Return a network ready to be trained."""
    torch.manual_seed(0)
    if which == THEIRS:
        return spiking_jelly(name)
    normalization, kernel = OURS[which]
    network = build(replace(NAMED[name], normalization=normalization), SHAPE, CLASSES)
    initialise(network, x, np.random.default_rng(0))
    network.use_kernel(kernel)
    return network


def training_step(network: nn.Module, x: Tensor, y: Tensor) -> Callable[[], None]:
    """Return a function that takes one step: forward, loss, backward, optimiser."""
    optimiser = ProjectedSGD(network.named_parameters(), momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        network.train()
        cross_entropy(network(x), y).backward()  # type: ignore[no-untyped-call]
        optimiser.step(1e-3)

    return step


def inference(network: nn.Module, x: Tensor) -> Callable[[], None]:
    """Return a function that predicts one batch."""

    def predict() -> None:
        network.eval()
        with torch.no_grad():
            network(x)

    return predict


def seconds(task: Callable[[], None]) -> float:
    """Return how long a task takes."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    start = clock()
    task()
    return clock() - start


def compare(name: str, rounds: int) -> None:
    """Print medians of a step and of inference for every network of a name."""
    x, y = torch.rand(BATCH, *SHAPE), torch.arange(BATCH) % CLASSES
    found = {which: network_of(name, which, x) for which in (*OURS, THEIRS)}
    networks = {which: network for which, network in found.items() if network is not None}
    tasks = {
        "step": {w: training_step(n, x, y) for w, n in networks.items()},
        "inference": {w: inference(n, x) for w, n in networks.items()},
    }
    times: dict[str, dict[str, list[float]]] = {what: {w: [] for w in networks} for what in tasks}
    for turn in range(rounds + 1):
        for what, by_network in tasks.items():
            for which, task in by_network.items():
                taken = seconds(task)
                if turn:  # the first warms up
                    times[what][which].append(taken)
    for which in networks:
        cells = []
        for measured in times.values():
            own, reference = measured[which], measured[REFERENCE]
            ratios = [one / other for one, other in zip(own, reference, strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            cells += [f"{1000 * statistics.median(own):.0f} ms"]
            cells += [f"{middle:.2f} ({low:.2f}-{high:.2f})"]
        print(f"| {name} | {which} | {' | '.join(cells)} |", flush=True)


def peak_mib(name: str, which: str) -> None:
    """Print the peak memory of three training steps in this process."""
    x, y = torch.rand(BATCH, *SHAPE), torch.arange(BATCH) % CLASSES
    network = network_of(name, which, x)
    if network is not None:
        step = training_step(network, x, y)
        for _ in range(3):
            step()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"| {name} | {which} | {peak:.0f} MiB |", flush=True)


def main() -> None:
    """Print a table row for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=["vgg8", "resnet18"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--only", help="measure the memory of this one in this very process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()  # as the command line does
    for name in options.networks:
        if options.only:
            peak_mib(name, options.only)
        elif options.memory:
            for which in (*OURS, THEIRS):
                threads = ["--threads", str(options.threads)]
                command = [sys.executable, __file__, name, "--only", which, *threads]
                subprocess.run(command, check=True)
        else:
            compare(name, options.rounds)


if __name__ == "__main__":
    main()
