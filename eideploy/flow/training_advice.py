"""What a training's numbers warn of, and what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

from eideploy.report.sections import Notice, gravest_first
from eideploy.report.text import percent

FALLEN, APART = 0.02, 0.1
MOST_SAMPLES = 100_000  # of a test split
BAD = {  # beyond what the last epoch of a layer is warned of
    "silent": (
        0.95,
        "of the neurons of {} never fire",
        "lower training.rate, or raise training.warmup_epochs",
    ),
    "saturated": (
        0.5,
        "of the neurons of {} fire at nearly every step",
        "lower training.rate, or raise training.weight_decay",
    ),
    "zero_divisor": (
        0.9,
        "of the divisors of {} are 0 and replaced",
        "its input is nearly empty: check the layer before it, or raise network.steps",
    ),
    "dying": (
        0.0,
        "of the neurons of {} have almost no inhibition left",
        "lower training.rate or training.weight_decay",
    ),
}
FADED, BURST = 1e-6, 1e3  # norms of gradients


def training_advice(content: Mapping[str, Any]) -> list[Notice]:
    """Return warnings, the gravest first."""
    return gravest_first([*_course(content), *_layers(content)])


def _course(content: Mapping[str, Any]) -> Iterator[Notice]:
    epochs, provenance = content["epochs"], content["provenance"]
    last = epochs[-1]
    if not provenance["finished"]:
        yield Notice(
            "note",
            f"the run is not finished: {last['epoch']} of {last['epochs']} epochs",
            "eideploy train --resume, unless it is still at work",
        )
    accuracies = [epoch["test_accuracy"] for epoch in epochs]
    best = max(accuracies)
    lost = best - last["test_accuracy"]
    if lost > FALLEN and round(lost / _one_of(accuracies)) > 1:
        yield Notice(
            "warning",
            f"the test accuracy was {percent(best)} and ends at {percent(last['test_accuracy'])}",
            "lower training.rate; do not choose the epoch by the test split",
        )
    if last["train_accuracy"] - last["test_accuracy"] > APART:
        yield Notice(
            "note",
            f"training images are told apart better than test images: "
            f"{percent(last['train_accuracy'])} against {percent(last['test_accuracy'])}",
            "raise training.weight_decay, or augment the data",
        )
    if not content["distributions"]:
        yield Notice(
            "note",
            "the run has no distributions.csv, as an older release wrote it",
            "train again to see how currents and parameters are distributed",
        )


def _one_of(accuracies: Sequence[float]) -> float:
    """Return what one test sample is worth, of shares that are all multiples of it."""
    parts = (Fraction(share).limit_denominator(MOST_SAMPLES).denominator for share in accuracies)
    return 1 / lcm(*parts)


def _layers(content: Mapping[str, Any]) -> Iterator[Notice]:
    for layer in content["layers"]:
        for key, (most, what, fix) in BAD.items():
            value = layer.get(key, [0.0])[-1]  # older runs know fewer
            if value > most:
                text = f"{percent(value)} {what.format(layer['name'])}"
                yield Notice("warning", text, fix)
        norm = layer.get("gradient", [1.0])[-1]
        if norm and not FADED < norm < BURST:
            yield Notice(
                "warning",
                f"the gradient of {layer['name']} has a norm of {norm:.2g}",
                "see its course below: it fades or bursts; change training.rate",
            )
