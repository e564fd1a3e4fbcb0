"""The charts of a training: how distributions change over the epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eideploy.report.canvas import C1, INK, Chart, ramp
from eideploy.report.charts import DASHED, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = Mapping[str, Any]
RIDGES = 6  # epochs that are drawn, evenly taken, the first and the last among them
PAIRS = ((0, 6, 0.18), (1, 5, 0.25), (2, 4, 0.35))  # quantiles that bound a band, its strength


@dataclass(frozen=True, kw_only=True)
class Ridges(Chart):
    """Histograms of some epochs above each other, the earliest at the bottom."""

    height: ClassVar[float] = 260
    rows: Sequence[Numbers]
    across: str

    def draw(self, axis: "Axes") -> None:
        """Draw them, a colour an epoch."""
        counted = [row for row in self.rows if row["counts"]]
        drawn = np.unique(np.linspace(0, len(counted) - 1, RIDGES).astype(int))
        axis.grid(visible=False)
        for place, row in enumerate(counted[i] for i in drawn):
            counts = np.array(row["counts"], float)
            edges = np.linspace(row["low"], row["high"], len(counts) + 1)
            top = place + 1.25 * counts / max(1.0, counts.max())
            shade = ramp(place, len(drawn))
            under = len(drawn) - place  # later ones lie behind those below them
            axis.stairs(top, edges, baseline=place, fill=True, color=shade, alpha=0.5, zorder=under)
            axis.stairs(top, edges, baseline=None, color=shade, lw=1, zorder=under + 0.5)
        axis.set_yticks(range(len(drawn)), [f"{counted[i]['epoch']}" for i in drawn])
        if self.across.startswith("current"):
            axis.axvline(1, color=INK, lw=1, ls=DASHED, label="threshold", zorder=50)
        legend(axis)
        axis.set(xlabel=self.across, ylabel="epoch")


@dataclass(frozen=True, kw_only=True)
class Bands(Chart):
    """The median over the epochs, in bands of 50, 90 and 98 % of all values."""

    height: ClassVar[float] = 200
    rows: Sequence[Numbers]
    up: str

    def draw(self, axis: "Axes") -> None:
        """Draw the widest band first."""
        known = [row for row in self.rows if row["quantiles"]]
        epochs = [row["epoch"] for row in known]
        quantiles = np.array([row["quantiles"] for row in known]).T
        for low, high, strength in PAIRS:
            axis.fill_between(
                epochs, quantiles[low], quantiles[high], color=C1, alpha=strength, lw=0
            )
        axis.plot(epochs, quantiles[len(quantiles) // 2], color=C1, lw=1.6)
        axis.set(xlabel="epoch", ylabel=self.up)
        axis.margins(x=0.01)
        axis.locator_params(axis="x", integer=True)
