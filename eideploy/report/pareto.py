"""Which combinations of a sweep no other beats, at what costs."""

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
