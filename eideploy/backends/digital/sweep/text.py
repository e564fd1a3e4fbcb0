"""The tables of a sweep: means over its runs."""

from collections.abc import Sequence

import numpy as np

from eideploy.backends.digital.sweep.cells import (
    Baseline,
    Figures,
    grouped,
    layers_of,
    mean,
    means,
    worst,
)
from eideploy.report.text import counted, table


def sweep_text(rows: Sequence[Figures], baseline: Baseline | None) -> str:
    """Return the tables of accuracies, mismatches and, where contrasts were asked for, theirs."""
    parts = [_accuracies(rows), _mismatches(rows)]
    if rows[0].contrast:
        parts.append(_contrasts(rows, baseline))
    return "\n\n".join(parts)


def _accuracies(rows: Sequence[Figures]) -> str:
    groups = grouped(rows)
    runs = len(next(iter(groups.values())))
    columns = [
        "scheme",
        "division",
        "zeros",
        "inhibition",
        "accuracy %",
        "spread",
        "of float",
        "agreement %",
        "least",
        "worst mismatch %",
        "cycles",
        "weight KiB",
        "table bits",
    ]
    lines = [
        [
            *names,
            *_accuracy(own),
            f"{100 * mean(own, 'agreement'):.2f}",
            f"{100 * min(row.agreement for row in own):.2f}",
            f"{100 * np.mean([worst(row) for row in own]):.2f}",
            f"{mean(own, 'cycles'):.0f}",
            f"{mean(own, 'weight_bits') / 8192:.1f}",
            str(own[0].table_bits),
        ]
        for names, own in groups.items()
    ]
    title = f"{rows[0].samples} samples"
    if runs > 1:
        title = f"means over {runs} runs, {title} each"
    floats = _accuracy(next(iter(groups.values())), "float_accuracy")
    if floats[0] != "-":
        title += f"; float accuracy {floats[0]} %, spread {floats[1]}"
    remark = "weight KiB in the scheme's bits; a core stores a weight in those of its spec"
    return f"{title}\n{table(columns, lines)}\n  {remark}"


def _accuracy(rows: Sequence[Figures], key: str = "accuracy") -> tuple[str, str, str]:
    """Return the mean, the standard deviation over runs, and the mean less the float network's."""
    if getattr(rows[0], key) is None:
        return "-", "-", "-"
    spread = 100 * np.std([getattr(row, key) for row in rows], ddof=1) if len(rows) > 1 else None
    return (
        f"{100 * mean(rows, key):.2f}",
        "-" if spread is None else f"{spread:.2f}",
        f"{100 * (mean(rows, key) - mean(rows, 'float_accuracy')):+.2f}",
    )


def _contrasts(rows: Sequence[Figures], baseline: Baseline | None) -> str:
    """Return the accuracies at every contrast, by scheme and division."""
    contrasts = [entry["contrast"] for entry in rows[0].contrast]
    head = ["accuracy % at contrast", *(f"{c:g}" for c in contrasts)]
    groups = grouped(rows)
    first = next(iter(groups.values()))
    lines = []
    if baseline is not None:
        values = [entry["float"] for entry in baseline.contrast]
        lines.append([f"BatchNorm float, {counted(len(baseline.runs), 'run')}", *_shown(values)])
    lines.append(["E-I float", *_shown(means(first, "float"))])
    for names, own in groups.items():
        lines.append([_label(names), *_shown(means(own, "integer"))])
    return table(head, lines)


def _mismatches(rows: Sequence[Figures]) -> str:
    """Return the fractions of spikes that differ, by layer; `-` where a run has no such layer."""
    layers = layers_of(rows)
    lines = []
    for names, own in grouped(rows).items():
        fractions = [[row.mismatch[k] for row in own if k in row.mismatch] for k in layers]
        lines.append([_label(names), *(f"{100 * np.mean(f):.2f}" if f else "-" for f in fractions)])
    return table(["spikes that differ % in", *layers], lines)


def _label(names: Sequence[str]) -> str:
    """Return how a person would call a combination: what is usual is not said."""
    *words, policy, form = names
    words += [policy] if policy != "minimum" else []
    return " ".join([*words, *([form] if form != "factored" else [])])


def _shown(fractions: Sequence[float]) -> list[str]:
    return [f"{100 * x:.2f}" for x in fractions]
