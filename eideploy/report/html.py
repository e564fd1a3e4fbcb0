"""A page as one HTML file: style and drawings inside, nothing fetched, nothing run."""

import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from eideploy.report.canvas import RAMPED, ROLES, drawn, themed
from eideploy.report.sections import Bar, Figure, Page, Table

HERE = Path(__file__).parent
TEMPLATE, STYLE = "page.html.j2", "page.css"


def render(page: Page) -> str:
    """Return the HTML of a page; every text in it is escaped, drawings are taken as they are."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"drawn": drawn, "themed": themed, "link": link}
    environment.tests |= {
        "table": lambda part: isinstance(part, Table),
        "figure": lambda part: isinstance(part, Figure),
        "bar": lambda cell: isinstance(cell, Bar),
    }
    style = (HERE / STYLE).read_text(encoding="utf-8")
    return environment.get_template(TEMPLATE).render(page=page, style=style)


def link(svg: str) -> str:
    """Return an SVG file in the colours of paper as a link that holds it."""
    colours = palette()
    for colour, role in ROLES.items():
        svg = svg.replace(colour, colours[role])
    ends = [bytes.fromhex(colours[f"var(--{end})"][1:]) for end in ("first", "last")]

    def mixed(match: re.Match[str]) -> str:
        share = int(match[1]) / 100
        return f"#{bytes(round(a + share * (b - a)) for a, b in zip(*ends, strict=True)).hex()}"

    svg = re.sub(RAMPED, mixed, svg)
    svg = re.sub(r"<metadata.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    return f"data:image/svg+xml;base64,{b64encode(svg.encode()).decode()}"


@cache
def palette() -> dict[str, str]:
    """Return the colours of the style sheet's first block, by their variables."""
    block = (HERE / STYLE).read_text(encoding="utf-8").partition("}")[0]
    return {f"var({name})": value for name, value in re.findall(r"(--\w+): (#[0-9a-f]{6})", block)}
