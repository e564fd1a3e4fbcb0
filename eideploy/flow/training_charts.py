"""The figures of a training: how distributions change over the epochs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eideploy.report.canvas import C1, INK, drawing, ramp
from eideploy.report.charts import legend

Numbers = Mapping[str, Any]
RIDGES = 6  # epochs that are drawn, evenly taken, the first and the last among them
PAIRS = ((0, 6, 0.18), (1, 5, 0.25), (2, 4, 0.35))  # quantiles that bound a band, its strength


def ridges(rows: Sequence[Numbers], *, across: str) -> str:
    """Draw histograms of some epochs above each other, the earliest at the bottom."""
    known = [row for row in rows if row["counts"]]
    chosen = np.unique(np.linspace(0, len(known) - 1, RIDGES).astype(int))
    with drawing(height=260) as made:
        axis = made.axes()
        axis.grid(visible=False)
        for place, row in enumerate(known[i] for i in chosen):
            counts = np.array(row["counts"], float)
            edges = np.linspace(row["low"], row["high"], len(counts) + 1)
            top = place + 1.25 * counts / max(1.0, counts.max())
            shade = ramp(place, len(chosen))
            under = len(chosen) - place  # later ones lie behind those below them
            axis.stairs(top, edges, baseline=place, fill=True, color=shade, alpha=0.5, zorder=under)
            axis.stairs(top, edges, baseline=None, color=shade, lw=1, zorder=under + 0.5)
        axis.set_yticks(range(len(chosen)), [f"{known[i]['epoch']}" for i in chosen])
        if across.startswith("current"):
            axis.axvline(1, color=INK, lw=1, ls=(0, (4, 2)), label="threshold", zorder=50)
            legend(axis, 1)
        axis.set(xlabel=across, ylabel="epoch")
    return made.svg


def bands(rows: Sequence[Numbers], *, up: str) -> str:
    """Draw the median over the epochs, in bands of 50, 90 and 98 % of all values."""
    known = [row for row in rows if row["quantiles"]]
    epochs = [row["epoch"] for row in known]
    quantiles = np.array([row["quantiles"] for row in known]).T
    with drawing(height=200) as made:
        axis = made.axes()
        for low, high, strength in PAIRS:
            axis.fill_between(
                epochs, quantiles[low], quantiles[high], color=C1, alpha=strength, lw=0
            )
        axis.plot(epochs, quantiles[len(quantiles) // 2], color=C1, lw=1.6)
        axis.set(xlabel="epoch", ylabel=up)
        axis.margins(x=0.01)
        axis.xaxis.get_major_locator().set_params(integer=True)
    return made.svg
