"""The figures of a build for a mixed-signal chip: each draws numbers of the report."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any

from eideploy.report.canvas import C1, C4, GRID, INK, MUTED, SERIES, drawing, percent_axis
from eideploy.report.charts import legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Numbers = Mapping[str, Any]
LEVELS = 8  # shades of a map
OVER = 1.05  # height of a row: what lies below hides the rest, and no seam is seen


def population_map(cores: Sequence[Numbers], names: Sequence[str]) -> str:
    """Draw every neuron of a chip in its place on its core, in its population's colour."""
    here = sorted({number for core in cores for number in core["map"] if number >= 0})
    colour = {number: SERIES[i % len(SERIES)] for i, number in enumerate(here)}
    with drawing(height=380) as made:
        for axis, core in _panels(made, cores):
            for y, x, width, number in _runs(core["map"]):
                axis.broken_barh([(x, width)], (y, OVER), color=colour.get(number, GRID), lw=0)
        axes = made.figure.axes[0]
        for number in here:
            axes.barh(0, 0, color=colour[number], label=names[number])
        axes.barh(0, 0, color=GRID, label="unused")
        made.figure.legend(
            ncols=3,
            loc="outside upper left",
            columnspacing=1.2,
            handlelength=0.9,
            handletextpad=0.5,
            borderaxespad=0.2,
        )
    return made.svg


def cam_map(cores: Sequence[Numbers]) -> str:
    """Draw how many of its CAMs every neuron of a chip uses: the more, the darker."""
    with drawing(height=345) as made:
        for axis, core in _panels(made, cores):
            offered = core["cams"]["of_one"]
            shades = [ceil(LEVELS * n / offered) for n in core["cams_by_neuron"]]
            for y, x, width, level in _runs(shades):
                axis.broken_barh([(x, width)], (y, 1), color=GRID, lw=0)
                if level:
                    shade = 0.1 + 0.9 * level / LEVELS
                    axis.broken_barh([(x, width)], (y, 1), color=C1, alpha=shade, lw=0)
    return made.svg


def cam_histogram(cores: Sequence[Numbers]) -> str:
    """Draw how many neurons use how many of their CAMs."""
    offered = cores[0]["cams"]["of_one"]
    counts = [0] * (offered + 1)
    for core in cores:
        for number, n in zip(core["map"], core["cams_by_neuron"], strict=True):
            counts[n] += number >= 0
    with drawing() as made:
        axis = made.axes()
        axis.bar(range(offered + 1), counts, width=1, color=C1, alpha=0.7)
        axis.axvline(offered + 0.5, color=INK, label="offered")
        axis.set(xlabel="CAMs of a neuron", ylabel="neurons")
        legend(axis, 1)
    return made.svg


def mismatched(found: Numbers) -> str:
    """Draw the accuracy of every chip that was drawn, over the mismatch."""
    with drawing() as made:
        axis = made.axes()
        by_cv = {0.0: [found["accuracy"]]}
        by_cv |= {float(cv): values for cv, values in found["accuracy_by_cv"].items()}
        means = [sum(values) / len(values) for values in by_cv.values()]
        axis.plot(list(by_cv), means, color=MUTED, lw=1, label="mean")
        for cv, values in by_cv.items():
            label = "a chip" if cv == 0 else None
            axis.plot([cv] * len(values), values, "o", color=C1, ms=5, alpha=0.7, label=label)
        axis.set(xlabel="coefficient of variation of the mismatch", ylabel="accuracy")
        axis.set_xticks(list(by_cv))
        axis.margins(x=0.08, y=0.12)
        percent_axis(axis, which="x")
        percent_axis(axis, digits=None)
        legend(axis, 2)
    return made.svg


def inhibited(found: Numbers) -> str:
    """Draw a neuron's rate under shunt and GABA_B against that without, beside a division."""
    rates = found["rate_hz"]
    with drawing() as made:
        axis = made.axes()
        divided = [hz / found["divisor"] for hz in rates["none"]]
        axis.plot(rates["none"], divided, color=MUTED, ls=(0, (4, 2)), label="divided")
        for shade, case, name in ((SERIES[0], "shunt", "shunt"), (SERIES[1], "gaba", "GABA_B")):
            axis.plot(rates["none"], rates[case], "o-", color=shade, ms=3.5, label=name)
        axis.set(xlabel="rate without inhibition, Hz", ylabel="rate, Hz")
        legend(axis, 3)
    return made.svg


def bars(values: Mapping[str, float], *, across: str, fractions: bool = False) -> str:
    """Draw a bar a name, from the first downwards."""
    names = list(values)
    with drawing(height=70 + 22 * len(names)) as made:
        axis = made.axes()
        axis.barh(range(len(names)), list(values.values()), color=C1, alpha=0.75, height=0.66)
        axis.set_yticks(range(len(names)), names)
        axis.set_ylim(len(names) - 0.5, -0.5)
        axis.grid(visible=False, axis="y")
        axis.grid(visible=True, axis="x")
        axis.set(xlabel=across)
        if fractions:
            axis.axvline(1 / len(names), color=C4, lw=1.2, ls=(0, (4, 2)), label="chance")
            axis.set_xlim(0, 1)
            percent_axis(axis, which="x")
            legend(axis, 1)
    return made.svg


def _panels(made: Any, cores: Sequence[Numbers]) -> "Iterator[tuple[Axes, Numbers]]":  # noqa: ANN401
    """Yield a square for every core of a chip, two in a row."""
    rows = ceil(len(cores) / 2)
    axes = made.axes(rows, 2, squeeze=False)
    for axis, core in zip(axes.flat, cores, strict=False):
        side = _side(core["map"])
        axis.set(
            xlim=(0, side),
            ylim=(ceil(len(core["map"]) / side), 0),
            aspect="equal",
            xticks=[],
            yticks=[],
            title=f"core {core['chip']}.{core['core']}",
        )
        axis.grid(visible=False)
        yield axis, core
    for axis in axes.flat[len(cores) :]:
        axis.set_axis_off()


def _runs(values: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield row, first column, length and value of neighbours alike in a square of values."""
    side = _side(values)
    for y in range(0, len(values), side):
        x = 0
        for value, same in groupby(values[y : y + side]):
            width = len(list(same))
            yield y // side, x, width, value
            x += width


def _side(values: Sequence[int]) -> int:
    return isqrt(len(values) - 1) + 1
