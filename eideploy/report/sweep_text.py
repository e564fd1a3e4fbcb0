"""The tables of a sweep: means over its runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eideploy.report.text import table

Row = Mapping[str, Any]


def grouped(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Return the rows of every scheme, division and policy, one for each run."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["scheme"], row["division"], row["policy"]), []).append(row)
    return groups


def worst(row: Row) -> float:
    """Return the spike mismatch of the layer where it is largest."""
    return float(max(row["mismatch"].values(), default=0.0))


def mean(rows: Sequence[Row], key: str) -> float:
    """Return the mean over runs of a figure that every row has."""
    return float(np.mean([row[key] for row in rows]))


def sweep_text(rows: Sequence[Row], baseline: Row | None) -> str:
    """Return the table of accuracies and, where contrasts were asked for, theirs."""
    parts = [_accuracies(rows)]
    if rows[0]["contrast"]:
        parts.append(_contrasts(rows, baseline))
    return "\n\n".join(parts)


def _accuracies(rows: Sequence[Row]) -> str:
    groups = grouped(rows)
    runs = len(next(iter(groups.values())))
    head = [
        "scheme", "division", "zeros", "accuracy %", "of float", "agreement %", "least",
        "worst mismatch %", "cycles", "weight KiB", "table bits",
    ]  # fmt: skip
    lines = []
    for (scheme, division, policy), own in groups.items():
        labelled = own[0]["accuracy"] is not None
        accuracy = f"{100 * mean(own, 'accuracy'):.2f}" if labelled else "-"
        change = 100 * (mean(own, "accuracy") - mean(own, "float_accuracy")) if labelled else 0.0
        lines.append(
            [
                scheme, division, policy, accuracy, f"{change:+.2f}",
                f"{100 * mean(own, 'agreement'):.2f}",
                f"{100 * min(row['agreement'] for row in own):.2f}",
                f"{100 * np.mean([worst(row) for row in own]):.2f}",
                f"{mean(own, 'cycles'):.0f}",
                f"{mean(own, 'weight_bits') / 8192:.1f}",
                str(own[0]["table_bits"]),
            ]
        )  # fmt: skip
    title = (
        f"means over {runs} runs, {rows[0]['samples']} samples each"
        if runs > 1
        else (f"{rows[0]['samples']} samples")
    )
    return f"{title}\n{table(head, lines)}"


def _contrasts(rows: Sequence[Row], baseline: Row | None) -> str:
    """Return the accuracies at every contrast, by scheme and division."""
    contrasts = [entry["contrast"] for entry in rows[0]["contrast"]]
    head = ["accuracy % at contrast", *(f"{c:g}" for c in contrasts)]
    groups = grouped(rows)
    first = next(iter(groups.values()))
    lines = []
    if baseline is not None:
        values = [entry["float"] for entry in baseline["contrast"]]
        lines.append([f"BatchNorm float ({baseline['run']})", *_shown(values)])
    lines.append(["E-I float", *_shown(_means(first, "float"))])
    for (scheme, division, policy), own in groups.items():
        suffix = "" if policy == "minimum" else f" {policy}"
        lines.append([f"{scheme} {division}{suffix}", *_shown(_means(own, "integer"))])
    return table(head, lines)


def _means(rows: Sequence[Row], which: str) -> list[float]:
    values = [[entry[which] for entry in row["contrast"]] for row in rows]
    return [float(x) for x in np.mean(values, 0)]


def _shown(fractions: Sequence[float]) -> list[str]:
    return [f"{100 * x:.2f}" for x in fractions]
