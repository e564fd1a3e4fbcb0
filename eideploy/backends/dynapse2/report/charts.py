"""The charts of a build for a mixed-signal chip."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import ceil, isqrt
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.report.canvas import C1, GRID, MUTED, SERIES, Chart, percent_axis
from eideploy.report.charts import DASHED, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = Mapping[str, Any]
LEVELS = 8  # shades of a map
OVER = 1.05  # height of a row: what lies below hides the rest, and no seam is seen


@dataclass(frozen=True)
class PopulationMap(Chart):
    """Every neuron of a chip in its place on its core, in its population's colour."""

    height: ClassVar[float] = 380
    cores: Sequence[Numbers]
    names: Sequence[str]

    def compose(self, figure: "Figure") -> None:
        """Draw a square a core."""
        here = sorted({number for core in self.cores for number in core["map"] if number >= 0})
        colour = {number: SERIES[i % len(SERIES)] for i, number in enumerate(here)}
        for axis, core in _panels(figure, self.cores):
            for y, x, width, number in _runs(core["map"]):
                axis.broken_barh([(x, width)], (y, OVER), color=colour.get(number, GRID), lw=0)
        first = figure.axes[0]
        for number in here:
            first.barh(0, 0, color=colour[number], label=self.names[number])
        first.barh(0, 0, color=GRID, label="unused")
        figure.legend(
            ncols=3,
            loc="outside upper left",
            columnspacing=1.2,
            handlelength=0.9,
            handletextpad=0.5,
            borderaxespad=0.2,
        )


@dataclass(frozen=True)
class CamMap(Chart):
    """How many of its CAMs every neuron of a chip uses: the more, the darker."""

    height: ClassVar[float] = 345
    cores: Sequence[Numbers]

    def compose(self, figure: "Figure") -> None:
        """Draw a square a core."""
        for axis, core in _panels(figure, self.cores):
            offered = core["cams"]["of_one"]
            shades = [ceil(LEVELS * n / offered) for n in core["cams_by_neuron"]]
            for y, x, width, level in _runs(shades):
                axis.broken_barh([(x, width)], (y, 1), color=GRID, lw=0)
                if level:
                    shade = 0.1 + 0.9 * level / LEVELS
                    axis.broken_barh([(x, width)], (y, 1), color=C1, alpha=shade, lw=0)


@dataclass(frozen=True)
class Mismatched(Chart):
    """The accuracy of every chip that was drawn, over the mismatch."""

    simulation: Numbers

    def draw(self, axis: "Axes") -> None:
        """Draw a dot a chip, and their means."""
        by_cv = {0.0: [self.simulation["accuracy"]]}
        by_cv |= {float(cv): values for cv, values in self.simulation["accuracy_by_cv"].items()}
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
        legend(axis)


@dataclass(frozen=True)
class OnBoards(Chart):
    """The accuracy on every emulated board, as mapped and, where that was asked for, tuned."""

    simulation: Numbers

    def draw(self, axis: "Axes") -> None:
        """Draw a line a board, from the one to the other, and the configuration's own accuracy."""
        names, exact = list(self.simulation["boards"]), self.simulation["accuracy"]
        for number, values in enumerate(zip(*self.simulation["boards"].values(), strict=True)):
            label = "a board" if number == 0 else None
            axis.plot(range(len(names)), values, "o-", color=C1, ms=5, lw=1, alpha=0.7, label=label)
        axis.axhline(exact, color=MUTED, ls=DASHED, label="biases exact, no mismatch")
        axis.set(ylabel="accuracy")
        axis.set_xticks(range(len(names)), names)
        axis.margins(x=0.3, y=0.12)
        percent_axis(axis, digits=None)
        legend(axis)


@dataclass(frozen=True)
class Inhibited(Chart):
    """A neuron's rate under shunt and GABA_B against that without, beside a division."""

    single_neuron: Numbers

    def draw(self, axis: "Axes") -> None:
        """Draw a line a kind of inhibition."""
        rates, divisor = self.single_neuron["rate_hz"], self.single_neuron["divisor"]
        divided = [hz / divisor for hz in rates["none"]]
        axis.plot(rates["none"], divided, color=MUTED, ls=DASHED, label="divided")
        for shade, case, name in ((SERIES[0], "shunt", "shunt"), (SERIES[1], "gaba", "GABA_B")):
            axis.plot(rates["none"], rates[case], "o-", color=shade, ms=3.5, label=name)
        axis.set(xlabel="rate without inhibition, Hz", ylabel="rate, Hz")
        legend(axis)


def counted_cams(cores: Sequence[Numbers]) -> list[int]:
    """Return how many neurons use 0, 1, 2.. of their CAMs."""
    counts = [0] * (cores[0]["cams"]["of_one"] + 1)
    for core in cores:
        for number, n in zip(core["map"], core["cams_by_neuron"], strict=True):
            counts[n] += number >= 0
    return counts


def _panels(figure: "Figure", cores: Sequence[Numbers]) -> "Iterator[tuple[Axes, Numbers]]":
    """Yield a square for every core of a chip, two in a row."""
    axes = figure.subplots(ceil(len(cores) / 2), 2, squeeze=False)
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
