"""Figures of matplotlib for notebooks: spikes, currents, divisors, agreement, costs of a sweep."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from eideploy.backends.digital.sweep.cells import Figures, compared_cells
from eideploy.backends.digital.validate.compare import Comparison
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.execute.trace import Trace
from eideploy.flow.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, BINS = 6.4, 1.8, 60
COSTS = {
    "cycles": "cycles per inference",
    "weight_bits": "weights, bits",
    "table_bits": "table of the division, bits",
}

__all__ = ["agreement", "currents", "divisors", "pareto", "raster"]


def raster(trace: Trace, *, sample: int = 0) -> "Figure":
    """Return the spikes of every layer over time, of one sample.

    Raises:
        UsageError: the trace has no spikes, or no such sample.
    """
    from matplotlib.ticker import MaxNLocator

    layers = _kept(trace.spikes, "spikes")
    _require_sample(trace, sample)
    figure, axes = _rows(len(layers), sharex=True)
    for axis, (name, spikes) in zip(axes, layers.items(), strict=True):
        times, neurons = np.nonzero(spikes[:, sample].reshape(len(spikes), -1))
        axis.plot(times, neurons, "|", color="k", markersize=4)
        axis.set(ylabel=name, ylim=(-1, spikes[0, sample].size), xlim=(-0.5, len(spikes) - 0.5))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes[-1].set_xlabel("step")
    return figure


def currents(trace: Trace) -> "Figure":
    """Return how the currents of every layer are distributed.

    Raises:
        UsageError: the trace has no currents.
    """
    return _distributions(_kept(trace.currents, "currents"), "current")


def divisors(trace: Trace) -> "Figure":
    """Return how I_div of every layer is distributed, exact zeros left out.

    Raises:
        UsageError: the trace has no divisors.
    """
    positive = {name: one[one > 0] for name, one in _kept(trace.divisors, "divisors").items()}
    return _distributions(positive, "I_div")


def agreement(comparisons: Mapping[str, Comparison]) -> "Figure":
    """Return the agreement with the float circuit, and the accuracy where it is known, by name."""
    figure, (axis,) = _rows(1)
    names, compared = list(comparisons), list(comparisons.values())
    axis.bar(names, [100 * one.agreement for one in compared], color="C0", label="agreement")
    known = [
        (n, 100 * one.integer_accuracy)
        for n, one in comparisons.items()
        if one.integer_accuracy is not None
    ]
    if known:
        axis.plot(*zip(*known, strict=True), "o", color="k", label="accuracy")
    lowest = min([100 * one.agreement for one in compared] + [value for _, value in known])
    axis.set(ylabel="%", ylim=(max(0.0, lowest - 5), 100))
    axis.legend()
    return figure


def pareto(swept: Result, *, cost: str = "cycles") -> "Figure":
    """Return accuracy, or agreement without labels, against a cost, of every cell of a sweep.

    Args:
        swept: of `sweep_runs`.
        cost: cycles, weight_bits or table_bits.

    Raises:
        UsageError: no result of a sweep, or no such cost.
    """
    cells = swept.content.get("cells")
    if not cells or cost not in COSTS:
        raise UsageError(
            f"there is no {cost} of cells in this result",
            where="eideploy.plot.pareto",
            fix=f"give what sweep_runs returned, and one of {', '.join(COSTS)}",
        )
    points = compared_cells([Figures(**cell) for cell in cells])
    figure, (axis,) = _rows(1, height=2 * HEIGHT)
    for point in points:
        label = f"{point.scheme}, {point.division}"
        axis.plot(getattr(point, cost), 100 * point.value, "o", label=label)
    best = sorted((getattr(p, cost), 100 * p.value) for p in points if cost in p.front)
    axis.plot(*zip(*best, strict=True), "k-", lw=0.8, zorder=1)
    axis.set(xlabel=COSTS[cost], ylabel=f"{points[0].measure}, %")
    axis.legend(fontsize=8)
    return figure


def _kept(arrays: Mapping[str, Array], kind: str) -> Mapping[str, Array]:
    if not arrays:
        raise UsageError(
            f"the trace has no {kind}",
            where=f"eideploy.plot, {kind}",
            fix=f'run the samples with keep=frozenset({{"{kind}"}})',
        )
    return arrays


def _require_sample(trace: Trace, sample: int) -> None:
    if not 0 <= sample < len(trace.logits):
        raise UsageError(
            f"there is no sample {sample} of {len(trace.logits)}",
            where="eideploy.plot.raster, sample",
            fix="count from 0",
        )


def _distributions(arrays: Mapping[str, Array], what: str) -> "Figure":
    figure, axes = _rows(len(arrays))
    for axis, (name, values) in zip(axes, arrays.items(), strict=True):
        axis.hist(np.ravel(values), bins=BINS, color="C0")
        axis.set(ylabel=name, yscale="log")
    axes[-1].set_xlabel(what)
    return figure


def _rows(
    count: int, *, height: float = HEIGHT, sharex: bool = False
) -> tuple["Figure", "list[Axes]"]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height * count), layout="constrained")
    return figure, list(figure.subplots(count, 1, sharex=sharex, squeeze=False)[:, 0])
