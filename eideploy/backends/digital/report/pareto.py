"""The chart of a sweep: what every combination of format and division is worth and costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.report.canvas import INK, MUTED, Chart, percent_axis, ramp
from eideploy.report.charts import legend, thousands

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes


@dataclass(frozen=True, kw_only=True)
class Pareto(Chart):
    """Every combination of a sweep; the line is the Pareto front."""

    height: ClassVar[float] = 250
    points: "Sequence[Mapping[str, Any]]"
    cost: str
    across: str
    up: str

    def draw(self, axis: "Axes") -> None:
        """Draw the front, then a colour a scheme, then a ring around this build."""
        front = sorted((p for p in self.points if self.cost in p["front"]), key=self._cost_of)
        axis.plot(*self._at(front), color=MUTED, lw=1)
        schemes = list(dict.fromkeys(point["scheme"] for point in self.points))
        for place, scheme in enumerate(schemes):
            own = [p for p in self.points if p["scheme"] == scheme]
            shade = ramp(place, len(schemes))
            axis.plot(*self._at(own), "o", color=shade, ms=4.5, alpha=0.85, label=scheme)
        this = [p for p in self.points if p["this"]]
        label = "this build" if this else None
        axis.plot(*self._at(this), "o", ms=11, mfc="none", mec=INK, label=label)
        axis.set(xlabel=self.across, ylabel=self.up)
        percent_axis(axis, digits=None)
        thousands(axis)
        legend(axis, at=(-0.15, 1.0), ncols=4, columnspacing=0.8, handletextpad=0.1)

    def _cost_of(self, point: "Mapping[str, Any]") -> float:
        return float(point[self.cost])

    def _at(self, points: "Sequence[Mapping[str, Any]]") -> tuple[list[float], list[float]]:
        return [self._cost_of(p) for p in points], [p["value"] for p in points]
