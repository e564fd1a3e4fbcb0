"""Job: the report of a build or a run, as a page to look at and as numbers."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.folders import is_chip_build, is_chip_run, load_chip_build
from eideploy.backends.dynapse2.jobs import report as chip_report
from eideploy.backends.dynapse2.jobs import training_report as chip_training_report
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, read_json, write_atomic, write_json
from eideploy.flow import training_report
from eideploy.flow.build_files import NUMBERS, PAGE, PASSES
from eideploy.flow.dividers import Synthesis, compared, dividers_text, methods
from eideploy.flow.executors import EXECUTORS
from eideploy.flow.neurobench import benchmarked, neurobench_text, require_neurobench
from eideploy.flow.provenance import provenance
from eideploy.flow.requests.report import KEPT, PROGRAM, WRITTEN, Report
from eideploy.flow.requests.shared import READING
from eideploy.flow.result import Result
from eideploy.flow.samples import samples_of
from eideploy.flow.stock import NOT_RUN
from eideploy.flow.sweep import found_sweep
from eideploy.flow.verify import Row, run_executors
from eideploy.folders import Build, load_build
from eideploy.options import as_path, refuse_idle
from eideploy.progress import Advance, bar, note
from eideploy.report.advice import advice
from eideploy.report.page.build import build_page
from eideploy.report.page.render import render
from eideploy.rtl import tools
from eideploy.rtl.synthesis import TOOLS, require_router
from eideploy.staging import sole_writing
from eideploy.validate.ladder import affordable
from eideploy.validate.study import study

MOST_SAMPLES = 512  # unless another number is asked for; of large networks fewer
COMPARED = 128  # of them, with every divider
VERIFIED = 64  # of them, in every other program


def report(request: Report) -> Result:
    """Write the report of a build, or of a run, beside it.

    Raises:
        UsageError: neither a build nor a run; options that have no effect; yosys is asked for and
            not installed.
        FormatError: a damaged build or run.
        DataError: samples that do not fit the network; a folder that cannot be written.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    if request.fmax:
        require_router(request.synth or "")
    if request.synth:
        tools.require(TOOLS, where="--synth")
    if request.neurobench:
        require_neurobench()
    folder = _folder(as_path(request.folder))
    kind = folders.kind_of(folder)
    if request.text:
        return _report(request, folder, kind)
    with sole_writing(as_path(request.out) or folder):
        return _report(request, folder, kind)


def _report(request: Report, folder: Path, kind: str) -> Result:
    if kind == folders.RUN:
        refuse_idle(request, (KEPT,), here=f"on {folder}, a run, which holds no program")
        job = chip_training_report if _is_of_chip(folder) else training_report
        content = job.numbers(folder)
        page, text = job.page(content), job.text(content)
    elif is_chip_build(folder):
        refuse_idle(request, (KEPT,), here=f"on {folder}, a build for a mixed-signal chip")
        content = chip_report.numbers(load_chip_build(folder))
        page, text = chip_report.page(content), chip_report.text(content)
    else:
        if request.text:
            refuse_idle(request, (PROGRAM, READING), here="with --text")
        if request.input is not None:
            refuse_idle(request, (PROGRAM, KEPT, WRITTEN), here="on samples of your own")
        build = load_build(folder)
        content = _numbers(build, request)
        text = content.pop("text")
        if request.text:
            rows = {"build": str(folder), "rows": content["dividers"]}
            counts = {k: content[k] for k in ("neurobench",) if k in content}
            return Result(text=text, content=rows | counts)
        page = render(build_page(content))
    written = _write(as_path(request.out) or folder, folder, page, content)
    agrees = content.get("neurobench", {}).get("agrees", True)
    return Result(
        text=f"{text}\n\nreport  {written / PAGE}",
        content={**content, "page": str(written / PAGE)},
        exit_code=0 if agrees else 1,
    )


def _is_of_chip(run: Path) -> bool:
    return not folders.is_unfinished(run) and is_chip_run(run)


def _folder(named: Path | None) -> Path:
    found = named or folders.latest_build() or folders.latest_run()
    if found is None:
        raise UsageError(
            "there is neither a build nor a run to report on", where=f"folder {folders.BUILDS}",
            fix="begin with eideploy train, then eideploy compile",
        )  # fmt: skip
    if named is None:
        kind = "build" if folders.kind_of(found) == folders.BUILD else "run"
        note(f"using {found}, the latest {kind}")
    return found


def _numbers(build: Build, request: Report) -> dict[str, Any]:
    """Return every number of a build's report, with the dividers as text under "text"."""
    count = request.samples or affordable(build.circuit, MOST_SAMPLES)
    samples, labels = samples_of(
        build,
        input_file=as_path(request.input),
        split=None,
        count=count,
        place=request.place(),
    )
    synthesis = Synthesis(family=request.synth, route=request.fmax) if request.synth else None
    few = slice(None if request.samples else COMPARED)
    some = None if labels is None else labels[few]
    executors = [] if request.text else EXECUTORS
    total = len(methods(build)) + len(executors) + (0 if request.text else len(samples))
    with bar("report", total) as advance:
        rows = compared(build, samples[few], some, synthesis, advance=advance)
        content: dict[str, Any] = {
            "dividers": [asdict(row) for row in rows],
            "dividers_samples": len(samples[few]),
        }
        content["text"] = dividers_text(build, rows, samples=len(samples[few]), synthesis=synthesis)
        if request.neurobench:
            found = benchmarked(build.program.circuit, np.asarray(samples))
            content["neurobench"] = found
            content["text"] += f"\n\n{neurobench_text(found)}"
        if request.text:
            return content
        content |= study(build.circuit, build.program, samples, labels, advance=advance)
        content["executors"] = [
            asdict(row) for row in _executed(build, samples, labels, request, advance)
        ]
    content |= {
        "format": 1,
        "kind": "eideploy report of a build",
        "provenance": provenance(build, len(samples), as_path(request.input)),
        "ladder": _ladder(build),
        "sweep": found_sweep(build.content),
        "initially": training_report.initial_currents(build.content, content["layers"]),
    }
    return content | {"advice": advice(content)}


def _executed(
    build: Build, samples: Array, labels: Array | None, request: Report, advance: Advance
) -> list[Row]:
    """Run what can run at once; the rest is named with what runs it."""
    now = [e for e in EXECUTORS if request.verify or not build.holds(e.artefact) or e.ready(build)]
    rows = run_executors(
        build, samples[:VERIFIED], None if labels is None else labels[:VERIFIED], now,
        advance=advance,
    )  # fmt: skip
    later = [
        Row(
            artefact=e.artefact, executor=e.label, result=NOT_RUN,
            reason=e.missing or "its simulator is to be built first: eideploy report --verify",
        )
        for e in EXECUTORS if e not in now
    ]  # fmt: skip
    return rows + later


def _ladder(build: Build) -> Mapping[str, Any] | None:
    """Return what every pass changed, as compiling found it."""
    if not build.holds(PASSES):
        return None
    return read_json(build.folder / PASSES)


def _write(place: Path, source: Path, page: str, content: Mapping[str, Any]) -> Path:
    """Write both files; those that a manifest vouches for are left alone."""
    listed = read_json(place / MANIFEST).get("files", {}) if _is_finished(place) else {}
    if taken := [name for name in (PAGE, NUMBERS) if name in listed]:
        raise UsageError(
            f"the manifest vouches for a file {taken[0]} of another release",
            where=str(source), fix="name another folder with --out",
        )  # fmt: skip
    write_json(place / NUMBERS, content)
    write_atomic(place / PAGE, page.encode())
    return place


def _is_finished(folder: Path) -> bool:
    return (folder / MANIFEST).is_file()
