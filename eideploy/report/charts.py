"""The figures of a build: each draws numbers of the report, as they stand there."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eideploy.report.canvas import (
    C1,
    C4,
    INK,
    MUTED,
    SERIES,
    SURFACE,
    drawing,
    percent_axis,
    ramp,
)
from eideploy.validate.distribution import Bins, density
from eideploy.validate.layers import DivisionError, Divisors, LayerStudy
from eideploy.validate.study import CycleStudy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = Mapping[str, Any]
MOST_NAMED = 6  # lines that a legend names one by one
MOST_LETTERED = 20  # classes up to which a cell says its number


def densities(
    series: Mapping[str, Bins], *, across: str, marks: Mapping[str, float] | None = None
) -> str:
    """Draw histograms over each other, the first filled; `marks` are upright lines."""
    with drawing() as made:
        axis = made.axes()
        for place, (name, found) in enumerate(series.items()):
            edges, values = found.edges, density(found)
            first = place == 0
            axis.stairs(
                values,
                edges,
                fill=first,
                color=SERIES[place],
                alpha=0.45 if first else 1,
                linewidth=1.4,
                label=name,
            )
        for place, (name, x) in enumerate((marks or {}).items()):
            axis.axvline(x, color=INK, lw=1, ls=(0, (4, 2)), label=name if place == 0 else None)
        axis.set(xlabel=across, ylabel="density")
        axis.margins(x=0.01)
        legend(axis, len(series) + bool(marks))
    return made.svg


def division_errors(found: DivisionError) -> str:
    """Draw the relative errors between the bounds."""
    bound, shown = found.bound, found.histogram
    with drawing() as made:
        axis = made.axes()
        axis.stairs(_shares(shown), shown.edges, fill=True, color=C1, alpha=0.55)
        for place, x in enumerate((-bound, bound)):
            axis.axvline(x, color=C4, lw=1.4, ls=(0, (4, 2)), label="bound" if not place else None)
        axis.set(xlabel="relative error of the quotient", ylabel="share of divisions")
        percent_axis(axis, which="x", digits=2)
        percent_axis(axis, digits=None)
        axis.locator_params(axis="x", nbins=5)
        legend(axis, 1)
    return made.svg


def divisor_bits(found: Divisors) -> str:
    """Draw how many bits the divisors take, of those proven and offered."""
    counts = np.array(found.bits, float)
    with drawing(height=200) as made:
        axis = made.axes()
        axis.bar(range(1, len(counts)), counts[1:] / counts.sum(), color=C1, alpha=0.7, width=0.85)
        axis.axvline(found.proven_bits + 0.5, color=C4, ls=(0, (4, 2)), label="proven")
        axis.axvline(found.offered_bits + 0.5, color=INK, label="offered")
        axis.set(xlabel="bits of DEN", ylabel="share", xlim=(0, found.offered_bits + 2))
        percent_axis(axis, digits=None)
        legend(axis, 2)
    return made.svg


def by_step(layers: Sequence[LayerStudy], key: str, *, up: str) -> str:
    """Draw a fraction of every layer over the time steps."""
    lines = {layer.name: getattr(layer, key) for layer in layers}
    return over_time(lines, across="time step", up=up, fractions=True)


def over_time(
    lines: Mapping[str, Sequence[float]],
    *,
    across: str,
    up: str,
    fractions: bool = False,
    logarithmic: bool = False,
    ordered: bool = True,
) -> str:
    """Draw lines from 1 on; the colours of ordered ones go from the first's to the last's."""
    names = list(lines)
    many = len(names) > MOST_NAMED
    with drawing() as made:
        axis = made.axes()
        for place, (name, values) in enumerate(lines.items()):
            shade = ramp(place, len(names)) if ordered else SERIES[place % len(SERIES)]
            named = not many or name in (names[0], names[-1])
            label = name if named else None
            marker = "o" if len(values) < 12 else ""
            x = range(1, len(values) + 1)
            axis.plot(x, values, color=shade, lw=1.5, marker=marker, ms=3.5, label=label)
        axis.set(xlabel=across, ylabel=up)
        axis.xaxis.get_major_locator().set_params(integer=True)
        if logarithmic:
            axis.set_yscale("log")
            _plain(axis)
        else:
            axis.set_ylim(bottom=min(0, *(min(v, default=0) for v in lines.values())))
        if fractions:
            percent_axis(axis, digits=None)
        legend(axis, min(len(names), MOST_NAMED))
    return made.svg


def confusion(counts: Sequence[Sequence[int]]) -> str:
    """Draw the true classes downwards, those that the program says across."""
    table = np.array(counts)
    shares = table / np.maximum(1, table.sum(1, keepdims=True))
    size = len(table)
    with drawing(height=350) as made:
        axis = made.axes()
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
    return made.svg


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


def waterfall(cycles: CycleStudy) -> str:
    """Draw the stages below each other, each from where the one above it ends, by phase."""
    stages = cycles.stages
    phases = [p for p in stages[0].phases if any(s.phases[p] > 0 for s in stages)]
    with drawing(height=96 + 24 * len(stages)) as made:
        axis = made.axes()
        start = 0.0
        for row, stage in enumerate(stages):
            axis.axvline(start, color=MUTED, lw=0.6, ls=(0, (1, 2)))
            for place, phase in enumerate(phases):
                width = stage.phases[phase]
                label = phase if row == 0 else None
                shade = SERIES[place % len(SERIES)]
                axis.barh(row, width, left=start, height=0.68, color=shade, label=label)
                start += width
        axis.set_yticks(range(len(stages)), [stage.name for stage in stages])
        axis.set_ylim(len(stages) - 0.5, -0.5)
        axis.set(xlabel="cycles of a mean inference")
        axis.grid(visible=False, axis="y")
        _thousands(axis)
        axis.legend(
            ncols=3,
            loc="lower left",
            bbox_to_anchor=(-0.12, 1.0),
            columnspacing=1,
            handlelength=0.9,
            handletextpad=0.4,
            borderaxespad=0.2,
        )
    return made.svg


def cycle_histogram(cycles: CycleStudy) -> str:
    """Draw how many samples take how many cycles."""
    found = cycles.histogram
    with drawing() as made:
        axis = made.axes()
        axis.stairs(found.counts, found.edges, fill=True, color=C1, alpha=0.6)
        axis.axvline(cycles.median, color=INK, lw=1.2, ls=(0, (4, 2)), label="median")
        axis.set(xlabel="cycles per inference", ylabel="samples")
        _thousands(axis)
        legend(axis, 1)
    return made.svg


def pareto(points: Sequence[Numbers], cost: str, *, across: str, up: str) -> str:
    """Draw every combination of a sweep; what no other beats is joined by a line."""
    names = list(dict.fromkeys(point["scheme"] for point in points))
    with drawing(height=250) as made:
        axis = made.axes()
        kept = sorted((p for p in points if cost in p["front"]), key=lambda p: float(p[cost]))
        axis.plot([p[cost] for p in kept], [p["value"] for p in kept], color=MUTED, lw=1)
        for place, name in enumerate(names):
            own = [p for p in points if p["scheme"] == name]
            shade = ramp(place, len(names))
            x, y = [p[cost] for p in own], [p["value"] for p in own]
            axis.plot(x, y, "o", color=shade, ms=4.5, alpha=0.85, label=name)
        here = [p for p in points if p["this"]]
        x, y = [p[cost] for p in here], [p["value"] for p in here]
        axis.plot(x, y, "o", ms=11, mfc="none", mec=INK, label="this build" if here else None)
        axis.set(xlabel=across, ylabel=up)
        percent_axis(axis, digits=None)
        _thousands(axis)
        axis.legend(
            ncols=4,
            loc="lower left",
            bbox_to_anchor=(-0.15, 1.0),
            columnspacing=0.8,
            handletextpad=0.1,
            borderaxespad=0.2,
        )
    return made.svg


def legend(axis: "Axes", entries: int) -> None:
    """Name what is drawn, above the axes, where it hides nothing."""
    if entries and axis.get_legend_handles_labels()[0]:
        axis.legend(
            ncols=min(3, entries),
            loc="lower left",
            bbox_to_anchor=(-0.02, 0.98),
            columnspacing=1.2,
            handlelength=1.3,
            handletextpad=0.5,
            borderaxespad=0.2,
        )


def _shares(found: Bins) -> list[float]:
    return [n / max(1, found.values) for n in found.counts]


def _plain(axis: "Axes") -> None:
    """Label a logarithmic axis with plain numbers, a few in a decade."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axis.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _thousands(axis: "Axes") -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axis.xaxis.set_major_formatter(EngFormatter(sep=" "))
    axis.xaxis.set_major_locator(MaxNLocator(6))
