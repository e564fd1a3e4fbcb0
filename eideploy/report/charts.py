"""The charts that more than one report draws: each is the numbers that it shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eideploy.report.canvas import C1, C4, INK, MUTED, SERIES, SURFACE, Chart, percent_axis, ramp

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 6  # lines that a legend names one by one
MOST_LETTERED = 20  # classes up to which a cell says its number
DASHED = (0, (4, 2))
Marks = Mapping[str, Sequence[float]]  # upright lines by name


@dataclass(frozen=True, kw_only=True)
class Steps(Chart):
    """Histograms over each other, the first filled.

    series         edges and heights by name; a single one needs no name
    marks, bounds  upright lines: what is usual, and what cannot be exceeded
    percent        the axes whose numbers are fractions: "x", "y" or both
    """

    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    across: str
    up: str = "density"
    marks: Marks = field(default_factory=dict)
    bounds: Marks = field(default_factory=dict)
    percent: str = ""
    thousands: bool = False

    def draw(self, axis: "Axes") -> None:
        """Draw them, and the lines."""
        for place, (name, (edges, heights)) in enumerate(self.series.items()):
            first = place == 0
            axis.stairs(
                heights,
                edges,
                fill=first,
                color=SERIES[place],
                alpha=0.5 if first else 1,
                linewidth=1.4,
                label=name or None,
            )
        _uprights(axis, self.bounds, color=C4, lw=1.4, ls=DASHED)
        _uprights(axis, self.marks, color=INK, lw=1.2, ls=DASHED)
        axis.set(xlabel=self.across, ylabel=self.up)
        axis.margins(x=0.01)
        if not self.thousands:
            axis.locator_params(axis="x", nbins=5)  # more do not fit beside each other
        if "x" in self.percent:
            percent_axis(axis, which="x", digits=2)
        if "y" in self.percent:
            percent_axis(axis, digits=None)
        if self.thousands:
            thousands(axis)
        legend(axis)


@dataclass(frozen=True, kw_only=True)
class Counts(Chart):
    """Shares or counts of whole numbers from `first` on, with what is proven and offered."""

    heights: Sequence[float]
    first: int
    across: str
    up: str
    offered: float
    proven: float | None = None
    fractions: bool = False

    def draw(self, axis: "Axes") -> None:
        """Draw a column a number."""
        numbers = range(self.first, self.first + len(self.heights))
        axis.bar(numbers, self.heights, color=C1, alpha=0.7, width=0.85)
        if self.proven is not None:
            axis.axvline(self.proven + 0.5, color=C4, ls=DASHED, label="proven")
        axis.axvline(self.offered + 0.5, color=INK, label="offered")
        axis.set(xlabel=self.across, ylabel=self.up, xlim=(0, self.offered + 2))
        if self.fractions:
            percent_axis(axis, digits=None)
        legend(axis)


@dataclass(frozen=True, kw_only=True)
class Lines(Chart):
    """Lines from 1 on; the colours of ordered ones go from the first's to the last's."""

    lines: Mapping[str, Sequence[float]]
    across: str
    up: str
    fractions: bool = False
    logarithmic: bool = False
    ordered: bool = True

    def draw(self, axis: "Axes") -> None:
        """Draw them; of many, the legend names the first and the last."""
        names = list(self.lines)
        for place, (name, values) in enumerate(self.lines.items()):
            shade = ramp(place, len(names)) if self.ordered else SERIES[place % len(SERIES)]
            named = len(names) <= MOST_NAMED or name in (names[0], names[-1])
            label = name if named else None
            marker = "o" if len(values) < 12 else ""
            x = range(1, len(values) + 1)
            axis.plot(x, values, color=shade, lw=1.5, marker=marker, ms=3.5, label=label)
        axis.set(xlabel=self.across, ylabel=self.up)
        axis.locator_params(axis="x", integer=True)
        if self.logarithmic:
            axis.set_yscale("log")
            _plain(axis)
        else:
            axis.set_ylim(bottom=min(0, *(min(v, default=0) for v in self.lines.values())))
        if self.fractions:
            percent_axis(axis, digits=None)
        legend(axis)


@dataclass(frozen=True, kw_only=True)
class Confusion(Chart):
    """How many samples of a class, downwards, the program takes for each, across."""

    height: ClassVar[float] = 350
    counts: Sequence[Sequence[int]]

    def draw(self, axis: "Axes") -> None:
        """Draw a cell a pair of classes, of many classes a picture."""
        table = np.array(self.counts)
        shares = table / np.maximum(1, table.sum(1, keepdims=True))
        size = len(table)
        axis.grid(visible=False)
        if size > MOST_LETTERED:
            picture = np.zeros((size, size, 4))
            picture[..., :3], picture[..., 3] = (0.15, 0.45, 0.75), shares
            axis.imshow(picture, interpolation="nearest")
        else:
            _cells(axis, table, shares)
            axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), aspect="equal")
            axis.set_xticks(range(size))
            axis.set_yticks(range(size))
        axis.set(xlabel="class according to the program", ylabel="true class")


def _cells(axis: "Axes", table: Any, shares: Any) -> None:  # noqa: ANN401
    from matplotlib.patches import Rectangle

    for (y, x), n in np.ndenumerate(table):
        if not n:
            continue
        right, share = y == x, float(shares[y, x])
        colour = C1 if right else C4
        strength = 0.12 + 0.78 * (share if right else share**0.5)
        box = Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, color=colour, alpha=strength, lw=0)
        axis.add_patch(box)
        shade = SURFACE if strength > 0.6 else INK
        axis.text(x, y, f"{n}", ha="center", va="center", fontsize=9.5, color=shade)


@dataclass(frozen=True, kw_only=True)
class Waterfall(Chart):
    """Rows below each other, each from where the one above it ends, by part."""

    rows: Mapping[str, Mapping[str, float]]
    across: str

    @property
    def tall(self) -> float:
        """A row takes 24 points."""
        return 96 + 24 * len(self.rows)

    def draw(self, axis: "Axes") -> None:
        """Draw the parts that any row has."""
        parts = [p for p in next(iter(self.rows.values())) if any(r[p] for r in self.rows.values())]
        start = 0.0
        for row, widths in enumerate(self.rows.values()):
            axis.axvline(start, color=MUTED, lw=0.6, ls=(0, (1, 2)))
            for place, part in enumerate(parts):
                label = part if row == 0 else None
                shade = SERIES[place % len(SERIES)]
                axis.barh(row, widths[part], left=start, height=0.68, color=shade, label=label)
                start += widths[part]
        _name_rows(axis, list(self.rows))
        axis.set(xlabel=self.across)
        axis.grid(visible=False, axis="y")
        thousands(axis)
        legend(axis, at=(-0.12, 1.0), columnspacing=1, handlelength=0.9, handletextpad=0.4)


@dataclass(frozen=True, kw_only=True)
class Rows(Chart):
    """A bar a name, from the first downwards; fractions beside what chance would give."""

    values: Mapping[str, float]
    across: str
    fractions: bool = False

    @property
    def tall(self) -> float:
        """A row takes 22 points."""
        return 70 + 22 * len(self.values)

    def draw(self, axis: "Axes") -> None:
        """Draw the bars."""
        count = len(self.values)
        axis.barh(range(count), list(self.values.values()), color=C1, alpha=0.75, height=0.66)
        _name_rows(axis, list(self.values))
        axis.grid(visible=False, axis="y")
        axis.grid(visible=True, axis="x")
        axis.set(xlabel=self.across)
        if self.fractions:
            axis.axvline(1 / count, color=C4, lw=1.2, ls=DASHED, label="chance")
            axis.set_xlim(0, 1)
            percent_axis(axis, which="x")
            legend(axis)


def legend(axis: "Axes", *, at: tuple[float, float] = (-0.02, 0.98), **spacing: Any) -> None:  # noqa: ANN401
    """Name what is drawn, above the axes, where it hides nothing."""
    entries = len(axis.get_legend_handles_labels()[0])
    if entries:
        usual = {"columnspacing": 1.2, "handlelength": 1.3, "handletextpad": 0.5}
        place = {"loc": "lower left", "bbox_to_anchor": at, "borderaxespad": 0.2}
        axis.legend(**{"ncols": min(3, entries), **place, **usual, **spacing})


def thousands(axis: "Axes") -> None:
    """Label an axis of large numbers as 100 k and 1 M."""
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axis.xaxis.set_major_locator(MaxNLocator(6))


def _uprights(axis: "Axes", marks: Marks, **look: Any) -> None:  # noqa: ANN401
    for name, places in marks.items():
        for place, x in enumerate(places):
            axis.axvline(x, label=None if place else name, **look)


def _name_rows(axis: "Axes", names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(len(names) - 0.5, -0.5)


def _plain(axis: "Axes") -> None:
    """Label a logarithmic axis with plain numbers, a few in a decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
