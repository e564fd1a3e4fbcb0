"""A sweep's picture: accuracy against cycles, weight bits and table bits."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eideploy.report.sweep_text import NAMES, grouped, mean

COSTS = {
    "cycles": "cycles per inference",
    "weight_bits": "bits of weights",
    "table_bits": "bits of division table",
}


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points (cost, value) no other one beats, by rising cost."""
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, kept = -np.inf, []
    for i in order:
        if points[i][1] > best:
            best = points[i][1]
            kept.append(i)
    return kept


def compared_cells(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every combination's mean value and costs, and the costs at which no other beats it.

    The value is the accuracy, without labels the agreement with the float network.
    """
    groups, measure = grouped(rows), measured(rows)
    points: list[dict[str, Any]] = [
        dict(zip(NAMES, names, strict=True))
        | {"measure": measure, "value": mean(own, measure), "front": []}
        | {cost: mean(own, cost) for cost in COSTS}
        for names, own in groups.items()
    ]
    for cost in COSTS:
        for i in front([(point[cost], point["value"]) for point in points]):
            points[i]["front"].append(cost)
    return points


def measured(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return which column says what a combination is worth."""
    return "agreement" if rows[0]["accuracy"] is None else "accuracy"


def pareto_plot(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return an SVG of every combination's mean accuracy against its costs, fronts joined.

    Without labels it is the agreement with the float network.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    groups = grouped(rows)
    names = list(dict.fromkeys(scheme for scheme, *_ in groups))
    value = measured(rows)
    figure = Figure(figsize=(13, 4.5), layout="constrained")
    canvas = FigureCanvasSVG(figure)
    axes = figure.subplots(1, len(COSTS), sharey=True)
    for axis, (key, title) in zip(axes, COSTS.items(), strict=True):
        points = [(mean(own, key), 100 * mean(own, value)) for own in groups.values()]
        for place, name in enumerate(names):
            own = [p for p, (scheme, *_) in zip(points, groups, strict=True) if scheme == name]
            axis.plot(*zip(*own, strict=True), "o", color=f"C{place}", label=name, markersize=4)
        kept = front(points)
        axis.plot([points[i][0] for i in kept], [points[i][1] for i in kept], "k-", lw=0.8)
        for i in kept:
            scheme, division, _, form = list(groups)[i]
            label = f"{scheme} {division}" + ("" if form == "factored" else f" {form}")
            axis.annotate(label, points[i], fontsize=6, rotation=20)
        axis.set_xlabel(title)
        axis.grid(visible=True, alpha=0.3)
    axes[0].set_ylabel(f"{value}, %")
    axes[-1].legend(fontsize=7)
    file = io.BytesIO()
    canvas.print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return file.getvalue()
