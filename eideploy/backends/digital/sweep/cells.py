"""The cells of a sweep: a program on a run's samples in figures, and which no other beats."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np

from eideploy.backends.digital.placed import fitting
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.validate.compare import compare
from eideploy.backends.digital.validate.inhibition import formed
from eideploy.circuit import Array, Circuit, Layer, Ranges
from eideploy.errors import DataError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import BATCH, batches
from eideploy.options.choices import Form, ZeroPolicy
from eideploy.recipe import Recipe
from eideploy.scheme import Bits, Scheme
from eideploy.target import Target
from eideploy.typed import Within

Number = Annotated[float, Within(-1e15, 1e15)]  # whose means are finite
Count = Annotated[int, Within(0, 1 << 53)]
COSTS = {
    "cycles": "cycles per inference",
    "weight_bits": "bits of weights",
    "table_bits": "bits of division table",
}


NAMES = ("scheme", "division", "policy", "inhibition")  # what tells the cells of a run apart


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a cell was measured to be; accuracies are None without labels.

    folded      the layers that are
    mismatch    of spikes that differ, by layer
    saturated   of divided currents that were clipped, in the layer where most were
    cycles      the median of an inference
    weight_bits in the scheme's numbers; table_bits: of the division
    contrast    accuracies "float" and "integer" at every "contrast" of the input
    """

    run: str
    scheme: str
    division: str
    policy: ZeroPolicy
    inhibition: Form
    folded: tuple[str, ...]
    samples: Count
    float_accuracy: Number | None
    accuracy: Number | None
    agreement: Number
    mismatch: Mapping[str, Number]
    saturated: Number
    cycles: Number
    weights: Count
    weight_bits: Count
    table_bits: Count
    bound: Number | None
    contrast: tuple[Mapping[str, Number], ...]


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The mean accuracy "float" of batch-normalised runs at every "contrast"."""

    runs: tuple[str, ...]
    contrast: tuple[Mapping[str, Number], ...]


@dataclass(frozen=True, kw_only=True)
class Results:
    """What a sweep came to."""

    cells: tuple[Figures, ...]
    baseline: Baseline | None


@dataclass(frozen=True, kw_only=True)
class Point:
    """A combination's mean value and costs, and the costs at which no other beats it.

    measure  what the value is: the accuracy, without labels the agreement with the float network
    """

    scheme: str
    division: str
    policy: ZeroPolicy
    inhibition: Form
    measure: str
    value: float
    front: tuple[str, ...] = ()
    cycles: float
    weight_bits: float
    table_bits: float


def measure(
    run: str,
    circuit: Circuit,
    recipe: Recipe,
    *,
    target: Target,
    ranges: Ranges,
    calibrated_on: Array,
    samples: Array,
    labels: Array | None,
    contrasts: Sequence[float],
) -> Figures:
    """Compile a float circuit by a recipe, and measure the program beside it on samples."""
    scheme, divider = recipe.scheme, recipe.divider
    program, decision = formed(circuit, recipe, target=target, ranges=ranges, samples=calibrated_on)
    program = fitting(program)
    comparison = compare(circuit, program, samples, labels)
    layers = program.circuit.layers
    return Figures(
        run=run,
        scheme=scheme.name,
        division=divider.label,
        policy=recipe.zero_policy,
        inhibition=recipe.inhibition,
        folded=decision.folded,
        samples=comparison.samples,
        float_accuracy=comparison.float_accuracy,
        accuracy=comparison.integer_accuracy,
        agreement=comparison.agreement,
        mismatch={layer.name: layer.mismatch for layer in comparison.layers},
        saturated=max((layer.saturated_current for layer in comparison.layers), default=0.0),
        cycles=comparison.cycles.median,
        weights=sum(size for node in layers for size, _ in _weights(scheme.bits, node)),
        weight_bits=_weight_bits(scheme, layers),
        table_bits=divider.stored_bits,
        bound=divider.bound,
        contrast=tuple(_at_contrast(circuit, program, samples, labels, c) for c in contrasts),
    )


def _weight_bits(scheme: Scheme, layers: Sequence[Layer]) -> int:
    """Return how many bits the weights take in the scheme's numbers."""
    return sum(
        size * bits
        for place, node in enumerate(layers)
        for size, bits in _weights(scheme.bits_of(first=place == 0), node)
    )


def _weights(bits: Bits, node: Layer) -> list[tuple[int, int]]:
    """Return the size and the bits of every array of weights."""
    widths = (bits.w_ee, bits.w_ie, bits.w_ei)  # folded: the numerator's, the denominator's
    weights = node.projection.by_name.values()
    return [(int(w.size), b) for w, b in zip(weights, widths, strict=False)]


def _at_contrast(
    circuit: Circuit,
    program: Program,
    samples: Array,
    labels: Array | None,
    contrast: float,
) -> dict[str, float]:
    """Return the accuracies on samples times `contrast`, cut off where the input's range ends."""
    if labels is None:
        raise DataError(
            "contrasts need labels", where="--contrast", fix="sweep over a run with a data set"
        )
    scaled = np.minimum(samples * np.float32(contrast), circuit.input.high)
    right = np.zeros(2)
    for start, batch in enumerate(batches(scaled)):
        y = labels[start * BATCH : start * BATCH + len(batch)]
        right += [
            (run_float(circuit, batch).logits.argmax(1) == y).sum(),
            (run_integer(program.circuit, batch).totals.argmax(1) == y).sum(),
        ]
    return {
        "contrast": contrast,
        "float": right[0] / len(labels),
        "integer": right[1] / len(labels),
    }


def grouped(rows: Sequence[Figures]) -> dict[tuple[str, ...], list[Figures]]:
    """Return the rows of every scheme, division, policy and inhibition, one for each run."""
    groups: dict[tuple[str, ...], list[Figures]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row, name) for name in NAMES), []).append(row)
    return groups


def worst(row: Figures) -> float:
    """Return the spike mismatch of the layer where it is largest."""
    return float(max(row.mismatch.values(), default=0.0))


def mean(rows: Sequence[Figures], key: str) -> float:
    """Return the mean over runs of a figure that every row has."""
    return float(np.mean([getattr(row, key) for row in rows]))


def layers_of(rows: Sequence[Figures]) -> list[str]:
    """Return the names of the layers that fire in any of the rows."""
    return list(dict.fromkeys(layer for row in rows for layer in row.mismatch))


def means(rows: Sequence[Figures], which: str) -> list[float]:
    """Return the mean accuracy at every contrast, of the float or the integer network."""
    values = [[entry[which] for entry in row.contrast] for row in rows]
    return [float(x) for x in np.mean(values, 0)]


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points (cost, value) no other one beats, by rising cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, places = -np.inf, []
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            places.append(i)
    return places


def compared_cells(rows: Sequence[Figures]) -> list[Point]:
    """Return a point for every combination."""
    points = [_point(own, measured(rows)) for own in grouped(rows).values()]
    best = {cost: front([(getattr(p, cost), p.value) for p in points]) for cost in COSTS}
    return [
        replace(point, front=tuple(cost for cost in COSTS if place in best[cost]))
        for place, point in enumerate(points)
    ]


def _point(rows: Sequence[Figures], measure: str) -> Point:
    """Return what one combination comes to, over its runs."""
    return Point(
        scheme=rows[0].scheme,
        division=rows[0].division,
        policy=rows[0].policy,
        inhibition=rows[0].inhibition,
        measure=measure,
        value=mean(rows, measure),
        cycles=mean(rows, "cycles"),
        weight_bits=mean(rows, "weight_bits"),
        table_bits=mean(rows, "table_bits"),
    )


def measured(rows: Sequence[Figures]) -> str:
    """Return which column says what a combination is worth."""
    return "agreement" if rows[0].accuracy is None else "accuracy"
