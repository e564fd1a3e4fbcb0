"""A sweep's picture: accuracy against cycles, weights, table and contrast."""

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eideploy.backends.digital.sweep.cells import Baseline, Figures, Point, compared_cells, means

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLES = {
    "cycles": ("thousand cycles per inference", 1000),
    "weight_bits": ("weights, KiB", 8192),
    "table_bits": ("table of the division, bits", 1),
}
MARKERS = "osD^v<>PX*"
NEAR = 0.5  # points of a hundred within which the axis of accuracies is about linear
WIDTH, HEIGHT = 4.0, 4.2  # inches, of a panel
Points = Sequence[Point]


def sweep_plot(rows: Sequence[Figures], baseline: Baseline | None) -> bytes:
    """Return an SVG of every combination's mean accuracy against its costs, fronts joined.

    A colour is a scheme, a marker a division. Without labels it is the agreement with the float
    network. Where contrasts were asked for, a panel has the first scheme's accuracies at them.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    points = compared_cells(rows)
    panels = len(TITLES) + bool(rows[0].contrast)
    figure = Figure(figsize=(WIDTH * panels, HEIGHT), layout="constrained")
    canvas = FigureCanvasSVG(figure)
    axes = figure.subplots(1, panels, sharey=True)
    for axis, cost in zip(axes, TITLES, strict=False):
        _costs(axis, points, cost)
    if rows[0].contrast:
        _contrasts(axes[-1], rows, points, baseline)
    _stretch(axes[0])
    axes[0].set_ylabel(f"{points[0].measure}, %")
    _legend(figure, points)
    file = io.BytesIO()
    # the same bytes for the same figures, with letters that can be searched
    with rc_context({"svg.hashsalt": "eideploy", "svg.fonttype": "none"}):
        canvas.print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return file.getvalue()


def _looks(points: Points, name: str, of: Sequence[str]) -> dict[str, str]:
    """Return a look for every scheme or division, in their order."""
    names = dict.fromkeys(getattr(point, name) for point in points)
    return {each: of[place % len(of)] for place, each in enumerate(names)}


def _colours(points: Points) -> dict[str, str]:
    return _looks(points, "scheme", [f"C{place}" for place in range(10)])


def _markers(points: Points) -> dict[str, str]:
    return _looks(points, "division", MARKERS)


def _costs(axis: "Axes", points: Points, cost: str) -> None:
    title, unit = TITLES[cost]
    colours, markers = _colours(points), _markers(points)
    best = sorted((getattr(p, cost) / unit, 100 * p.value) for p in points if cost in p.front)
    axis.plot(*zip(*best, strict=True), "k-", lw=0.8, zorder=1)
    for p in points:
        axis.plot(
            getattr(p, cost) / unit,
            100 * p.value,
            markers[p.division],
            color=colours[p.scheme],
            markersize=5,
            alpha=0.8,
        )
    axis.set_xlabel(title)
    axis.grid(visible=True, alpha=0.3)


def _contrasts(
    axis: "Axes", rows: Sequence[Figures], points: Points, baseline: Baseline | None
) -> None:
    """Draw the first scheme's accuracies, the float network's and the baseline's."""
    scheme, policy, form = (getattr(points[0], name) for name in ("scheme", "policy", "inhibition"))
    at = [entry["contrast"] for entry in rows[0].contrast]
    own = [r for r in rows if (r.scheme, r.policy, r.inhibition) == (scheme, policy, form)]
    for division, marker in _markers(points).items():
        accuracies = means([r for r in own if r.division == division], "integer")
        _course(axis, at, accuracies, f"{marker}-", color=_colours(points)[scheme])
    first = [r for r in own if r.division == points[0].division]
    _course(axis, at, means(first, "float"), "k-", lw=2, alpha=0.5, label="E-I, float")
    if baseline is not None:
        accuracies = [entry["float"] for entry in baseline.contrast]
        _course(axis, at, accuracies, "k:", lw=2, label="BatchNorm, float")
    axis.set_xlabel(f"contrast of the input, {scheme}")
    axis.legend(fontsize=8, loc="lower right")
    axis.grid(visible=True, alpha=0.3)


def _course(
    axis: "Axes",
    at: Sequence[float],
    accuracies: Sequence[float],
    look: str,
    **kw: Any,  # noqa: ANN401 - as matplotlib takes them
) -> None:
    """Draw accuracies over contrasts, by rising contrast."""
    pairs = sorted((a, 100 * f) for a, f in zip(at, accuracies, strict=True))
    axis.plot(*zip(*pairs, strict=True), look, **{"markersize": 4, "lw": 1} | kw)


def _stretch(axis: "Axes") -> None:
    """Give the last points below a hundred most of the axis."""
    low = axis.get_ylim()[0]

    def there(y: Any) -> Any:  # noqa: ANN401 (an array)
        return -np.log(np.maximum(100 - y, -NEAR / 2) + NEAR)

    def back(z: Any) -> Any:  # noqa: ANN401 (an array)
        return 100 + NEAR - np.exp(-z)

    axis.set_yscale("function", functions=(there, back))
    axis.set_ylim(low, 100.1)
    every = [y for y in (0, 50, 70, 80, 90, 95, 97, 98, 99, 99.5, 100) if y >= math.floor(low)]
    axis.set_yticks(every, [f"{y:g}" for y in every])


def _legend(figure: "Figure", points: Points) -> None:
    from matplotlib.lines import Line2D

    colours, markers = _colours(points), _markers(points)
    handles = [Line2D([], [], color=c, marker="s", ls="", label=s) for s, c in colours.items()]
    handles += [Line2D([], [], color="0.4", marker=m, ls="", label=d) for d, m in markers.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8)
