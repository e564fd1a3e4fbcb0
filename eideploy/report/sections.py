"""What a report consists of, whatever it is on: values that are rendered, and decide nothing."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eideploy.report.canvas import Chart

GRADES = ("error", "warning", "note")  # of notices, the gravest first
MOST_NARROW = 3  # columns of a table that stands beside others


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A figure at the head of the page; `tone` is "good", "bad" or ""."""

    value: str
    name: str
    tone: str = ""


@dataclass(frozen=True)
class Notice:
    """A warning with what to do; `grade` is one of GRADES."""

    grade: str
    what: str
    fix: str


def gravest_first(notices: Iterable[Notice]) -> list[Notice]:
    """Return notices by grade, in their order within each."""
    return sorted(notices, key=lambda notice: GRADES.index(notice.grade))


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A chart.

    key      where its numbers are in report.json, with dots between the keys
    samples  how many it was counted on, which its title says; None where that is no question
    """

    title: str
    chart: Chart
    key: str
    caption: str = ""
    samples: int | None = None

    @property
    def file(self) -> str:
        """What its SVG is called when it is saved."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-") + ".svg"


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A cell with a bar of which `share` is filled; `mark` is another place on it."""

    text: str
    share: float
    mark: float | None = None

    @property
    def filled(self) -> str:
        """How much is filled, for a style sheet."""
        return f"{100 * min(1.0, max(0.0, self.share)):.4g}%"


Cell = str | Bar


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells, the first column names; `key` as of a figure."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    key: str
    caption: str = ""
    folded: bool = False  # shown when asked for
    broad: bool = False  # its cells are long

    @property
    def wide(self) -> bool:
        """Whether it takes the whole width."""
        return self.folded or self.broad or len(self.head) > MOST_NARROW or not self.head[0]

    @property
    def aligned(self) -> list[str]:
        """To which side every column goes: words left, numbers right."""
        columns = list(zip(*self.rows, strict=True)) or [()] * len(self.head)
        return ["right" if all(map(_is_number, c)) else "left" for c in columns]


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, Bar) or cell == "" or cell[0] in "0123456789-+<>"


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the page: words, then tables and figures in their order."""

    id: str
    title: str
    text: str = ""
    parts: Sequence[Table | Figure] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole report."""

    title: str
    subtitle: str
    tiles: Sequence[Tile]
    notices: Sequence[Notice]
    sections: Sequence[Section]
    footer: str


def hash_table(sha256: Mapping[str, str | None]) -> Table:
    """Return the table of the files that a manifest vouches for."""
    return Table(
        title="SHA-256 of every file",
        head=["file", "SHA-256"],
        rows=[[name, value or "-"] for name, value in sha256.items()],
        key="provenance.sha256",
        folded=True,
    )


def footer(provenance: Mapping[str, Any]) -> str:
    """Return what stands below a page, of its provenance."""
    versions = provenance["versions"]
    return (
        f"Made {provenance['reported']} by eideploy {versions['eideploy']}, "
        f"Python {versions['python']}, "
        f"numpy {versions['numpy']}. The numbers of every figure are in report.json beside this "
        "page, under the name in its data-key."
    )


def of_two_releases(made_by: str, release: str) -> Iterator[Notice]:
    """Yield that a build was made by another release than its report, where it was."""
    if made_by != release:
        yield Notice(
            "note",
            f"the build was made by eideploy {made_by}, this report by {release}",
            "compile the run again to have both of one release",
        )
