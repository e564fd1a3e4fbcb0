"""Job: simulate a build of a program, or a run that is compiled in passing."""

import os
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.digital.build import Build, load_build
from eideploy.backends.digital.executors import BESIDE, Beside, beside_of, require_run
from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import (
    COMPILED,
    ON_BOARD,
    PROGRAM,
    TRACING,
    Compiling,
    Simulating,
)
from eideploy.backends.digital.placed import placed
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.backends.digital.report.program import (
    comparison_text,
    comparison_warnings,
    division_text,
)
from eideploy.backends.digital.validate.compare import SPIKES, compare
from eideploy.backends.executor import Telling
from eideploy.circuit import Array
from eideploy.data.origin import Place
from eideploy.divisions import Divider
from eideploy.errors import UsageError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.execute.trace import Trace
from eideploy.flow.builds import note_latest
from eideploy.flow.requests.compile import Compile
from eideploy.flow.requests.shared import READING, WITH_INPUT, WITHOUT_INPUT
from eideploy.flow.requests.simulate import Simulate
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.flow.samples import note_fewer, require_savable, samples_of
from eideploy.flow.saving import Saved
from eideploy.flow.warning import IMPORTED, TRAINED, activity_warnings, with_warnings
from eideploy.folders import Run
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.options.choices import Form
from eideploy.passes.check_widths import check_widths
from eideploy.passes.lower_division import lower_division
from eideploy.progress import bar, note
from eideploy.report.text import counted, percent
from eideploy.target import load_target
from eideploy.validate.activity import ActivityTally

RUNS_PROGRAM = frozenset({"integer", *BESIDE})
TRACED = frozenset({"spikes", "currents"})


def simulate(family: ProgramFamily, request: Simulate, executor: str) -> Result:
    """Run samples through the float circuit and the integer program, and compare them."""
    _require_effects(request, executor)
    simulating = part_of(request, Simulating)
    divider = simulating.divider()
    source = source_of(as_path(request.build), family.name)
    _refuse_unread(request, source, executor)
    require_run(executor, source, simulating)
    require_savable(request, source.origin)
    samples, labels = samples_of(
        source,
        input_file=as_path(request.input),
        labels_file=as_path(request.labels),
        split=request.split,
        count=request.samples,
        place=request.place(),
        or_kept=True,
    )
    note_fewer(request.samples, len(samples))
    if executor in BESIDE:
        samples = np.asarray(samples, np.float32)  # as other programs take them
    saved = Saved(TRACED if simulating.trace else frozenset())
    if executor == "float":
        result = _float_only(source, samples, labels, saved)
    else:
        options = Compiling(division=divider, inhibition=simulating.inhibition)
        if source.data is None or (source.imported and request.data_dir is None):
            options = replace(options, calibrate_on=as_path(request.input))
        program, described = program_of(source, options, request.place())
        beside = None
        if executor in BESIDE:
            run = beside_of(executor, source, program, simulating)
            beside = Beside(run, program.circuit, samples)
        result = _integer(source, program, described, samples, labels, saved, beside)
        if beside is not None:
            result = _with(result, executor, beside)
    if request.save is None:
        return result
    saved.write(Path(request.save))
    content = {**result.content, "saved": str(request.save)}
    return replace(result, text=f"{result.text}\nsaved  {request.save}", content=content)


def _require_effects(request: Simulate, executor: str) -> None:
    effects = {
        "integer": (PROGRAM, COMPILED, TRACING),
        "float": (TRACING,),
        "board": (ON_BOARD,),
    }
    holding = {READING, *effects.get(executor, (PROGRAM, COMPILED))}
    either = {WITH_INPUT, WITHOUT_INPUT}
    refuse_idle(request, holding | either, here=f"with --executor {executor}")
    if request.input is None:
        refuse_idle(request, {*holding, WITHOUT_INPUT}, here="on a split of a data set")
    else:
        refuse_idle(request, {*holding, WITH_INPUT}, here="on samples of your own")


def _refuse_unread(request: Simulate, source: Run | Build, executor: str) -> None:
    """Refuse --data-dir where neither the samples nor a calibration come from a data set."""
    compiled = isinstance(source, Run) and executor in RUNS_PROGRAM
    if request.input is not None and not (compiled and source.data is not None):
        holding = {PROGRAM, COMPILED, TRACING, WITH_INPUT, ON_BOARD}
        refuse_idle(request, holding, here=f"on {source.folder} with --input")


def source_of(named: Path | None, backend: str) -> Run | Build:
    """Return the run or build that is named, else the latest build, else the latest run.

    Raises:
        UsageError: there is none.
        FormatError: it is damaged.
    """
    folder = named or folders.latest_build(backend)
    if folder is None or folders.kind_of(folder) == folders.RUN:
        return find_run(folder)
    if named is None:
        note_latest(folder, _newer_run(folder))
    return load_build(folder)


def program_of(source: Run | Build, options: Compiling, where: Place) -> tuple[Program, str]:
    """Return a build's program, or a run compiled in passing, with the division asked for.

    Raises:
        UsageError: a form is asked for, and a build has its own.
        CapacityError: a network or a division that the target does not offer.
    """
    divider = options.divider()
    if isinstance(source, Run):
        target = load_target(os.fspath(Compile().target))
        compiled = compile_in_memory(source, options, target, where)
        how = f"{compiled.target.name}, scheme {compiled.recipe.scheme.name}"
        note(f"compiled {source.folder} for {how} on the fly; eideploy compile keeps the result")
        return compiled.program, f"run {source.folder}, compiled for {how}"
    _require_form(source, options.inhibition)
    if divider is None or divider.label == source.program.division.divider.label:
        return source.program, f"build {source.folder}"
    replaced = f"its division replaced by {divider.label}"
    return divided_by(source.program, divider), f"build {source.folder}, {replaced}"


def _require_form(build: Build, form: Form | None) -> None:
    """Refuse a form for a build's layers: they are quantized, from what calibration saw."""
    own = build.compiled.inhibition.form
    if form is not None:
        anew = f", or compile the run again with --inhibition {form}" if form != own else ""
        raise UsageError(
            f"--inhibition has no effect on a build, and this one's layers are {own}",
            where=f"--inhibition {form}",
            fix=f"leave it out{anew}",
        )


def _newer_run(build: Path) -> str:
    run = folders.latest_run(distilled=False)
    if run is None or folders.created(run) < folders.created(build):
        return ""
    return f" (run {run} is younger: compile it, or name it, to simulate that)"


def divided_by(program: Program, divider: Divider) -> Program:
    """Return a program whose E-I layers divide by `divider`."""
    target, policy = program.target, program.division.zero_policy
    lowered = lower_division(program.circuit, divider=divider, zero_policy=policy, target=target)
    return placed(check_widths(lowered, widths=target.widths), target, program.plan)


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

        comparison = compare(
            source.circuit, program, samples, labels, on_batch=on_batch, keep=saved.keep
        )
    text = "\n".join(
        [
            f"simulated {described}",
            f"division  {division_text(program)}",
            "accumulators: no overflow is possible (proven widths)",
            "",
            comparison_text(comparison),
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
        **asdict(comparison),
    }
    warnings = comparison_warnings(comparison, imported=source.imported)
    return with_warnings(Result(text=text, content=content), warnings)


def _with(result: Result, executor: str, beside: Beside) -> Result:
    """Return a result that also says what the other executor made of the samples."""
    differing = {"logits_differing": beside.logits, "predictions_differing": beside.predictions}
    remark = (
        f"{executor}: {counted(beside.logits, 'logit')} and "
        f"{counted(beside.predictions, 'prediction')} of {counted(beside.at, 'sample')} differ "
        "from the integer simulator's"
    )
    differ = beside.logits
    if isinstance(beside.run, Telling):
        remark, differing = f"{remark}\n{beside.run.text}", {**differing, **beside.run.content}
        differ += beside.run.differing
    return replace(
        result,
        text=f"{result.text}\n\n{remark}",
        content={**result.content, "executor": executor, **differing},
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
    decided = np.concatenate(classes)
    right = None if labels is None else float((decided == labels).mean())
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
