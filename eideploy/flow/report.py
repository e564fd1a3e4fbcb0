"""Job: the report of a build or a run, as a page to look at and as numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends import families
from eideploy.errors import DataError, UsageError
from eideploy.files import MANIFEST, read_json, write_atomic, write_json
from eideploy.flow import training_report
from eideploy.flow.build_files import NUMBERS, PAGE
from eideploy.flow.builds import latest_able, note_latest, taking
from eideploy.flow.requests.report import KEPT, Report
from eideploy.flow.result import Reported, Result
from eideploy.options import as_path, refuse_idle, refuse_others
from eideploy.progress import note
from eideploy.report.files import write_figures
from eideploy.report.html import render
from eideploy.report.sections import Page
from eideploy.report.text import counted
from eideploy.staging import require_folder, sole_writing

FORMAT = "svg"  # of figures, unless another is asked for


def report(request: Report) -> Result:
    """Write the report of a build, or of a run, beside it.

    Raises:
        UsageError: neither a build nor a run; options that have no effect; yosys is asked for and
            not installed.
        FormatError: a damaged build or run.
        DataError: samples that do not fit the network; a folder that is none, or that cannot be
            written.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    if request.format and request.figures is None:
        raise UsageError(
            "--format has no effect without --figures",
            where="--format",
            fix="name a folder for the figures, --figures DIR, or leave it out",
        )
    if request.figures is not None and _is_finished(Path(request.figures)):
        raise UsageError(
            "the folder for the figures is a finished run or build, which keeps what was written",
            where=f"--figures {request.figures}",
            fix="name a folder of its own for the figures",
        )
    for option, place in (("--out", request.out), ("--figures", request.figures)):
        if place is not None:
            require_folder(Path(place), option=option)
    folder = _folder(request)
    if folders.kind_of(folder) == folders.RUN:
        refuse_idle(request, (KEPT,), here=f"on {folder}, a run, which holds no program")
        return _written(request, folder, _of_run(folder))
    family = families.of_build(folder)
    own = family.options.get("report")
    refuse_others(request, own, here=f"on {folder}, a build for {family.kind}")
    return _written(request, folder, family.report(request, folder))


def _of_run(run: Path) -> Reported:
    family = None if folders.is_unfinished(run) else families.of_run(run)
    if family is not None and family.trainer is not None:
        return family.trainer.report(run)
    content = training_report.numbers(run)
    return Reported(
        content=content, text=training_report.text(content), page=training_report.page(content)
    )


def _written(request: Report, source: Path, reported: Reported) -> Result:
    text, content = reported.text, reported.content
    if reported.page is not None:
        place = as_path(request.out) or source
        with sole_writing(place):
            written = _write(place, source, render(reported.page), content)
        text += f"\n\nreport  {written / PAGE}"
        content = {**content, "page": str(written / PAGE)}
        if request.figures is not None:
            files = _drawn(reported.page, Path(request.figures), request.format or (FORMAT,))
            text += f"\nfigures {request.figures}/ ({counted(len(files), 'file')})"
            content["figures"] = [str(file) for file in files]
    return Result(text=text, content=content, exit_code=reported.exit_code)


def _folder(request: Report) -> Path:
    named = as_path(request.folder)
    folder = named or latest_able(taking(request, "report")) or folders.latest_run()
    if folder is None:
        raise UsageError(
            "there is neither a build nor a run to report on",
            where=f"folder {folders.BUILDS}",
            fix="begin with eideploy train, then eideploy compile",
        )
    if named is None:
        if folders.kind_of(folder) == folders.BUILD:
            note_latest(folder)
        else:
            note(f"using {folder}, the latest run")
    return folder


def _write(place: Path, source: Path, page: str, content: Mapping[str, Any]) -> Path:
    """Write both files; those that a manifest vouches for are left alone."""
    listed = read_json(place / MANIFEST).get("files", {}) if _is_finished(place) else {}
    if protected := [name for name in (PAGE, NUMBERS) if name in listed]:
        raise UsageError(
            f"the manifest protects a {protected[0]} that another release wrote",
            where=str(source),
            fix="name another folder with --out",
        )
    write_json(place / NUMBERS, content)
    write_atomic(place / PAGE, page.encode())
    return place


def _drawn(page: Page, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write the figures of a page, into a new folder or one that is there.

    Raises:
        DataError: a folder that cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_figures(page, folder, formats)
    except OSError as error:
        raise DataError(
            f"cannot write the figures: {error.strerror}",
            where=str(folder),
            fix="name another folder",
        ) from error


def _is_finished(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()
