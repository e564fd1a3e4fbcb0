"""Which run a job is about: the one that is named, or the latest."""

from pathlib import Path
from shlex import quote

from eideploy import folders
from eideploy.errors import UsageError
from eideploy.folders import Run, load_run
from eideploy.progress import note


def find_run(folder: Path | None) -> Run:
    """Return the run in `folder`, or the finished one that was made last."""
    return load_run(find_run_folder(folder, distilled=False))


def find_run_folder(folder: Path | None, *, distilled: bool = True) -> Path:
    """Return `folder` if it is a run, or that of the latest; not `distilled`: of others first."""
    run = folder or folders.latest_run(distilled=distilled) or folders.latest_run()
    if run is None:
        unfinished = folders.latest_unfinished()
        raise UsageError(
            "there is no finished run" if unfinished else "there is no run",
            where=f"folder {folders.RUNS}",
            fix=f"finish it with eideploy train --resume {quote(str(unfinished))}"
            if unfinished
            else "begin one with eideploy train, or name the folder of one",
        )
    if folder is not None and folders.kind_of(folder, wanted=[folders.RUN]) != folders.RUN:
        raise UsageError(
            "the folder is a build", where=str(folder), fix="name a run, which train writes"
        )
    if folder is None:
        others = "" if run == folders.latest_run() else " but for what was distilled of it"
        note(f"using {run}, the latest run{others}")
    return run
