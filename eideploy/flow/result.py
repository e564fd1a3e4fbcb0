"""What a job gives back, and what a backend gives the jobs of every one.

The same facts as text for people and as data for machines.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.shown import Shown

if TYPE_CHECKING:
    from eideploy.circuit import Array
    from eideploy.data.own.inputs import View
    from eideploy.flow.stock import Item
    from eideploy.report.sections import Page


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Shown):
    """`text` for the terminal, `content` for `--json`, 1 for a check that failed."""

    text: str
    content: Mapping[str, Any]
    exit_code: int = 0

    def in_a_line(self) -> str:
        """Return the first line of the text."""
        return self.text.partition("\n")[0]

    def in_full(self) -> str:
        """Return the text."""
        return self.text

    @property
    def folder(self) -> Path:
        """The sweep, build or run that the job wrote, or else worked on.

        Raises:
            LookupError: it did neither, as when targets are listed.
        """
        for key in ("sweep", "build", "run", "simulated"):
            if key in self.content:
                return Path(self.content[key])
        raise LookupError(f"no folder among {', '.join(self.content)}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Oracle:
    """A network that is asked.

    described  what it is, in words
    meaning    what its scores are, in words
    names      of the classes, or their numbers
    view       what it sees of samples
    scores     of samples (B, ...) or (B, T, ...), (B, classes)
    """

    folder: Path
    described: str
    meaning: str
    names: Sequence[str]
    view: "View"
    scores: "Callable[[Array], Array]"


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A report.

    content    its numbers
    text       what the terminal shows of them
    page       what a reader looks at; None: nothing is to be written
    exit_code  1 for a check that failed
    """

    content: Mapping[str, Any]
    text: str
    page: "Page | None"
    exit_code: int = 0


@dataclass(frozen=True, kw_only=True)
class Row:
    """Files of a build, by what they were checked, and what came out.

    artefact    which files, as a pattern
    checked_by  what compared them
    result      EQUAL, DIFFERS, FAILED or NOT_RUN
    reason      of all but EQUAL
    """

    heads: ClassVar[Sequence[str]] = ("artefact", "checked by", "result", "reason")

    artefact: str
    checked_by: str
    result: str
    reason: str = ""

    @property
    def label(self) -> str:
        """What compared it."""
        return self.checked_by

    @property
    def content(self) -> dict[str, Any]:
        """What `--json` says of it."""
        return asdict(self)

    @property
    def cells(self) -> list[str]:
        """What stands in the table, under `heads`."""
        return [self.artefact, self.checked_by, self.result, self.reason]


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What came out of the checks of a build.

    said       what was compared, in lines above the table
    rows       the comparisons
    items      what is known of every file
    manifest   what the build's manifest says
    facts      more for `--json`
    remarks    lines below the table
    warnings   what is wrong with the network beside that
    """

    said: str
    rows: Sequence[Row]
    items: "Sequence[Item]"
    manifest: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    warnings: Sequence[str] | None = None
