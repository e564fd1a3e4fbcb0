"""Jobs of a board of mixed-signal chips, by the loader that is installed (`jobs/loader.py`)."""

from pathlib import Path

from eideploy import folders
from eideploy.backends.dynapse2.emit import FOLDER
from eideploy.backends.dynapse2.folders import ChipBuild, load_chip_build, rebuild
from eideploy.backends.dynapse2.jobs.bias_sets import bias_sets
from eideploy.backends.dynapse2.jobs.events import write_events
from eideploy.backends.dynapse2.jobs.loader import reached, run_loader
from eideploy.backends.dynapse2.jobs.tune import tune_board
from eideploy.backends.dynapse2.measured import write_bias_table
from eideploy.backends.dynapse2.patch import PATCH
from eideploy.errors import UsageError
from eideploy.files import read_json
from eideploy.flow.requests.board import Biases, Characterise, OfBuild, Tune, WriteEvents
from eideploy.flow.result import Result
from eideploy.progress import note
from eideploy.report.text import counted
from eideploy.staging import require_free

MEASURED, TABLE, DEFECTS = "characterised.json", "bias_table.json", "defects.json"


def board(request: OfBuild, folder: Path) -> Result:
    """Do what is asked of the board of a build.

    Raises:
        UsageError: what mixed-signal chips have not; no board, or two, are named.
        DataError: the board does not answer, or the loader finds another fault.
        FormatError, SpecError: a damaged build.
    """
    if isinstance(request, Characterise | Tune) and request.rebuild is not None:
        _require_free(request, Path(request.rebuild))
    match request:
        case Characterise():
            return _characterise(load_chip_build(folder), request)
        case Tune():
            return tune_board(load_chip_build(folder), request)
        case WriteEvents():
            return write_events(load_chip_build(folder), request)
        case Biases():
            return bias_sets(load_chip_build(folder), request)
    raise UsageError(
        "the build is for a mixed-signal chip, which has no bitstream and no serial line",
        where=str(folder),
        fix="write its spikes by eideploy board events, and run load.py run in the build",
    )


def _require_free(request: Characterise | Tune, new: Path) -> None:
    """Refuse, before the board is measured, a new build that could not be written afterwards.

    Raises:
        UsageError: it is the folder of what is measured; DataError: it exists already.
    """
    if new.resolve() == Path(request.out).resolve():
        raise UsageError(
            "the new build and what is measured have the same folder",
            where=f"--rebuild {request.rebuild}",
            fix="name another folder",
        )
    require_free(new, option="--rebuild")


def _characterise(build: ChipBuild, request: Characterise) -> Result:
    board = reached(request)
    with folders.new_folder(Path(request.out), Path(), "") as staged:
        measured = staged.aside / "measured"
        printed = run_loader(build.folder / FOLDER / PATCH, ["characterise", str(measured), *board])
        for path in measured.iterdir():
            path.rename(staged.aside / path.name)
        measured.rmdir()
        factors = write_bias_table(build.folder, staged.aside / MEASURED, staged.aside / TABLE)
        content = read_json(staged.aside / MEASURED)
    lines = [line for line in printed.splitlines() if not line.startswith("wrote ")]
    lines += [
        f"measured  the currents of {', '.join(sorted(factors)) or 'no bias'}",
        f"wrote     {staged.final}",
    ]
    result = {
        "build": str(build.folder),
        "measured": str(staged.final),
        "emulated": request.emulate,
        "bias_factors": factors,
        **content,
    }
    if request.rebuild is None:
        lines.append(
            f"next      compile with --defects {staged.final / DEFECTS}, or characterise with "
            f"--rebuild NEW; name {staged.final / TABLE} in a spec of your own (docs/dynapse2.md)"
        )
        return Result(text="\n".join(lines), content=result)
    note(f"wrote {staged.final}; mapping the network around what does not work")
    build_around, moved = rebuild(build, staged.final / DEFECTS, Path(request.rebuild))
    lines.append(f"          {build_around}, in which {counted(moved, 'neuron')} lie elsewhere")
    return Result(text="\n".join(lines), content={**result, "rebuilt": str(build_around)})
