"""Job: run every artefact of a build in every program that is installed, and compare.

A build's files are data. What runs is installed with this tool, or is another program.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np

from eideploy.backends import formats
from eideploy.backends.digital.build import Build, load_build
from eideploy.backends.digital.executors import EXECUTORS, of_rtl
from eideploy.backends.digital.jobs.rtl import require_rtl
from eideploy.backends.digital.options import DIGITAL_BUILD, Verifying
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.backends.digital.report.program import comparison_warnings
from eideploy.backends.digital.validate.compare import compare
from eideploy.backends.executor import Executor, Reference
from eideploy.circuit import Array
from eideploy.data.origin import Place
from eideploy.errors import EideployError
from eideploy.execute.observe import batches
from eideploy.files import temporary_files
from eideploy.flow.build_files import LEFT, WRITTEN
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Row, Verified
from eideploy.flow.samples import made_samples, note_fewer, samples_of
from eideploy.flow.stock import DIFFERS, EQUAL, FAILED, NOT_RUN, Item, Stock
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.progress import Advance, bar, note
from eideploy.report.text import counted
from eideploy.validate.ladder import affordable

SAMPLES = 64
MOST_IN_RTL = 16


@dataclass(frozen=True, kw_only=True)
class Run(Row):
    """An artefact in a program.

    samples      how many it ran; 0 where it did not
    difference   the largest, of sums (integer) or logits (float)
    predictions  how many differ
    accuracy     its own, on these samples; None without labels
    """

    heads: ClassVar[Sequence[str]] = (
        "artefact",
        "run by",
        "result",
        "samples",
        "max difference",
        "predictions differing",
    )

    samples: int = 0
    difference: float | None = None
    predictions: int | None = None
    accuracy: float | None = None

    @property
    def content(self) -> dict[str, Any]:
        """What `--json` says of it."""
        fields = asdict(self)
        return {"artefact": fields.pop("artefact"), "executor": fields.pop("checked_by"), **fields}

    @property
    def cells(self) -> list[str]:
        """What stands in the table, under `heads`."""
        figures = ["-"] * 3
        if self.difference is not None:
            figures = [f"{self.samples}", f"{self.difference:.3g}", f"{self.predictions}"]
        return [self.artefact, self.checked_by, self.result, *figures]


def verify(family: ProgramFamily, request: Verify, folder: Path) -> Verified:
    """Compare what every installed program makes of a build's files with the simulators."""
    verifying = part_of(request, Verifying)
    if verifying.input is not None:
        refuse_idle(request, (DIGITAL_BUILD,), here="on samples of your own")
    build = load_build(folder)
    is_made = build.origin is None and verifying.input is None and request.place() == Place()
    if (rtl := as_path(verifying.rtl)) is not None:
        require_rtl(build.program, rtl)
    executors = family.checking(EXECUTORS) if rtl is None else (of_rtl(rtl),)
    count = verifying.samples or (SAMPLES if rtl is None else MOST_IN_RTL)
    x, labels = _made(build, count) if is_made else _given(build, request, verifying, count)
    with bar("verify", len(executors)) as advance:
        rows = run_executors(build, x, labels, executors, advance=advance)
    comparison = compare(build.circuit, build.program, x[: affordable(build.circuit)], None)
    return Verified(
        said=f" on {counted(len(x), 'sample')}\n"
        "sums against the integer simulator, logits against the float reference",
        rows=rows,
        items=_stock(family, build, rows) if rtl is None else [],
        manifest=build.content,
        facts={"samples": len(x), "random_samples": is_made},
        remarks=sorted(
            {f"  {row.result}: {row.artefact}, {row.reason}" for row in rows if row.reason}
        ),
        warnings=[] if is_made else comparison_warnings(comparison, imported=build.imported),
    )


def _made(build: Build, count: int) -> tuple[Array, None]:
    """Return random samples, for a network that has no data set."""
    samples = made_samples(build.integer, count)
    note(
        "the network was imported and has no data set: comparing on "
        f"{counted(len(samples), 'random sample')}; --input samples.npy gives others"
    )
    return samples, None


def _given(
    build: Build, request: Verify, verifying: Verifying, count: int
) -> tuple[Array, Array | None]:
    x, labels = samples_of(
        build,
        input_file=as_path(verifying.input),
        split=None,
        count=count,
        place=request.place(),
        or_kept=True,
    )
    note_fewer(verifying.samples, len(x))
    return x, labels


def run_executors(
    build: Build,
    x: Array,
    labels: Array | None,
    executors: Sequence[Executor],
    *,
    advance: Advance,
) -> list[Run]:
    """Run every executor on samples, and compare it with what it is to equal."""
    x = np.asarray(x, np.float32)  # as other programs take them
    expected = _expected(build, x, executors)
    rows = []
    for executor in executors:
        rows.append(_row(executor, build, x, labels, expected.get(executor.equals, x)))
        advance(1, executor.name)
    return rows


def _stock(family: ProgramFamily, build: Build, rows: Sequence[Row]) -> list[Item]:
    """Return what is known of every file, beside what the backend writes for the program now."""
    beside = [rule for one in formats.every() for rule in one.files]
    with temporary_files(), TemporaryDirectory(prefix="eideploy-again-") as name:
        again = Path(name)
        family.emit(build.program, again, build.content)
        for one in formats.every():
            is_here = any(rule.check == "again" and build.holds(rule.pattern) for rule in one.files)
            if is_here and one.name not in family.writes:
                one.emit(build.circuit, build.program.circuit, again, build.content)
        return Stock(
            folder=build.folder,
            listed=build.content["files"],
            declared=(*WRITTEN, *family.files, *beside, *LEFT),
            again=again,
            comparisons=rows,
        ).items()


def _expected(build: Build, x: Array, executors: Sequence[Executor]) -> dict[Reference, Array]:
    """Return what the references put out that something which is there is compared with."""
    references = dict.fromkeys(e.equals for e in executors if build.holds(e.artefact))
    runs = {reference: reference.open(build) for reference in references}
    return {
        reference: np.concatenate([run(batch) for batch in batches(x)])
        for reference, run in runs.items()
    }


def _row(executor: Executor, build: Build, x: Array, labels: Array | None, expected: Array) -> Run:
    row = partial(Run, artefact=executor.artefact, checked_by=executor.label)
    if not build.holds(executor.artefact):
        reason = f"the build has no {executor.artefact}: {executor.written}"
        return row(result=NOT_RUN, reason=reason)
    if executor.missing:
        return row(result=NOT_RUN, reason=executor.missing)
    if reason := executor.refuses(build):
        return row(result=NOT_RUN, reason=reason)
    x, expected = x[: executor.most], expected[: executor.most]
    try:
        run = executor.open(build)
        outputs = np.concatenate([run(batch) for batch in batches(x)])
    except EideployError as error:
        return row(result=FAILED, reason=error.what)
    if outputs.shape != expected.shape:
        reason = f"it puts out {outputs.shape}, not {expected.shape}"
        return row(result=FAILED, reason=reason)
    difference = float(np.abs(outputs - expected).max())
    predictions = int((outputs.argmax(1) != expected.argmax(1)).sum())
    equal = difference <= executor.equals.tolerance and not predictions
    return row(
        result=EQUAL if equal else DIFFERS,
        samples=len(x),
        difference=difference,
        predictions=predictions,
        accuracy=None
        if labels is None
        else float((outputs.argmax(1) == labels[: len(outputs)]).mean()),
    )
