"""Jobs that look at runs, builds and targets: sweep, report."""

from collections.abc import Iterable
from pathlib import Path

from eideploy.api import values
from eideploy.api.values import PathLike
from eideploy.circuit.integer import ZeroPolicy
from eideploy.flow import report, sweep
from eideploy.flow.inhibition import Form
from eideploy.flow.result import Result
from eideploy.flow.samples import Split
from eideploy.rtl.synthesis import Family


def sweep_runs(
    runs: Iterable[PathLike] = (),
    *,
    schemes: Iterable[PathLike] = (),
    divisions: Iterable[str] = sweep.DIVISIONS,
    policies: Iterable[ZeroPolicy] = ("minimum",),
    inhibitions: Iterable[Form] = ("factored",),
    target: PathLike = sweep.TARGET,
    split: Split = "test",
    samples: int | None = None,
    contrast: Iterable[float] = (),
    baseline: Iterable[PathLike] = (),
    jobs: int = 0,
    backend: sweep.Backend = "loky",
    data_dir: PathLike | None = None,
    out: PathLike | None = None,
) -> Result:
    """Compare schemes, divisions and policies over runs: `eideploy sweep`.

    Args:
        runs: runs whose means are taken; none for the latest.
        schemes: names or files; none for all that are shipped.
        divisions: names as `division` takes them.
        policies: what replaces a zero divisor, each tried.
        inhibitions: in which forms to compile.
        target: one of `target_names()`, or the path of a spec.
        split: which samples of the network's own data set.
        samples: at most so many; None for all.
        contrast: also measure the accuracy on inputs times these factors.
        baseline: batch-normalised runs beside the contrasts.
        jobs: processes; 0 for one a processor.
        backend: joblib's: "loky", "threading", "dask" or "ray".
        data_dir: where the data sets that are not bundled lie.
        out: the folder; one that holds a part of the same sweep is completed.

    Raises:
        UsageError: an unknown name, no run, or another process at work in the folder.
        CapacityError, DataError: as of compiling and simulating.
    """
    request = sweep.Request(
        runs=tuple(map(Path, runs)),
        schemes=tuple(map(str, schemes)),
        divisions=tuple(divisions),
        policies=tuple(policies),
        inhibitions=tuple(inhibitions),
        target=str(target),
        split=split,
        samples=samples,
        contrast=tuple(contrast),
        baselines=tuple(map(Path, baseline)),
        jobs=jobs,
        backend=backend,
        data_dir=values.path(data_dir),
    )
    return sweep.sweep(request, out=values.path(out))


def report_on(
    folder: PathLike | None = None,
    *,
    out: PathLike | None = None,
    text: bool = False,
    verify: bool = False,
    samples: int | None = None,
    input: PathLike | None = None,  # noqa: A002 - as the option is called
    data_dir: PathLike | None = None,
    synth: Family | None = None,
    fmax: bool = False,
    neurobench: bool = False,
) -> Result:
    """Write report.html and report.json of a build or a run: `eideploy report`.

    Args:
        folder: the build or run; None for the latest build, else run.
        out: the folder to write them into; None for `folder`.
        text: only set a build's dividers side by side, and write nothing.
        verify: run the core in Verilator also where its simulator is to be built first.
        samples: the first so many of the test split.
        input: a .npy file of samples of one's own.
        data_dir: where the data sets that are not bundled lie.
        synth: count the cells of the core by yosys, for "ecp5", "ice40" or "generic".
        fmax: place and route it, too.
        neurobench: add what NeuroBench's harness counts, beside our own counts.

    Raises:
        UsageError: neither a build nor a run; options that have no effect; a tool that is not
            installed.
        FormatError: a damaged build.
        DataError: samples that do not fit the network.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    request = report.Request(
        folder=values.path(folder), out=values.path(out), text=text, verify=verify,
        samples=samples, input=values.path(input),
        data_dir=values.path(data_dir), synth=synth, fmax=fmax, neurobench=neurobench,
    )  # fmt: skip
    return report.report(request)
