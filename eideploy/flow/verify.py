"""Job: check every file of a build, by what its backend compares it with.

A build's files are data. What runs is installed with this tool, or is another program.
"""

from dataclasses import asdict
from pathlib import Path

from eideploy import folders
from eideploy.backends import families
from eideploy.errors import UsageError
from eideploy.flow.builds import latest_able, note_latest, taking
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Result, Row, Verified
from eideploy.flow.stock import (
    DIFFERS,
    EQUAL,
    FAILED,
    NOT_RUN,
    stock_counts,
    stock_hint,
    stock_text,
    stock_verdict,
)
from eideploy.flow.warning import with_warnings
from eideploy.options import as_path, refuse_others
from eideploy.report.text import counted, table


def verify(request: Verify) -> Result:
    """Compare a build's files with what they were made from, and with each other.

    Raises:
        UsageError: nothing to verify; options that have no effect.
        FormatError: a damaged build.
        DataError: samples that do not fit the network.
    """
    folder = _folder(request)
    family = families.of_build(folder)
    own = family.options.get("verify")
    refuse_others(request, own, here=f"on {folder}, a build for {family.kind}")
    return _result(folder, family.verify(request, folder), request.verbose)


def _result(build: Path, verified: Verified, verbose: bool) -> Result:  # noqa: FBT001
    rows, items = verified.rows, verified.items
    visible = [row for row in rows if verbose or row.result != NOT_RUN or _is_there(build, row)]
    hidden = {row.artefact for row in rows if row not in visible}
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
        table(list(rows[0].heads if rows else Row.heads), [row.cells for row in visible]),
        *(["", *remarks] if remarks else []),
        *(["", f"not in this build, not checked (-v): {', '.join(sorted(hidden))}"] * bool(hidden)),
        "",
        *([stock_text(items), "", *stock_hint(verified.manifest, items)] if items else []),
        "; ".join([_verdict(verified, gaps, others), *([stock_verdict(items)] if items else [])]),
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


def _verdict(verified: Verified, gaps: int, others: int) -> str:
    if gaps:
        whole = "files of this build differ from what they are compared with"
        alone = "what was run differs from the simulator"
        return f"{counted(gaps, 'gap')}: {whole if verified.items else alone}"
    if others:
        return f"{counted(others, 'gap')}: this build is not what eideploy writes"
    ran = sum(row.result == EQUAL for row in verified.rows)
    return f"no gap: {counted(ran, 'comparison')}, all equal"


def _folder(request: Verify) -> Path:
    folder = as_path(request.build)
    build = folder or latest_able(taking(request, "verify"))
    if build is None:
        raise UsageError(
            "there is no build", where=f"folder {folders.BUILDS}", fix="make one: eideploy compile"
        )
    if folders.kind_of(build, wanted=[folders.BUILD]) != folders.BUILD:
        raise UsageError(
            "the folder is a run", where=str(build), fix="name a build, which compile writes"
        )
    if folder is None:
        note_latest(build)
    return build
