"""Job: check every file of a build, by what its backend compares it with.

A build's files are data. What runs is installed with this tool, or is another program.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from eideploy import folders
from eideploy.backends import families
from eideploy.errors import UsageError
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Result
from eideploy.flow.stock import (
    DIFFERS,
    EQUAL,
    FAILED,
    NOT_RUN,
    Item,
    stock_counts,
    stock_hint,
    stock_text,
    stock_verdict,
)
from eideploy.flow.warning import with_warnings
from eideploy.options import as_path, refuse_others
from eideploy.progress import note
from eideploy.report.text import counted, table


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
    items: Sequence[Item]
    manifest: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    warnings: Sequence[str] | None = None


def verify(request: Verify) -> Result:
    """Compare a build's files with what they were made from, and with each other.

    Raises:
        UsageError: nothing to verify; options that have no effect.
        FormatError: a damaged build.
        DataError: samples that do not fit the network.
    """
    folder = _folder(as_path(request.build))
    family = families.of_build(folder)
    own = family.options.get("verify")
    refuse_others(request, own, here=f"on {folder}, a build for {family.kind}")
    return _result(folder, family.verify(request, folder), request.verbose)


def _result(build: Path, verified: Verified, verbose: bool) -> Result:  # noqa: FBT001
    rows, items = verified.rows, verified.items
    shown = [row for row in rows if verbose or row.result != NOT_RUN or _is_there(build, row)]
    hidden = {row.artefact for row in rows if row not in shown}
    remarks = [
        remark
        for remark in verified.remarks
        if not any(remark.strip().startswith(f"not run: {name},") for name in hidden)
    ]
    gaps = sum(row.result in (DIFFERS, FAILED) for row in rows)
    others = stock_counts(items)["gap"]
    text = [
        f"verified build {build}{verified.said}",
        "",
        table(list(rows[0].heads if rows else Row.heads), [row.cells for row in shown]),
        *(["", *remarks] if remarks else []),
        *(["", f"not in this build, not checked (-v): {', '.join(sorted(hidden))}"] * bool(hidden)),
        "",
        stock_text(items),
        "",
        *stock_hint(verified.manifest, items),
        f"{_verdict(rows, gaps, others)}; {stock_verdict(items)}",
    ]
    result = Result(
        text="\n".join(text),
        content={
            "build": str(build),
            **verified.facts,
            "equal": not gaps and not others,
            "rows": [row.content for row in rows],
            "files": [asdict(item) for item in items],
            "counts": stock_counts(items),
        },
        exit_code=1 if gaps or others else 0,
    )
    return result if verified.warnings is None else with_warnings(result, verified.warnings)


def _is_there(build: Path, row: Row) -> bool:
    """Return whether the build has the files of a row, which were asked for then."""
    return any(build.glob(row.artefact))


def _verdict(rows: Sequence[Row], gaps: int, others: int) -> str:
    if gaps:
        return (
            f"{counted(gaps, 'gap')}: files of this build differ from what they are compared with"
        )
    if others:
        return f"{counted(others, 'gap')}: this build is not what eideploy writes"
    ran = sum(row.result == EQUAL for row in rows)
    return f"no gap: {counted(ran, 'comparison')}, all equal"


def _folder(folder: Path | None) -> Path:
    found = folder or folders.latest_build()
    if found is None:
        raise UsageError(
            "there is no build", where=f"folder {folders.BUILDS}", fix="make one: eideploy compile"
        )
    if folders.kind_of(found, wanted=[folders.BUILD]) != folders.BUILD:
        raise UsageError(
            "the folder is a run", where=str(found), fix="name a build, which compile writes"
        )
    if folder is None:
        note(f"using {found}, the latest build")
    return found
