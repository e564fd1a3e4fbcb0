"""The figures of a page as files of their own, in the colours of paper."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy.report.canvas import POINTS, RAMPED, ROLES, SETTINGS, WIDTH, Chart
from eideploy.report.html import palette
from eideploy.report.sections import Figure, Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

COLOURED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")
DPI = 200  # of png files
DATES = {".svg": ("Date",), ".pdf": ("CreationDate",)}


def write_figures(page: Page, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write every figure of a page into an existing folder, once in each format."""
    files: list[Path] = []
    for name, figure in named_figures(page):
        paths = [folder / f"{name}.{suffix}" for suffix in formats]
        save(figure.chart, *paths)
        files += paths
    return files


def named_figures(page: Page) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of a page, each with a name for its file: section, title, number."""
    names: set[str] = set()
    for section in page.sections:
        for part in section.parts:
            if isinstance(part, Figure):
                plain = re.sub(r"[^a-z0-9]+", "-", part.title.lower()).strip("-")
                stem = name = f"{section.id}-{plain}"
                number = 2
                while name in names:
                    name, number = f"{stem}-{number}", number + 1
                names.add(name)
                yield name, part


def save(chart: Chart, *paths: Path) -> None:
    """Draw a chart once into files; each suffix says in which format."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as Drawing

    with mpl.rc_context({**SETTINGS, "pdf.fonttype": 42}):
        drawing = Drawing(figsize=(WIDTH / POINTS, chart.tall / POINTS), layout="constrained")
        chart.compose(drawing)
        drawing.draw_without_rendering()
        _recolour(drawing)
        for path in paths:
            undated = dict.fromkeys(DATES.get(path.suffix, ()))
            drawing.savefig(path, facecolor="white", dpi=DPI, metadata=undated)


def _recolour(drawing: "Drawing") -> None:
    """Give everything that is drawn the colour that its role has on paper."""
    from matplotlib.colors import to_rgba_array

    for artist in drawing.findobj():
        for name in COLOURED:
            get, put = (getattr(artist, f"{way}_{name}", None) for way in ("get", "set"))
            if get is None or put is None:
                continue
            drawn = get()
            if isinstance(drawn, str) and drawn in ("none", "auto"):
                continue
            before = to_rgba_array(drawn)
            after = to_rgba_array([_on_paper(tuple(map(float, colour))) for colour in before])
            if len(before) and (before != after).any():
                put(after if len(after) > 1 else after[0])


def _on_paper(colour: tuple[float, ...]) -> tuple[float, ...]:
    """Return the colour of a role, as any other, with the opacity that it had."""
    from matplotlib.colors import to_hex, to_rgb

    text, colours = to_hex(colour), palette()  # type: ignore[arg-type]
    if text in ROLES:
        return (*to_rgb(colours[ROLES[text]]), colour[3])
    if match := re.fullmatch(RAMPED, text):
        first, last = to_rgb(colours["var(--first)"]), to_rgb(colours["var(--last)"])
        share = int(match[1]) / 100
        mixed: Any = (a + share * (b - a) for a, b in zip(first, last, strict=True))
        return (*mixed, colour[3])
    return colour
