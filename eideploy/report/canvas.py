"""Drawings as inline SVG whose colours and letters are the page's.

matplotlib draws with colours that stand for roles; in the SVG each becomes a variable of the style
sheet, so that one drawing serves light, dark and paper. A drawing is as wide as a phone shows it.
"""

import io
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 360, 230  # points, which the page shows as pixels
POINTS = 72  # an inch
# Roles, as the colours that stand for them; page.css gives them their values.
ROLES = {
    "#a10001": "var(--c1)",
    "#a10002": "var(--c2)",
    "#a10003": "var(--c3)",
    "#a10004": "var(--c4)",
    "#a10005": "var(--c5)",
    "#a10006": "var(--c6)",
    "#a1000a": "var(--ink)",
    "#a1000b": "var(--muted)",
    "#a1000c": "var(--grid)",
    "#a1000d": "var(--surface)",
}
C1, C2, C3, C4, C5, C6, INK, MUTED, GRID, SURFACE = ROLES
SERIES = (C1, C2, C3, C4, C5, C6)
SETTINGS: dict[Any, Any] = {  # matplotlib lists every key of its own as a type
    "svg.fonttype": "none",
    "svg.hashsalt": "eideploy",
    "font.size": 10.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}
RAMP = "#a2{:02d}00"  # the way from a first to a last one, in 0..99 hundredths
RAMPED = RAMP.format(0).replace("00", r"(\d\d)", 1)


class Chart:
    """What a figure shows, as numbers; `svg` draws it.

    Attributes:
        height: of the drawing, in points.
    """

    height: ClassVar[float] = HEIGHT

    @property
    def tall(self) -> float:
        """How tall this one is drawn, in points."""
        return self.height

    def compose(self, figure: "Figure") -> None:
        """Draw all of it: on one pair of axes, unless it has several panels."""
        self.draw(figure.subplots())

    def draw(self, axis: "Axes") -> None:
        """Draw it on a pair of axes."""
        raise NotImplementedError


def drawn(chart: Chart) -> str:
    """Return a chart as an SVG file whose colours are roles."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=(WIDTH / POINTS, chart.tall / POINTS), layout="constrained")
        canvas = FigureCanvasSVG(figure)
        chart.compose(figure)
        file = io.BytesIO()
        canvas.print_svg(file, metadata={"Date": None})  # type: ignore[no-untyped-call]
    return file.getvalue().decode()


def themed(svg: str) -> str:
    """Return an SVG file as an element of a page: roles for colours, names of its own."""
    svg = svg[svg.index("<svg") :]
    own = f"f{sha256(svg.encode()).hexdigest()[:8]}-"
    svg = re.sub(r"<(metadata|style).*?</\1>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' transform="rotate\(-0 [^"]*"', "", svg)
    svg = re.sub(r"font(-family)?: ([\d.]+px )?'DejaVu Sans'[^;\"]*", _font, svg)
    for colour, role in ROLES.items():
        svg = svg.replace(colour, role)
    svg = re.sub(RAMPED, r"color-mix(in oklab, var(--last) \1%, var(--first))", svg)
    svg = re.sub(r'\bid="', f'id="{own}', svg)
    svg = re.sub(r'href="#', f'href="#{own}', svg)
    svg = svg.replace("url(#", f"url(#{own}")
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    return re.sub(r"\n\s*", "\n", svg)


def ramp(place: int, count: int) -> str:
    """Return the colour of one of `count` things that have an order."""
    return RAMP.format(round(99 * place / max(1, count - 1)))


def _font(declared: "re.Match[str]") -> str:
    return f"font-size: {declared[2].strip()}" if declared[2] else "font-family: inherit"


def percent_axis(axis: "Axes", *, which: str = "y", digits: int | None = 0) -> None:
    """Label fractions as percentages, with as many digits as they need where `digits` is None."""
    from matplotlib.ticker import PercentFormatter

    getattr(axis, f"{which}axis").set_major_formatter(PercentFormatter(1.0, decimals=digits))
