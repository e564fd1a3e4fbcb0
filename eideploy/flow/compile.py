"""Job: compile a run for a target into a build."""

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from eideploy import backends, folders
from eideploy.circuit import Array, Ranges
from eideploy.circuit.forms import Dialect
from eideploy.circuit.integer import ZeroPolicy
from eideploy.circuit.limits import limits
from eideploy.circuit.nodes import Current
from eideploy.data import load as load_data
from eideploy.dynapse2.mapping import Monitor
from eideploy.dynapse2.spec import ChipSpec
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, sha256, write_json
from eideploy.flow import finetuning
from eideploy.flow.build_files import PASSES
from eideploy.flow.compile_chip import compile_for_chip, refuse_integers
from eideploy.flow.inhibition import Decision, Form, decide, decision_content, decision_text
from eideploy.flow.nir import nir_facts
from eideploy.flow.result import Result
from eideploy.flow.samples import read_samples
from eideploy.folders import Run, load_run
from eideploy.numeric.division import Divider, none
from eideploy.passes.fold import fold
from eideploy.pipeline import compile_circuit, laid_out_circuit
from eideploy.program import Program
from eideploy.progress import bar, note
from eideploy.report.compare import Comparison, compare
from eideploy.report.ladder import affordable, climb, ladder_content, ladder_text
from eideploy.report.proof import calibration_content, proof_content, proof_text
from eideploy.report.text import comparison_text, division_text, uses_text, widths_text
from eideploy.scheme import Scheme, load_scheme
from eideploy.simulate.observe import observe
from eideploy.target import Target, load_any, load_target

CALIBRATION_SAMPLES = 256


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to compile; the defaults are those of the command line."""

    target: str = "digital"
    scheme: str | None = None  # None: the one that the run was fine-tuned for, else int8
    divider: Divider | None = None  # None: as the run was fine-tuned for, else a table of 8x8
    zero_policy: ZeroPolicy | None = None  # None: as the run was fine-tuned for, else minimum
    inhibition: Form = "factored"
    calibration_samples: int | None = None  # None: 256 of the training split, or all of one's own
    calibrate_on: Path | None = None  # samples of one's own instead of the training split
    data_dir: Path | None = None  # where data sets that are not bundled lie
    adapt: bool = True  # a run that was not trained for a mixed-signal chip
    monitor: Monitor = "all"  # whose spikes a mixed-signal chip's host sees, beside the outputs
    emit: tuple[str, ...] = ()  # what to write beside the target's own files: backends.EXTRAS
    nir_dialects: tuple[Dialect, ...] = ("ei",)  # of what "nir" in `emit` writes
    nir_compat: str | None = None  # the release of nir that it is written for; None: the latest


@dataclass(frozen=True, kw_only=True, eq=False)
class Compiled:
    """A program in memory, with what it was made from."""

    run: Run
    target: Target
    scheme: Scheme
    program: Program
    decision: Decision
    samples: Array
    labels: Array | None


def compile_run(
    folder: Path | None, options: Options, *, out: Path | None = None, verbose: bool = False
) -> Result:
    """Compile the run in `folder`, or the latest one, into a new build folder.

    `verbose` says what every pass changed and how wide every number is; the build's passes.json
    and manifest.json hold it in any case.

    Raises:
        UsageError: no run, no such target or scheme.
        FormatError: a damaged run.
        CapacityError: the network does not fit the target.
        DataError: no samples to calibrate on; `out` exists already, or cannot be written.
    """
    options = _for_core(options)
    target = load_any(options.target)
    if isinstance(target, ChipSpec):
        return _for_chip(folder, target, options, out)
    run = find_run(folder)
    backends.require(options.emit)
    made = compile_in_memory(run, options)
    some = slice(affordable(run.circuit))
    with bar("check", len(made.samples[some])) as advance:
        checked = compare(
            run.circuit, made.program, made.samples[some], None,
            on_batch=lambda trace: advance(len(trace.logits), ""),
        )  # fmt: skip
    division = made.program.division
    rungs = climb(
        run.circuit, made.program.circuit, made.samples[some],
        None if made.labels is None else made.labels[some], division.zero_policy,
        folded=fold(run.circuit, layers=made.decision.folded, target=made.target),
    )  # fmt: skip
    content = _content(made, checked)
    said = ""
    if "nir" in options.emit:
        labels = None if made.labels is None else made.labels[some]
        content["nir"], said = nir_facts(
            run.circuit, made.program, made.samples[some], labels,
            dialects=options.nir_dialects, compat=options.nir_compat,
        )  # fmt: skip
    with folders.new_folder(out, folders.BUILDS, _name(made)) as staged:
        spec = made.target.source.read_text(encoding="utf-8")
        passes = {
            "format": 1, "samples": checked.samples, "passes": ladder_content(rungs),
            "inhibition": decision_content(made.decision),
        }  # fmt: skip
        write_json(staged.aside / PASSES, passes)
        folders.finish_build(staged.aside, run.circuit, made.program, spec, content, options.emit)
    build = staged.final
    if verbose:
        steps = ladder_text(rungs, checked.samples)
        said += f"after every pass:\n{steps}\n\n{proof_text(made.program.circuit)}\n"
    return Result(text=_text(made, checked, said, build), content={"build": str(build), **content})


def _for_chip(folder: Path | None, spec: ChipSpec, options: Options, out: Path | None) -> Result:
    """Map a run on a board instead; integers are refused."""
    refuse_integers(
        {
            "--scheme": options.scheme,
            "--lut or --division": options.divider,
            "--zero-policy": options.zero_policy,
            "--calibrate-on": options.calibrate_on,
            "--calibration-samples": options.calibration_samples,
            "--emit": options.emit,
        }
    )
    return compile_for_chip(
        find_run_folder(folder),
        spec,
        out=out,
        may_adapt=options.adapt,
        monitor=options.monitor,
        data_dir=options.data_dir,
    )


def _for_core(options: Options) -> Options:
    """Return options with a chip for target: files of a network are written beside one's."""
    if options.target not in backends.EXTRAS:
        return options
    chip = Options().target
    note(f"{options.target} is written beside a chip's files: compiling for {chip}")
    emit = tuple(dict.fromkeys((*options.emit, options.target)))
    return replace(options, target=chip, emit=emit)


def compile_in_memory(run: Run, options: Options) -> Compiled:
    """Run all passes on a run's circuit."""
    target, own = load_target(options.target), finetuning.goal_of(run)
    if not run.circuit.of(Current):
        own = replace(own, divider=none(), zero_policy="floor")
    asked = finetuning.Integers(
        scheme=load_scheme(options.scheme) if options.scheme else own.scheme,
        divider=options.divider or own.divider,
        zero_policy=options.zero_policy or own.zero_policy,
    )
    finetuning.note_other(run, asked)
    backends.of(target)  # refused now rather than after the work
    ranges, samples, labels = calibration(run, options)
    passes: dict[str, Any] = {
        "target": target,
        "scheme": asked.scheme,
        "ranges": ranges,
        "divider": asked.divider,
        "zero_policy": asked.zero_policy,
    }
    decision = decide(
        options.inhibition, run.circuit, partial(laid_out_circuit, run.circuit, **passes), samples
    )
    if decision.folded and "finetuned" in run.content:
        note("the run was fine-tuned through factored layers; folded ones are quantized anew")
    return Compiled(
        run=run,
        target=target,
        scheme=asked.scheme,
        program=compile_circuit(run.circuit, **passes, folded=decision.folded),
        decision=decision,
        samples=samples,
        labels=labels,
    )


def calibration(run: Run, options: Options) -> tuple[Ranges, Array, Array | None]:
    """Return the ranges of a run's circuit, and the samples, with labels, that it is checked on.

    A fine-tuned run keeps the ranges that it was trained with, unless other samples are asked for.
    """
    samples, labels = _calibration_samples(run, options)
    asked = options.calibrate_on is not None or options.calibration_samples is not None
    found = run.circuit.ranges
    return observe(run.circuit, samples) if asked or found is None else found, samples, labels


def find_run(folder: Path | None) -> Run:
    """Return the run in `folder`, or the finished one that was made last."""
    return load_run(find_run_folder(folder, distilled=False))


def find_run_folder(folder: Path | None, *, distilled: bool = True) -> Path:
    """Return `folder` if it is a run, or that of the latest; not `distilled`: of others first."""
    found = folder or folders.latest_run(distilled=distilled) or folders.latest_run()
    if found is None:
        unfinished = folders.latest_unfinished()
        raise UsageError(
            "there is no finished run" if unfinished else "there is no run",
            where=f"folder {folders.RUNS}",
            fix=f"finish it with eideploy train --resume {unfinished}"
            if unfinished
            else "begin one with eideploy train, or name the folder of one",
        )
    if folder is not None and folders.kind_of(folder) != folders.RUN:
        raise UsageError(
            "the folder is a build", where=str(folder), fix="name a run, which train writes"
        )
    if folder is None:
        note(f"using {found}, the latest run")
    return found


def _calibration_samples(run: Run, options: Options) -> tuple[Array, Array | None]:
    if options.calibrate_on is not None:
        own = read_samples(options.calibrate_on, run.circuit)[: options.calibration_samples]
        return own, None
    if run.data is None or (run.imported and options.data_dir is None):
        known = "" if run.data is None else f"the folder of {run.data} with --data-dir, or "
        raise UsageError(
            "the run was imported and knows no data to calibrate on",
            where=str(run.folder),
            fix=f"give {known}samples in the network's input range with --calibrate-on samples.npy",
        )
    data = load_data(run.data, options.data_dir, steps=run.circuit.steps)
    chosen = slice(options.calibration_samples or CALIBRATION_SAMPLES)
    return data.train.batch(chosen), data.train.y[chosen]


def _name(made: Compiled) -> str:
    label = made.program.division.divider.label.replace(" ", "")
    form = "" if made.decision.form == "factored" else f"-{made.decision.form}"
    return f"{made.run.folder.resolve().name}-{made.target.name}-{made.scheme.name}-{label}{form}"


def _content(made: Compiled, checked: Comparison) -> dict[str, Any]:
    division = made.program.division
    manifest = made.run.folder / MANIFEST
    return {
        "run": made.run.folder.resolve().name,
        "run_sha256": sha256(manifest),
        "data": made.run.data,
        "target": made.target.name,
        "backend": made.target.backend,
        "scheme": asdict(made.scheme),
        "division": division.divider.label,
        "division_bound": division.divider.bound,
        "zero_policy": division.zero_policy,
        "inhibition": {"form": made.decision.form, "folded": made.decision.folded},
        "calibration_samples": len(made.samples),
        "calibration": calibration_content(made.program.circuit),
        "limits": {name: asdict(reach) for name, reach in limits(made.program.circuit).items()},
        "numbers": proof_content(made.program.circuit),
        "uses": [asdict(use) for use in made.program.uses],
        "check_on_calibration_samples": asdict(checked),
    }


def _text(made: Compiled, checked: Comparison, said: str, build: Path) -> str:
    return "\n".join(
        [
            f"compiled {made.run.folder} for {made.target.name}, scheme {made.scheme.name}",
            f"division  {division_text(made.program)}",
            decision_text(made.decision),
            "",
            uses_text(made.program),
            "",
            widths_text(made.program),
            "",
            f"checked on {checked.samples} calibration samples:",
            comparison_text(checked),
            "",
            *([said] if said else []),
            f"build  {build}",
        ]
    )
