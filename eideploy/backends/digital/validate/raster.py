"""One inference: what was shown, which neurons fired when, and what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, Neurons
from eideploy.execute.trace import Trace
from eideploy.validate.distribution import rounded

MOST_NEURONS = 96  # of a layer that are drawn, evenly taken
MOST_PIXELS = 64  # along a side of the picture that is drawn
Pairs = Sequence[Sequence[int]]
Number = float


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An input from 0 to `high`, (channels, height, width), as means over steps and pixels."""

    high: float
    averaged_over: Mapping[str, int]
    values: Sequence[Sequence[Sequence[float]]]


@dataclass(frozen=True, kw_only=True)
class LayerRaster:
    """Spikes as pairs of step (from 0) and neuron (of those shown).

    spikes          that the float circuit and the program have
    missing, extra  that only the float circuit has, that only the program has
    """

    name: str
    neurons: int
    shown: int
    spikes: Pairs
    missing: Pairs
    extra: Pairs


@dataclass(frozen=True, kw_only=True)
class Logits:
    """Those of the float circuit and of the program."""

    float: Sequence[Number]
    integer: Sequence[Number]


@dataclass(frozen=True, kw_only=True)
class Inference:
    """What happened to one sample; its label is None where it is not known."""

    sample: int
    label: int | None
    steps: int
    input: Picture
    layers: tuple[LayerRaster, ...]
    output: Logits


def raster(
    circuit: Circuit,
    program: Program,
    sample: Array,
    label: int | None,
    reference: Trace,
    trace: Trace,
) -> Inference:
    """Return the first inference of two traces with spikes."""
    return Inference(
        sample=0,
        label=label,
        steps=circuit.steps,
        input=_picture(sample, circuit),
        layers=tuple(
            _layer(name, trace.spikes[name], reference.spikes[name])
            for name in (node.name for node in program.circuit.of(Neurons))
        ),
        output=Logits(float=rounded(reference.logits[0]), integer=rounded(trace.logits[0])),
    )


def _picture(sample: Array, circuit: Circuit) -> Picture:
    """Return (channels, height, width) as it is shown, the mean over time of a sequence."""
    sequence = sample.ndim > len(circuit.input.size)
    x = sample.mean(0) if sequence else sample
    x = x.reshape((1, 1, -1) if x.ndim == 1 else x.shape).astype(np.float64)
    block = -(-max(x.shape[1:]) // MOST_PIXELS) if x.shape[1] > 1 else 1
    h, w = (size // block * block for size in x.shape[1:])
    x = x[:, :h, :w].reshape(len(x), h // block, block, w // block, block).mean((2, 4))
    return Picture(
        high=circuit.input.high,
        averaged_over={"steps": circuit.steps if sequence else 1, "pixels": block},
        values=[[rounded(row) for row in channel] for channel in x],
    )


def _layer(name: str, spikes: Array, reference: Array) -> LayerRaster:
    steps = len(spikes)
    ours, theirs = (x[:, 0].reshape(steps, -1) for x in (spikes, reference))
    neurons = ours.shape[1]
    drawn = np.linspace(0, neurons - 1, min(neurons, MOST_NEURONS)).astype(int)
    ours, theirs = ours[:, drawn], theirs[:, drawn]
    return LayerRaster(
        name=name,
        neurons=neurons,
        shown=len(drawn),
        spikes=_pairs(ours & theirs),
        missing=_pairs(theirs & ~ours),
        extra=_pairs(ours & ~theirs),
    )


def _pairs(spikes: Array) -> Pairs:
    return [[int(t), int(i)] for t, i in np.argwhere(spikes)]
