"""Job: simulate a build, or a run that is compiled in passing."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.jobs.simulate import run_on_chip
from eideploy.circuit import Array
from eideploy.divisions import Divider
from eideploy.errors import UsageError
from eideploy.flow.compile import compile_in_memory
from eideploy.flow.executors import BESIDE, Beside
from eideploy.flow.requests.compile import Compile
from eideploy.flow.requests.shared import READING, WITHOUT_INPUT
from eideploy.flow.requests.simulate import (
    COMPILED,
    DPI,
    DPI_ON_SPLIT,
    PROGRAM,
    TRACING,
    Simulate,
    SimulateChip,
)
from eideploy.flow.result import Result
from eideploy.flow.rtl import RtlRun
from eideploy.flow.runs import find_run
from eideploy.flow.samples import require_place, samples_of
from eideploy.flow.saving import Saved
from eideploy.flow.warning import (
    IMPORTED,
    TRAINED,
    activity_warnings,
    comparison_warnings,
    with_warnings,
)
from eideploy.folders import Build, Run, load_build
from eideploy.options import as_path, refuse_idle
from eideploy.options.choices import Form
from eideploy.passes.place import place
from eideploy.pipeline import run as run_passes
from eideploy.pipeline import to_core
from eideploy.program import Program
from eideploy.progress import bar, note
from eideploy.report.text import comparison_text, counted, division_text, percent
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.observe import batches
from eideploy.simulate.trace import Trace
from eideploy.validate.activity import ActivityTally
from eideploy.validate.compare import SPIKES, compare

RUNS_PROGRAM = frozenset({"integer", *BESIDE})
BACKEND = "digital"  # whose programs the integer simulator runs
TRACED = frozenset({"spikes", "currents"})


def simulate(request: Simulate) -> Result:
    """Run samples through the float circuit and the integer program, and compare them.

    Raises:
        UsageError: nothing to simulate, options that contradict each other or have no effect.
        FormatError: a damaged run or build.
        DataError: samples that do not fit the network.
        CapacityError: a network or a division that the target does not offer.
    """
    _require_effects(request)
    if request.executor == "dpi":
        return run_on_chip(request)
    divider = request.divider()
    source = _source(request)
    _refuse_unread(request, source)
    samples, labels = samples_of(
        source,
        input_file=as_path(request.input),
        split=request.split,
        count=request.samples,
        place=request.place(),
    )
    if request.executor in BESIDE:
        samples = np.asarray(samples, np.float32)  # as other programs take them
    saved = Saved(TRACED if request.trace else frozenset())
    if request.executor == "float":
        result = _float_only(source, samples, labels, saved)
    else:
        program, described = _program(source, request, divider)
        beside = None
        if request.executor in BESIDE:
            build = source if isinstance(source, Build) else None
            beside = Beside(BESIDE[request.executor](build, program), program.circuit, samples)
        result = _integer(source, program, described, samples, labels, saved, beside)
        if beside is not None:
            result = _with(result, request.executor, beside)
    if request.save is None:
        return result
    saved.write(Path(request.save))
    content = {**result.content, "saved": str(request.save)}
    return replace(result, text=f"{result.text}\nsaved  {request.save}", content=content)


def simulate_chip(request: SimulateChip) -> Result:
    """Run samples through the chip that a build configures, with and without mismatch.

    Raises:
        UsageError: there is no build for a mixed-signal chip; options that have no effect.
        FormatError, SpecError: a damaged build.
        DataError: the data set is missing, or samples of the user's do not fit.
    """
    return simulate(Simulate(**vars(request), executor="dpi"))


def _require_effects(request: Simulate) -> None:
    effects = {
        "integer": (PROGRAM, COMPILED, TRACING),
        "float": (TRACING,),
        "dpi": (DPI, DPI_ON_SPLIT),
    }
    holding = {READING, *effects.get(request.executor, (PROGRAM, COMPILED))}
    refuse_idle(request, {*holding, WITHOUT_INPUT}, here=f"with --executor {request.executor}")
    if request.input is not None:
        refuse_idle(request, holding, here="on samples of your own")
    if request.save is not None:
        require_place(Path(request.save), source=as_path(request.input))


def _refuse_unread(request: Simulate, source: Run | Build) -> None:
    """Refuse --data-dir where neither the samples nor a calibration come from a data set."""
    compiled = isinstance(source, Run) and request.executor in RUNS_PROGRAM
    if request.input is not None and not (compiled and source.data is not None):
        holding = {PROGRAM, COMPILED, TRACING}
        refuse_idle(request, holding, here=f"on {source.folder} with --input")


def _source(request: Simulate) -> Run | Build:
    """Return the run or build that is named, else the latest build, else the latest run."""
    folder = as_path(request.build) or folders.latest_build(BACKEND)
    if folder is None or folders.kind_of(folder) == folders.RUN:
        return find_run(folder)
    if request.build is None:
        note(f"using {folder}, the latest build{_newer_run(folder)}")
    return load_build(folder)


def _program(
    source: Run | Build, request: Simulate, divider: Divider | None
) -> tuple[Program, str]:
    """Return a build's program, or a run compiled in passing, with the division asked for."""
    if isinstance(source, Run):
        options = Compile(
            division=divider,
            inhibition=request.inhibition,
            data_dir=request.data_dir,
            data=request.data,
        )
        if source.data is None or (source.imported and request.data_dir is None):
            options = replace(options, calibrate_on=as_path(request.input))
        made = compile_in_memory(source, options)
        how = f"{made.target.name}, scheme {made.scheme.name}"
        note(f"compiled {source.folder} for {how} in passing; eideploy compile keeps the result")
        return made.program, f"run {source.folder}, compiled for {how}"
    _require_form(source, request.inhibition)
    if divider is None or divider.label == source.program.division.divider.label:
        return source.program, f"build {source.folder}"
    replaced = f"its division replaced by {divider.label}"
    return divided_by(source.program, divider), f"build {source.folder}, {replaced}"


def _require_form(build: Build, asked: Form | None) -> None:
    """Refuse a form for a build's layers: they are quantized, from what calibration saw."""
    said = build.content.get("inhibition")
    own = said.get("form") if isinstance(said, dict) else "factored"
    if asked is not None:
        anew = f", or compile the run anew with --inhibition {asked}" if asked != own else ""
        raise UsageError(
            f"--inhibition has no effect on a build, and this one's layers are {own}",
            where=f"--inhibition {asked}",
            fix=f"leave it out{anew}",
        )


def _newer_run(build: Path) -> str:
    run = folders.latest_run(distilled=False)
    if run is None or folders.created(run) < folders.created(build):
        return ""
    return f" (run {run} is younger: compile it, or name it, to simulate that)"


def divided_by(program: Program, divider: Divider) -> Program:
    """Return a program whose E-I layers divide by `divider`."""
    steps = to_core(program.target, divider, program.division.zero_policy)
    return place(run_passes(program.circuit, steps), target=program.target)


def _integer(
    source: Run | Build,
    program: Program,
    described: str,
    samples: Array,
    labels: Array | None,
    saved: Saved,
    beside: Beside | None,
) -> Result:
    with bar("simulate", len(samples)) as advance:

        def on_batch(trace: Trace) -> None:
            saved.add(beside.add(trace) if beside else trace)
            advance(len(trace.logits), "")

        found = compare(
            source.circuit, program, samples, labels, on_batch=on_batch, keep=saved.keep
        )
    text = "\n".join(
        [
            f"simulated {described}",
            f"division  {division_text(program)}",
            "accumulators: no overflow is possible (proven widths)",
            "",
            comparison_text(found),
        ]
    )
    divider = program.division.divider
    content: dict[str, Any] = {
        "executor": "integer",
        "simulated": str(source.folder),
        "division": divider.label,
        "division_bound": divider.bound,
        "table_entries": divider.table.size,
        "table_bits": divider.stored_bits,
        "zero_policy": program.division.zero_policy,
        **asdict(found),
    }
    warnings = comparison_warnings(found, imported=source.imported)
    return with_warnings(Result(text=text, content=content), warnings)


def _with(result: Result, executor: str, beside: Beside) -> Result:
    """Return a result that also says what the other executor made of the samples."""
    found = {"logits_differing": beside.logits, "predictions_differing": beside.predictions}
    said = (
        f"{executor}: {counted(beside.logits, 'logit')} and "
        f"{counted(beside.predictions, 'prediction')} of {counted(beside.at, 'sample')} differ "
        "from the integer simulator's"
    )
    differ = beside.logits
    if isinstance(beside.run, RtlRun):  # it compares spikes, membranes and cycles, too
        said, found = f"{said}\n{beside.run.text}", {**found, **beside.run.content}
        differ += beside.run.differing
    return replace(
        result,
        text=f"{result.text}\n\n{said}",
        content={**result.content, "executor": executor, **found},
        exit_code=1 if differ else 0,
    )


def _float_only(source: Run | Build, samples: Array, labels: Array | None, saved: Saved) -> Result:
    with bar("simulate", len(samples)) as advance:
        classes, tally = [], ActivityTally()
        for batch in batches(samples):
            trace = run_float(source.circuit, batch, keep=saved.keep | SPIKES)
            tally.add(trace, batch)
            saved.add(trace)
            classes.append(trace.logits.argmax(1))
            advance(len(batch), "")
    found = np.concatenate(classes)
    right = None if labels is None else float((found == labels).mean())
    text = f"simulated the float circuit of {source.folder} on {counted(len(samples), 'sample')}"
    if right is not None:
        text += f"\naccuracy, float  {percent(right)}"
    content = {
        "executor": "float",
        "simulated": str(source.folder),
        "samples": len(samples),
        "float_accuracy": right,
    }
    fix = IMPORTED if source.imported else TRAINED
    warnings = activity_warnings(
        tally.activity(), f"in floats, on {counted(len(samples), 'sample')}", fix
    )
    return with_warnings(Result(text=text, content=content), warnings)
