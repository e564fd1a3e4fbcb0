"""Job: simulate a build, or a run that is compiled in passing."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from eideploy import folders
from eideploy.circuit import Array, Circuit
from eideploy.circuit.integer import IntegerEILayer
from eideploy.data import load as load_data
from eideploy.errors import UsageError
from eideploy.flow.compile import Options, compile_in_memory, find_run
from eideploy.flow.result import Result
from eideploy.flow.samples import read_samples, write_npz
from eideploy.folders import load_build
from eideploy.numeric.division import Divider
from eideploy.passes.place import place
from eideploy.pipeline import run as run_passes
from eideploy.pipeline import to_core
from eideploy.program import Program
from eideploy.progress import bar, note
from eideploy.report.compare import compare
from eideploy.report.text import comparison_text, division_text, percent
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import batches
from eideploy.simulate.trace import Trace

Executor = Literal["float", "integer"]
Split = Literal["test", "train", "all"]
TRACED = frozenset({"spikes", "currents"})


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to simulate and on which samples; the defaults are those of the command line."""

    folder: Path | None = None
    divider: Divider | None = None  # None: the build's own
    executor: Executor = "integer"
    samples: int | None = None  # None: all
    split: Split = "test"
    input: Path | None = None  # samples of one's own instead of a split
    save: Path | None = None
    trace: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class _Subject:
    """What is simulated."""

    folder: Path
    circuit: Circuit
    program: Program
    data: str | None
    described: str


def simulate(request: Request) -> Result:
    """Run samples through the float circuit and the integer program, and compare them.

    Raises:
        UsageError: nothing to simulate, or options that contradict each other.
        FormatError: a damaged run or build.
        DataError: samples that do not fit the network.
        CapacityError: a division that the target does not offer.
    """
    if request.trace and request.save is None:
        raise UsageError(
            "a trace has to go somewhere", where="--trace", fix="name a file with --save trace.npz"
        )
    subject = _subject(request)
    samples, labels = _samples(request, subject)
    result = (
        _float_only(subject, samples, labels)
        if request.executor == "float"
        else _integer(subject, samples, labels)
    )
    if request.save is None:
        return result
    _save(request, subject, samples, request.save)
    content = {**result.content, "saved": str(request.save)}
    return Result(text=f"{result.text}\nsaved  {request.save}", content=content)


def _subject(request: Request) -> _Subject:
    """Return what the request names: a build, a run compiled in passing, or the latest of them."""
    folder = request.folder or folders.latest(folders.BUILDS, target=Options.target)
    if folder is None or folders.kind_of(folder) == folders.RUN:
        return _compiled_in_passing(folder, request)
    build = load_build(folder)
    if request.folder is None:
        note(f"using {folder}, the latest build{_newer_run(folder)}")
    program, described = build.program, f"build {folder}"
    if request.divider is not None:
        program = _divided_by(program, request.divider)
        described += f", its division replaced by {request.divider.label}"
    return _Subject(
        folder=folder, circuit=build.circuit, program=program, data=build.data, described=described
    )


def _compiled_in_passing(folder: Path | None, request: Request) -> _Subject:
    run = find_run(folder)
    options = replace(Options(), divider=request.divider)
    if run.data is None:
        options = replace(options, calibrate_on=request.input)
    made = compile_in_memory(run, options)
    how = f"{made.target.name}, scheme {made.scheme.name}"
    note(f"compiled {run.folder} for {how} in passing; eideploy compile keeps the result")
    return _Subject(
        folder=run.folder,
        circuit=run.circuit,
        program=made.program,
        data=run.data,
        described=f"run {run.folder}, compiled for {how}",
    )


def _newer_run(build: Path) -> str:
    run = folders.latest(folders.RUNS)
    if run is None or folders.created(run) < folders.created(build):
        return ""
    return f" (run {run} is younger: compile it, or name it, to simulate that)"


def _divided_by(program: Program, divider: Divider) -> Program:
    node = program.circuit.of(IntegerEILayer)[0]
    policy = node.division.zero_policy if node.division else "minimum"
    steps = to_core(program.target, divider, policy)
    return place(run_passes(program.circuit, steps), target=program.target)


def _samples(request: Request, subject: _Subject) -> tuple[Array, Array | None]:
    if request.input is not None:
        return read_samples(request.input)[: request.samples], None
    if subject.data is None:
        raise UsageError(
            "the network was imported and knows no data set",
            where=str(subject.folder),
            fix="give samples in its input range with --input samples.npy",
        )
    data = load_data(subject.data)
    x, y = {
        "test": (data.test_x, data.test_y),
        "train": (data.train_x, data.train_y),
        "all": (data.all_x, data.all_y),
    }[request.split]
    return x[: request.samples], y[: request.samples]


def _integer(subject: _Subject, samples: Array, labels: Array | None) -> Result:
    with bar("simulate", len(samples)) as advance:
        found = compare(
            subject.circuit, subject.program, samples, labels,
            on_batch=lambda n: advance(n, ""),
        )  # fmt: skip
    text = "\n".join(
        [
            f"simulated {subject.described}",
            f"division  {division_text(subject.program)}",
            "accumulators: no overflow is possible (proven widths)",
            "",
            comparison_text(found),
        ]
    )
    divider = _divider(subject.program)
    content: dict[str, Any] = {
        "executor": "integer",
        "simulated": str(subject.folder),
        "division": divider.label,
        "division_bound": divider.bound,
        "table_entries": divider.table.size,
        "table_bits": divider.stored_bits,
        **asdict(found),
    }
    return Result(text=text, content=content)


def _float_only(subject: _Subject, samples: Array, labels: Array | None) -> Result:
    with bar("simulate", len(samples)) as advance:
        classes = []
        for batch in batches(samples):
            classes.append(run_float(subject.circuit, batch).logits.argmax(1))
            advance(len(batch), "")
    found = np.concatenate(classes)
    right = None if labels is None else float((found == labels).mean())
    text = f"simulated the float circuit of {subject.folder} on {len(samples)} samples"
    if right is not None:
        text += f"\naccuracy, float  {percent(right)}"
    content = {
        "executor": "float",
        "simulated": str(subject.folder),
        "samples": len(samples),
        "float_accuracy": right,
    }
    return Result(text=text, content=content)


def _save(request: Request, subject: _Subject, samples: Array, path: Path) -> None:
    """Write logits (B, classes) and, if asked for, spikes and currents (B, T, ...) by layer."""
    keep = TRACED if request.trace else frozenset()
    parts = [_arrays(trace) for trace in _traces(request, subject, samples, keep)]
    write_npz(path, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def _traces(
    request: Request, subject: _Subject, samples: Array, keep: frozenset[str]
) -> Iterator[Trace]:
    for batch in batches(samples):
        if request.executor == "float":
            yield run_float(subject.circuit, batch, keep=keep)
        else:
            yield run_integer(subject.program.circuit, batch, keep=keep)


def _arrays(trace: Trace) -> dict[str, Array]:
    arrays = {"logits": trace.logits}
    for kind in ("spikes", "currents"):
        for name, value in getattr(trace, kind).items():
            arrays[f"{kind}/{name}"] = value.swapaxes(0, 1)
    return arrays


def _divider(program: Program) -> Divider:
    division = program.circuit.of(IntegerEILayer)[0].division
    assert division is not None  # a program has passed lower_division
    return division.divider
