"""Job: compile a run for a target into a build."""

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends import formats
from eideploy.backends.digital.board.estimate import shares_text
from eideploy.backends.digital.board.form import sized_in_form
from eideploy.backends.digital.board.size import roomy
from eideploy.backends.digital.board.vectors import write_vectors
from eideploy.backends.digital.build import ESTIMATED, finish_build
from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.options import BOARD, DIGITAL, DIVIDES, WHOLE, Compiling
from eideploy.backends.digital.passes import Passes
from eideploy.backends.digital.placed import fitting, placed, usual_form
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.backends.digital.report.inhibition import decision_text
from eideploy.backends.digital.report.ladder import ladder_text
from eideploy.backends.digital.report.program import (
    comparison_text,
    comparison_warnings,
    division_text,
)
from eideploy.backends.digital.report.proof import calibration_content, proof_content, proof_text
from eideploy.backends.digital.validate.compare import Comparison, compare
from eideploy.backends.digital.validate.inhibition import Decision, formed
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.circuit.limits import limits
from eideploy.data.origin import Place, known
from eideploy.divisions import none
from eideploy.errors import UsageError
from eideploy.execute.observe import observe
from eideploy.files import MANIFEST, sha256
from eideploy.flow import finetuned
from eideploy.flow.graphs import as_run, warned
from eideploy.flow.kept_samples import CALIBRATION_SAMPLES, hand_down, kept_of
from eideploy.flow.requests.compile import Compile
from eideploy.flow.requests.shared import READING
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.flow.samples import read_samples
from eideploy.flow.warning import with_warnings
from eideploy.folders import Run
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.options.choices import Form
from eideploy.passes.fold import fold
from eideploy.progress import bar, note
from eideploy.recipe import Recipe
from eideploy.report.text import counted
from eideploy.scheme import load_scheme
from eideploy.target import MODULES, Resources, Target, spec_text
from eideploy.validate.ladder import affordable, climb


@dataclass(frozen=True, kw_only=True, eq=False)
class Compiled:
    """A program in memory, with what it was made from.

    needs  of an FPGA, estimated; None where the target is no board
    """

    run: Run
    target: Target
    recipe: Recipe
    program: Program
    decision: Decision
    samples: Array
    labels: Array | None
    needs: Resources | None = None


def compile_run(family: ProgramFamily, request: Compile, target: Target) -> Result:
    """Compile a run or a graph into a new build folder, whose files `family` emits."""
    options, here = part_of(request, Compiling), f"on a build for {target.name}"
    named, samples = as_path(request.run), as_path(options.calibrate_on)
    used = {*formats.circumstances(formats.reader_of(named), options.emit)}
    used |= {BOARD} if target.board else {WHOLE} if family.has_core else {*family.holding}
    refuse_idle(request, (DIGITAL, DIVIDES, READING, *used), here=here)
    if samples is not None:
        refuse_idle(request, (DIGITAL, DIVIDES, *used), here="on samples of your own")
    with as_run(named, request, samples) as run:
        return _compile(family, find_run(run), target, options, request)


def _compile(
    family: ProgramFamily, run: Run, target: Target, options: Compiling, request: Compile
) -> Result:
    formats.require(options.emit)
    compiled = compile_in_memory(run, options, target, request.place())
    some = slice(affordable(run.circuit))
    with bar("check", len(compiled.samples[some])) as advance:
        checked = compare(
            run.circuit,
            compiled.program,
            compiled.samples[some],
            None,
            on_batch=lambda trace: advance(len(trace.logits), ""),
        )
    division = compiled.program.division
    labels = None if compiled.labels is None else compiled.labels[some]
    rungs = climb(
        run.circuit,
        compiled.program.circuit,
        compiled.samples[some],
        labels,
        division.zero_policy,
        folded=fold(run.circuit, layers=compiled.decision.folded, target=compiled.target),
    )
    content = _content(compiled, checked)
    remarks = ""
    for name in options.emit:
        facts, remark = formats.named(name).facts(
            request, run.circuit, compiled.program.circuit, compiled.samples[some], labels
        )
        content |= {name: facts} if facts else {}
        remarks += f"{remark}\n" if remark else ""
    with folders.new_folder(as_path(request.out), folders.BUILDS, _name(compiled)) as staged:
        spec = spec_text(compiled.target) if _is_own(compiled, options) else _text_of(target)
        if compiled.needs is not None:
            write_vectors(compiled.program, compiled.samples, staged.aside)
        passes = Passes(samples=checked.samples, passes=rungs, inhibition=compiled.decision)
        passes.write(staged.aside)
        hand_down(compiled.run, staged.aside)
        finish_build(
            staged.aside, run.circuit, compiled.program, family.emit, spec, content, options.emit
        )
    build = staged.final
    if options.verbose:
        steps = ladder_text(rungs, checked.samples)
        remarks += f"after every pass:\n{steps}\n\n{proof_text(compiled.program.circuit)}\n"
    result = Result(
        text=_text(family, compiled, checked, remarks, build),
        content={"build": str(build), **content},
    )
    warnings = [*warned(run), *comparison_warnings(checked, imported=run.imported)]
    return with_warnings(result, warnings)


def _is_own(compiled: Compiled, options: Compiling) -> bool:
    """Return whether the core is another one than the spec's."""
    return options.fit or options.module is not None or compiled.needs is not None


def _text_of(target: Target) -> str:
    return target.source.read_text(encoding="utf-8")


def compile_in_memory(
    run: Run, options: Compiling, target: Target, data: Place | None = None
) -> Compiled:
    """Run all passes on a run's circuit."""
    target = _named(target, options.module)
    own = finetuned.recipe_of(run)
    if not _divides(run):
        holding = (DIGITAL, READING, BOARD, WHOLE)
        refuse_idle(options, holding, here="on a network without shunting inhibition")
        own = replace(own, divider=none(), zero_policy="floor")
    recipe = Recipe(
        scheme=load_scheme(os.fspath(options.scheme)) if options.scheme else own.scheme,
        divider=options.divider() or own.divider,
        zero_policy=options.zero_policy or own.zero_policy,
        inhibition=options.inhibition or _usual_form(run, target),
    )
    finetuned.note_other(run, recipe)
    ranges, samples, labels = calibration(run, options, data or Place())
    program, decision, needs = _on_core(run.circuit, recipe, target, options, ranges, samples)
    if decision.folded and "finetuned" in run.content:
        note("the run was fine-tuned through factored layers; folded ones are quantized again")
    return Compiled(
        run=run,
        target=program.target,
        recipe=recipe,
        program=program,
        needs=needs,
        decision=decision,
        samples=samples,
        labels=labels,
    )


def _named(target: Target, module: str | None) -> Target:
    """Return the target with the names that are asked for of its core's modules."""
    if module is None:
        return target
    if MODULES.fullmatch(module) is None:
        raise UsageError(
            f"{module!r} cannot begin the name of a module",
            where="--module",
            fix="write a lower-case letter, then up to 31 of them, digits or _",
        )
    return replace(target, core=replace(target.core, module=module))


def _divides(run: Run) -> bool:
    return any(layer.projection.divides for layer in run.circuit.layers)


def _usual_form(run: Run, target: Target) -> Form:
    """Return the form of layers where none is asked for; fine-tuning is through factored ones."""
    return usual_form(target) if _divides(run) and "finetuned" not in run.content else "factored"


def _on_core(
    circuit: Circuit,
    recipe: Recipe,
    target: Target,
    options: Compiling,
    ranges: Ranges,
    samples: Array,
) -> tuple[Program, Decision, Resources | None]:
    """Return the program on its core, its form, and of a board the cells that it should take."""
    if target.board is None:
        program, decision = formed(circuit, recipe, target=target, ranges=ranges, samples=samples)
        program = fitting(program)
        if options.fit:
            program = placed(program.circuit, fitted(program))
        return program, decision, None
    candidate, decision = sized_in_form(
        circuit,
        recipe,
        roomy(target),
        ranges=ranges,
        samples=samples,
        lanes=options.lanes,
        latency_ms=options.latency_ms,
    )
    return candidate.program, decision, candidate.needs


def calibration(run: Run, options: Compiling, place: Place) -> tuple[Ranges, Array, Array | None]:
    """Return the ranges of a run's circuit, and the samples, with labels, that it is checked on.

    A fine-tuned run keeps the ranges that it was trained with, unless other samples are asked for.
    """
    samples, labels = _calibration_samples(run, options, place)
    anew = options.calibrate_on is not None or options.calibration_samples is not None
    ranges = run.circuit.ranges
    return observe(run.circuit, samples) if anew or ranges is None else ranges, samples, labels


def _calibration_samples(run: Run, options: Compiling, place: Place) -> tuple[Array, Array | None]:
    if options.calibrate_on is not None:
        own = read_samples(Path(options.calibrate_on), run.circuit)[: options.calibration_samples]
        return own, None
    expected = kept_of(run) if run.origin is None else None
    if expected is not None:
        few = expected.x[: options.calibration_samples]
        note(f"calibrating on {counted(len(few), 'sample')} of those that were expected at import")
        return few, None
    if run.origin is None or (run.imported and place.data_dir is None):
        where = "" if run.data is None else f"name the folder of {run.data} with --data-dir, or "
        raise UsageError(
            "the run was imported and has no data to calibrate on",
            where=str(run.folder),
            fix=f"{where}give samples in the network's input range: eideploy compile {run.folder} "
            "--calibrate-on samples.npy",
        )
    stored = kept_of(run)
    count = options.calibration_samples or CALIBRATION_SAMPLES
    if stored is not None and place == Place():
        if stored.are_enough(count):
            return stored.x[:count], stored.y[:count]
        if not run.origin.is_there and options.calibration_samples is None:
            note(f"calibrating on the {counted(len(stored.x), 'sample')} that the run keeps")
            return stored.x, stored.y
    data = run.origin.load(place, steps=run.circuit.steps)
    return data.train.batch(slice(count)), data.train.y[:count]


def _name(compiled: Compiled) -> str:
    recipe = compiled.recipe
    label = recipe.divider.label.replace(" ", "")
    form = compiled.decision.form
    other = "" if form == _usual_form(compiled.run, compiled.target) else f"-{form}"
    run, target = compiled.run.folder.resolve().name, compiled.target.name
    return f"{run}-{target}-{recipe.scheme.name}-{label}{other}"


def _content(compiled: Compiled, checked: Comparison) -> dict[str, Any]:
    division = compiled.program.division
    manifest = compiled.run.folder / MANIFEST
    return {
        "run": compiled.run.folder.resolve().name,
        "run_sha256": sha256(manifest),
        **known(compiled.run.content),
        "imported": compiled.run.imported,
        "target": compiled.target.name,
        "backend": compiled.target.backend,
        "scheme": asdict(compiled.recipe.scheme),
        "division": division.divider.label,
        "division_bound": division.divider.bound,
        "zero_policy": division.zero_policy,
        "inhibition": {"form": compiled.decision.form, "folded": compiled.decision.folded},
        **({} if compiled.program.plan is None else {"plan": asdict(compiled.program.plan)}),
        "calibration_samples": len(compiled.samples),
        "calibration": calibration_content(compiled.program.circuit),
        "limits": {name: asdict(reach) for name, reach in limits(compiled.program.circuit).items()},
        "numbers": proof_content(compiled.program.circuit),
        "uses": [asdict(use) for use in compiled.program.uses],
        **({} if compiled.needs is None else {ESTIMATED: asdict(compiled.needs)}),
        "check_on_calibration_samples": asdict(checked),
    }


def _text(
    family: ProgramFamily, compiled: Compiled, checked: Comparison, remarks: str, build: Path
) -> str:
    return "\n".join(
        [
            f"compiled {compiled.run.folder} for {compiled.target.name}, "
            f"scheme {compiled.recipe.scheme.name}",
            f"division  {division_text(compiled.program)}",
            decision_text(compiled.decision),
            "",
            family.resources(compiled.program),
            *shares_text(compiled.target, compiled.needs),
            "",
            f"checked on {checked.samples} calibration samples:",
            comparison_text(checked),
            "",
            *([remarks] if remarks else []),
            f"build  {build}",
        ]
    )
