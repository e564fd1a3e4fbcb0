"""A page as one HTML file: style and drawings inside, nothing fetched, nothing run."""

from pathlib import Path

from eideploy.report.canvas import drawn, link, themed
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
