"""Job: run every artefact of a build in every program that is installed, and compare.

A build's files are data. What runs is installed with this tool, or is another program.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy import folders
from eideploy.backends import catalogue
from eideploy.backends.catalogue import nir_file
from eideploy.backends.dynapse2.folders import is_chip_build
from eideploy.backends.dynapse2.jobs.verify import verify_chip
from eideploy.circuit import Array
from eideploy.circuit.forms import DIALECTS, without_division
from eideploy.errors import EideployError, UsageError
from eideploy.files import temporary_files
from eideploy.flow.build_files import LEFT, WRITTEN
from eideploy.flow.executors import EXECUTORS, Executor
from eideploy.flow.requests.shared import DIGITAL_BUILD
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Result
from eideploy.flow.samples import samples_of
from eideploy.flow.stock import (
    DIFFERS,
    EQUAL,
    FAILED,
    NOT_RUN,
    Item,
    Stock,
    stock_counts,
    stock_hint,
    stock_text,
    stock_verdict,
)
from eideploy.flow.warning import comparison_warnings, with_warnings
from eideploy.folders import Build, load_build
from eideploy.options import as_path, refuse_idle
from eideploy.progress import Advance, bar, note
from eideploy.report.text import counted, table
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import batches
from eideploy.validate.compare import compare
from eideploy.validate.ladder import affordable

SAMPLES = 64
TOLERANCE = {"integer": 0.0, "float": 1e-5, "plain": 1e-5}  # on sums, and on logits


@dataclass(frozen=True, kw_only=True)
class Row:
    """An artefact in a program.

    result       "equal", "differs", "failed" or "not run"
    samples      how many it ran; 0 where it did not
    difference   the largest, of sums (integer) or logits (float)
    predictions  how many differ
    accuracy     its own, on these samples; None without labels
    reason       why it failed or was not run
    """

    artefact: str
    executor: str
    result: str
    samples: int = 0
    difference: float | None = None
    predictions: int | None = None
    accuracy: float | None = None
    reason: str = ""

    @property
    def label(self) -> str:
        """What compared it."""
        return self.executor

    @property
    def is_gap(self) -> bool:
        """Whether it ran and is not equal."""
        return self.result in (DIFFERS, FAILED)


def verify(request: Verify) -> Result:
    """Compare what every installed program makes of a build's files with the simulators.

    Raises:
        UsageError: nothing to verify; options that have no effect.
        FormatError: a damaged build.
        DataError: samples that do not fit the network.
    """
    folder = _folder(as_path(request.build))
    if is_chip_build(folder):
        refuse_idle(request, (), here=f"on {folder}, a build for a mixed-signal chip")
        return verify_chip(folder)
    if request.input is not None:
        refuse_idle(request, (DIGITAL_BUILD,), here="on samples of your own")
    build = load_build(folder)
    count = request.samples or SAMPLES
    x, labels = samples_of(
        build,
        input_file=as_path(request.input),
        split=None,
        count=count,
        place=request.place(),
    )
    with bar("verify", len(EXECUTORS)) as advance:
        rows = run_executors(build, x, labels, EXECUTORS, advance=advance)
    items = _stock(build, rows)
    gaps = any(row.is_gap for row in rows) or any(item.state == "gap" for item in items)
    result = Result(
        text=_text(build, len(x), rows, items),
        content={
            "build": str(build.folder), "samples": len(x), "equal": not gaps,
            "rows": [asdict(row) for row in rows],
            "files": [asdict(item) for item in items], "counts": stock_counts(items),
        },
        exit_code=1 if gaps else 0,
    )  # fmt: skip
    found = compare(build.circuit, build.program, x[: affordable(build.circuit)], None)
    return with_warnings(result, comparison_warnings(found, imported=build.imported))


def run_executors(
    build: Build,
    x: Array,
    labels: Array | None,
    executors: Sequence[Executor],
    *,
    advance: Advance,
) -> list[Row]:
    """Run every executor on samples, and compare it with the simulator of its kind."""
    x = np.asarray(x, np.float32)  # as other programs take them
    expected = _expected(build, x)
    rows = []
    for executor in executors:
        rows.append(_row(executor, build, x, labels, expected.get(executor.kind, x)))
        advance(1, executor.name)
    return rows


def _stock(build: Build, rows: Sequence[Row]) -> list[Item]:
    """Return what is known of every file, beside what the backend writes for the program now."""
    backend = catalogue.of(build.program.target)
    extras = [rule for extra in catalogue.EXTRAS.values() for rule in extra.files]
    with temporary_files(), TemporaryDirectory(prefix="eideploy-again-") as name:
        again = Path(name)
        backend.emit(build.program, again)
        return Stock(
            folder=build.folder,
            listed=build.content["files"],
            declared=(*WRITTEN, *backend.files, *extras, *LEFT),
            again=again,
            comparisons=rows,
        ).items()


def _folder(folder: Path | None) -> Path:
    found = folder or folders.latest_build()
    if found is None:
        raise UsageError(
            "there is no build", where=f"folder {folders.BUILDS}", fix="make one: eideploy compile"
        )
    if folders.kind_of(found, wanted=[folders.BUILD]) != folders.BUILD:
        raise UsageError(
            "the folder is a run", where=str(found), fix="name a build, which compile writes"
        )
    if folder is None:
        note(f"using {found}, the latest build")
    return found


def _expected(build: Build, x: Array) -> dict[str, Array]:
    """Return what the simulators put out: sums of the program, logits of the float circuit."""
    sums = [run_integer(build.program.circuit, batch).totals for batch in batches(x)]
    logits = [run_float(build.circuit, batch).logits for batch in batches(x)]
    expected = {"integer": np.concatenate(sums), "float": np.concatenate(logits)}
    if build.holds(nir_file("plain")):
        ranges = build.program.circuit.ranges
        assert ranges is not None  # it was calibrated
        plain = without_division(build.circuit, ranges)
        logits = [run_float(plain, batch).logits for batch in batches(x)]
        expected["plain"] = np.concatenate(logits)
    return expected


def _row(executor: Executor, build: Build, x: Array, labels: Array | None, expected: Array) -> Row:
    row = partial(Row, artefact=executor.artefact, executor=executor.label)
    if not build.holds(executor.artefact):
        why = f"the build has no {executor.artefact}"
        hint = (
            "its README.md says why"
            if executor.commands
            else f"eideploy compile --emit {_option(executor.artefact)} writes it"
        )
        return row(result=NOT_RUN, reason=f"{why}: {hint}")
    if executor.missing:
        return row(result=NOT_RUN, reason=executor.missing)
    if reason := executor.refuses(build):
        return row(result=NOT_RUN, reason=reason)
    x, expected = x[: executor.most], expected[: executor.most]
    try:
        run = executor.open(build)
        found = np.concatenate([run(batch) for batch in batches(x)])
    except EideployError as error:
        return row(result=FAILED, reason=error.what)
    if found.shape != expected.shape:
        reason = f"it puts out {found.shape}, not {expected.shape}"
        return row(result=FAILED, reason=reason)
    difference = float(np.abs(found - expected).max())
    predictions = int((found.argmax(1) != expected.argmax(1)).sum())
    equal = difference <= TOLERANCE[executor.kind] and not predictions
    return row(
        result=EQUAL if equal else DIFFERS,
        samples=len(x),
        difference=difference,
        predictions=predictions,
        accuracy=None
        if labels is None
        else float((found.argmax(1) == labels[: len(found)]).mean()),
    )


def _option(artefact: str) -> str:
    """Return what --emit takes for a file of the network."""
    if not artefact.endswith(".nir"):
        return "onnx"
    (dialect,) = (d for d in DIALECTS if nir_file(d) == artefact)
    return f"nir --nir-dialect {dialect}"


def _text(build: Build, count: int, rows: list[Row], items: list[Item]) -> str:
    head = ["artefact", "run by", "result", "samples", "max difference", "predictions differing"]
    cells = [
        [
            row.artefact, row.executor, row.result,
            *(["-"] * 3 if row.difference is None else
              [f"{row.samples}", f"{row.difference:.3g}", f"{row.predictions}"]),
        ]
        for row in rows
    ]  # fmt: skip
    reasons = sorted(
        {f"  {row.result}: {row.artefact}, {row.reason}" for row in rows if row.reason}
    )
    return "\n".join(
        [
            f"verified build {build.folder} on {counted(count, 'sample')}",
            "sums against the integer simulator, logits against the float reference",
            "",
            table(head, cells),
            *(["", *reasons] if reasons else []),
            "",
            stock_text(items),
            "",
            *stock_hint(build.content, items),
            f"{_verdict(rows, items)}; {stock_verdict(items)}",
        ]
    )


def _verdict(rows: list[Row], items: list[Item]) -> str:
    differing = sum(row.is_gap for row in rows)
    ran = [row for row in rows if row.result == EQUAL]
    if differing:
        return f"{counted(differing, 'gap')}: this build is not what its simulators say"
    if other := stock_counts(items)["gap"]:
        return f"{counted(other, 'gap')}: this build is not what eideploy writes"
    return f"no gap: {counted(len(ran), 'comparison')}, all equal"
