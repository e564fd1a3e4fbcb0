"""Job: simulate a build, or a run that is compiled in passing."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eideploy import folders
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.flow.compile import Options, compile_in_memory, find_run
from eideploy.flow.executors import BESIDE, Beside
from eideploy.flow.inhibition import Form
from eideploy.flow.result import Result
from eideploy.flow.rtl import RtlRun
from eideploy.flow.samples import Split, require_place, samples_of, write_npz
from eideploy.folders import Build, Run, load_build
from eideploy.numeric.division import Divider
from eideploy.passes.place import place
from eideploy.pipeline import run as run_passes
from eideploy.pipeline import to_core
from eideploy.program import Program
from eideploy.progress import bar, note
from eideploy.report.compare import compare
from eideploy.report.text import comparison_text, counted, division_text, percent
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.observe import batches
from eideploy.simulate.trace import Trace

Executor = Literal["float", "integer", "onnx", "rtl"]
BACKEND = "digital"  # whose programs the integer simulator runs
TRACED = frozenset({"spikes", "currents"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to simulate and on which samples; the defaults are those of the command line."""

    folder: Path | None = None
    divider: Divider | None = None  # None: the build's own
    inhibition: Form | None = None  # None: the build's own; a run's is factored
    executor: Executor = "integer"
    samples: int | None = None  # None: all
    split: Split | None = None  # None: the test split
    input: Path | None = None  # samples of one's own instead of a split
    save: Path | None = None
    trace: bool = False
    data_dir: Path | None = None  # where data sets that are not bundled lie


def simulate(request: Request) -> Result:
    """Run samples through the float circuit and the integer program, and compare them.

    Raises:
        UsageError: nothing to simulate, or options that contradict each other.
        FormatError: a damaged run or build.
        DataError: samples that do not fit the network.
        CapacityError: a network or a division that the target does not offer.
    """
    _require_consistent(request)
    source = _source(request)
    samples, labels = samples_of(
        source,
        input_file=request.input,
        split=request.split,
        count=request.samples,
        data_dir=request.data_dir,
    )
    if request.executor in BESIDE:
        samples = np.asarray(samples, np.float32)  # as other programs take them
    saved = _Saved(TRACED if request.trace else frozenset())
    if request.executor == "float":
        result = _float_only(source, samples, labels, saved)
    else:
        program, described = _program(source, request)
        beside = None
        if request.executor in BESIDE:
            build = source if isinstance(source, Build) else None
            beside = Beside(BESIDE[request.executor](build, program), program.circuit, samples)
        result = _integer(source, program, described, samples, labels, saved, beside)
        if beside is not None:
            result = _with(result, request.executor, beside)
    if request.save is None:
        return result
    saved.write(request.save)
    content = {**result.content, "saved": str(request.save)}
    return replace(result, text=f"{result.text}\nsaved  {request.save}", content=content)


def _require_consistent(request: Request) -> None:
    if request.trace and request.save is None:
        raise UsageError(
            "a trace has to go somewhere", where="--trace", fix="name a file with --save trace.npz"
        )
    if request.input is not None and request.split is not None:
        raise UsageError(
            "samples of your own belong to no split", where="--split", fix="drop it, or --input"
        )
    if request.trace and request.executor in BESIDE:
        raise UsageError(
            f"{request.executor} puts out logits only",
            where="--trace",
            fix="drop it, or trace with --executor integer",
        )
    if request.executor == "float" and (request.divider or request.inhibition):
        raise UsageError(
            "the float circuit divides exactly, and has its inhibition, as it was trained",
            where="--executor float",
            fix="drop --lut, --division and --inhibition, or simulate with --executor integer",
        )
    if request.save is not None:
        require_place(request.save, source=request.input)


def _source(request: Request) -> Run | Build:
    """Return the run or build that is named, else the latest build, else the latest run."""
    folder = request.folder or folders.latest_build(BACKEND)
    if folder is None or folders.kind_of(folder) == folders.RUN:
        return find_run(folder)
    if request.folder is None:
        note(f"using {folder}, the latest build{_newer_run(folder)}")
    return load_build(folder)


def _program(source: Run | Build, request: Request) -> tuple[Program, str]:
    """Return a build's program, or a run compiled in passing, with the division asked for."""
    if isinstance(source, Run):
        options = Options(
            divider=request.divider,
            inhibition=request.inhibition or "factored",
            data_dir=request.data_dir,
        )
        if source.data is None or (source.imported and request.data_dir is None):
            options = replace(options, calibrate_on=request.input)
        made = compile_in_memory(source, options)
        how = f"{made.target.name}, scheme {made.scheme.name}"
        note(f"compiled {source.folder} for {how} in passing; eideploy compile keeps the result")
        return made.program, f"run {source.folder}, compiled for {how}"
    _require_form(source, request.inhibition)
    if request.divider is None or request.divider.label == source.program.division.divider.label:
        return source.program, f"build {source.folder}"
    replaced = f"its division replaced by {request.divider.label}"
    return divided_by(source.program, request.divider), f"build {source.folder}, {replaced}"


def _require_form(build: Build, asked: Form | None) -> None:
    """Refuse to fold a build's layers: they are quantized, from what calibration saw."""
    said = build.content.get("inhibition")
    own = said.get("form") if isinstance(said, dict) else "factored"
    if asked is not None and asked != own:
        raise UsageError(
            f"the build's layers are {own}",
            where=f"--inhibition {asked}",
            fix=f"compile the run anew with --inhibition {asked}, or name the run",
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
    saved: "_Saved",
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
    return Result(text=text, content=content)


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


def _float_only(
    source: Run | Build, samples: Array, labels: Array | None, saved: "_Saved"
) -> Result:
    with bar("simulate", len(samples)) as advance:
        classes = []
        for batch in batches(samples):
            trace = run_float(source.circuit, batch, keep=saved.keep)
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
    return Result(text=text, content=content)


class _Saved:
    """Logits (B, classes) and, of the kinds `keep`, spikes and currents (B, T, ...) by layer."""

    def __init__(self, keep: frozenset[str]) -> None:
        self.keep = keep
        self.parts: list[dict[str, Array]] = []

    def add(self, trace: Trace) -> None:
        """Take what is to be saved of one batch."""
        arrays = {"logits": trace.logits}
        for kind in sorted(self.keep):
            for name, value in getattr(trace, kind).items():
                arrays[f"{kind}/{name}"] = value.swapaxes(0, 1)
        self.parts.append(arrays)

    def write(self, path: Path) -> None:
        """Write all batches as one .npz file."""
        names = self.parts[0]
        write_npz(path, {n: np.concatenate([part[n] for part in self.parts]) for n in names})
