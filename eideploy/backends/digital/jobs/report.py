"""Job: the report of a build of a program, as a page to look at and as numbers."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.digital.build import Build, load_build
from eideploy.backends.digital.executors import EXECUTORS
from eideploy.backends.digital.jobs.dividers import (
    Synthesis,
    compared,
    divider_table,
    dividers_text,
    methods,
)
from eideploy.backends.digital.jobs.verify import Run, run_executors
from eideploy.backends.digital.options import BUILT, STUDIED, WRITTEN, Reporting
from eideploy.backends.digital.passes import passes_of
from eideploy.backends.digital.report.accuracy import accuracy_text
from eideploy.backends.digital.report.advice import advice
from eideploy.backends.digital.report.page import build_page
from eideploy.backends.digital.report.provenance import provenance
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.synthesis import TOOLS, require_router
from eideploy.backends.digital.sweep.sweep import found_sweep
from eideploy.backends.digital.validate.study import Study, study
from eideploy.circuit import Array
from eideploy.data.origin import Place
from eideploy.flow import training_report
from eideploy.flow.neurobench import benchmarked, neurobench_text, require_neurobench
from eideploy.flow.requests.report import KEPT, Report
from eideploy.flow.requests.shared import READING
from eideploy.flow.result import Reported
from eideploy.flow.samples import note_fewer, samples_of
from eideploy.flow.stock import NOT_RUN
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.progress import Advance, bar
from eideploy.report.sections import Table
from eideploy.validate.ladder import affordable

MOST_SAMPLES = 512  # unless another number is asked for; of large networks fewer
COMPARED = 128  # of them, with every divider
VERIFIED = 64  # of them, in every other program


def report(request: Report, folder: Path) -> Reported:
    """Return the report of a build; with --text its dividers alone.

    Raises:
        UsageError: options that have no effect; yosys is asked for and not installed.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    reporting = part_of(request, Reporting)
    if reporting.fmax:
        require_router(reporting.synth or "")
    if reporting.synth:
        tools.require(TOOLS, where="--synth")
    if reporting.neurobench:
        require_neurobench()
    if reporting.text:
        refuse_idle(request, (BUILT, STUDIED, READING), here="with --text")
    if reporting.input is not None:
        refuse_idle(request, (BUILT, STUDIED, KEPT, WRITTEN), here="on samples of your own")
    build = load_build(folder)
    numbers = _numbers(build, reporting, request.place())
    content, measured = numbers.content, numbers.measured
    if measured is None:
        return Reported(text=numbers.text, content={"build": str(folder), **content}, page=None)
    layers = [layer.layer for layer in measured.layers]
    initially = training_report.initial_currents(build.content, layers)
    as_numbers = None if initially is None else {k: asdict(bins) for k, bins in initially.items()}
    return Reported(
        text=numbers.text,
        content=content | {"initially": as_numbers},
        page=build_page(measured, content, initially, numbers.dividers),
        exit_code=0 if content.get("neurobench", {}).get("agrees", True) else 1,
    )


@dataclass(frozen=True, kw_only=True)
class _Numbers:
    """What is measured of a build; with --text its dividers alone."""

    content: dict[str, Any]
    text: str
    dividers: Table | None
    measured: Study | None = None


def _numbers(build: Build, request: Reporting, place: Place) -> _Numbers:
    """Return every number of a build's report."""
    count = request.samples or affordable(build.circuit, MOST_SAMPLES)
    samples, labels = samples_of(
        build,
        input_file=as_path(request.input),
        split=None,
        count=count,
        place=place,
        or_kept=True,
    )
    note_fewer(request.samples, len(samples))
    synthesis = Synthesis(family=request.synth, route=request.fmax) if request.synth else None
    few = slice(None if request.samples else COMPARED)
    some = None if labels is None else labels[few]
    executors = [] if request.text else EXECUTORS
    total = len(methods(build)) + len(executors) + (0 if request.text else len(samples))
    with bar("report", total) as advance:
        rows = compared(build, samples[few], some, synthesis, advance=advance)
        text = dividers_text(build, rows, samples=len(samples[few]), synthesis=synthesis)
        table = divider_table(rows, samples=len(samples[few])) if rows else None
        counts = {}
        if request.neurobench:
            counts["neurobench"] = benchmarked(build.program.circuit, np.asarray(samples))
            text += f"\n\n{neurobench_text(counts['neurobench'])}"
        if request.text:
            divided: dict[str, Any] = {"rows": [asdict(row) for row in rows], **counts}
            return _Numbers(content=divided, text=text, dividers=table)
        measured = study(build.circuit, build.program, samples, labels, advance=advance)
        text = "\n\n".join(part for part in (text, accuracy_text(measured)) if part)
        executed = _executed(build, samples, labels, request, advance)
    passes = passes_of(build)
    content: dict[str, Any] = {
        "dividers": [asdict(row) for row in rows],
        "dividers_samples": len(samples[few]),
        **counts,
        **asdict(measured),
        "executors": [row.content for row in executed],
        "format": 1,
        "kind": "eideploy report of a build",
        "provenance": provenance(build, len(samples), as_path(request.input)),
        "ladder": None if passes is None else asdict(passes),
        "sweep": found_sweep(build.compiled),
    }
    content["advice"] = [asdict(notice) for notice in advice(content)]
    return _Numbers(content=content, text=text, dividers=table, measured=measured)


def _executed(
    build: Build, samples: Array, labels: Array | None, request: Reporting, advance: Advance
) -> list[Run]:
    """Run what can run at once; the rest is named with what runs it."""
    now = [e for e in EXECUTORS if request.verify or not build.holds(e.artefact) or e.ready(build)]
    rows = run_executors(
        build,
        samples[:VERIFIED],
        None if labels is None else labels[:VERIFIED],
        now,
        advance=advance,
    )
    later = [
        Run(
            artefact=e.artefact,
            checked_by=e.label,
            result=NOT_RUN,
            reason=e.missing or "its simulator must be built first: eideploy report --verify",
        )
        for e in EXECUTORS
        if e not in now
    ]
    return rows + later
