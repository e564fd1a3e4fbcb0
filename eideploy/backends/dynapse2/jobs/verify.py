"""Job: check the files of a build for a mixed-signal chip against its network and each other."""

import subprocess
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from eideploy.backends.dynapse2.chip.account import account
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.mapping import Mapped, map_network
from eideploy.backends.dynapse2.emit import FILES, FOLDER, LOADER, MODEL, board_files, emit
from eideploy.backends.dynapse2.folders import ChipBuild, load_chip_build
from eideploy.backends.dynapse2.jobs.loader import ERROR, loader
from eideploy.backends.dynapse2.patch import PATCH
from eideploy.emitted import Emitted
from eideploy.errors import EideployError
from eideploy.files import temporary_files
from eideploy.flow.build_files import LEFT, WRITTEN
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Row, Verified
from eideploy.flow.stock import DIFFERS, EQUAL, FAILED, NOT_RUN, Item, Stock
from eideploy.options import refuse_idle
from eideploy.report.text import counted

PATIENCE_S = 300


def verify_chip(request: Verify, folder: Path) -> Verified:
    """Check every file of a build.

    Raises:
        FormatError: a damaged build, or a field of patch.json out of its range.
        DataError: there is no space for temporary files.
        UsageError: options that have no effect.
    """
    refuse_idle(request, (), here=f"on {folder}, a build for a mixed-signal chip")
    build = load_chip_build(folder)
    mapped, mapping = _mapped(build)
    rows = [
        mapping,
        _row(f"{FOLDER}/{PATCH}", f"{LOADER[0]} check", _loader, build),
        _nir(build),
        Row(artefact=FOLDER, checked_by="a board", result=NOT_RUN, reason="docs/dynapse2.md"),
    ]
    return Verified(
        said=": every field of patch.json lies in its range",
        rows=rows,
        items=_stock(build, mapped, rows),
        manifest=build.content,
    )


def _stock(build: ChipBuild, mapped: Mapped | None, rows: list[Row]) -> list[Item]:
    """Return what is known of every file, beside what the backend writes for the network now."""
    of_board = (Emitted(name, why="of the board") for name in board_files(build.spec))
    with temporary_files(), TemporaryDirectory(prefix="eideploy-again-") as name:
        if mapped is not None:
            emit(mapped, account(mapped), Path(name))
        return Stock(
            folder=build.folder,
            listed=build.content["files"],
            declared=(*WRITTEN, *FILES, *of_board, *LEFT),
            again=None if mapped is None else Path(name),
            comparisons=rows,
        ).items()


def _row(artefact: str, by: str, check: Callable[[ChipBuild], str], build: ChipBuild) -> Row:
    """Return the row of a check that returns what differs, or nothing."""
    try:
        differs = check(build)
    except (EideployError, OSError, subprocess.SubprocessError) as error:
        what = error.what if isinstance(error, EideployError) else str(error)
        return Row(artefact=artefact, checked_by=by, result=FAILED, reason=what)
    result = DIFFERS if differs else EQUAL
    return Row(artefact=artefact, checked_by=by, result=result, reason=differs)


def _mapped(build: ChipBuild) -> tuple[Mapped | None, Row]:
    """Return the network mapped again, None where that fails, and what comes of it."""
    row = partial(Row, artefact=f"{FOLDER}/{PATCH}", checked_by="mapping the network again")
    monitor = build.content.get("monitor")
    try:
        mapped = map_network(
            build.network, build.spec, monitor="outputs" if monitor == "outputs" else "all"
        )
    except EideployError as error:
        return None, row(result=FAILED, reason=error.what)
    if equal(mapped.configuration, build.configuration):
        return mapped, row(result=EQUAL)
    return mapped, row(result=DIFFERS, reason="the network maps to another configuration")


def _loader(build: ChipBuild) -> str:
    """Run the loader that is installed on the build's patch, and compare what it counts."""
    c, patch = build.configuration, (build.folder / FOLDER / PATCH).resolve()
    done = subprocess.run(
        [*loader("-IB"), f"--patch={patch}", "check"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    expected = (
        f"{counted(c.chips, 'chip')}: {int(c.used.sum())} neurons, "
        f"{int((c.cams.mask > 0).sum())} synapses, "
        f"{int((c.srams.cores > 0).sum())} destinations, {int(c.bias_set.sum())} biases"
    )
    if done.returncode:
        message = done.stderr.strip() or f"exit code {done.returncode}"
        return message.splitlines()[0].removeprefix(ERROR)
    return "" if done.stdout.startswith(expected) else f"it counts {done.stdout.strip()}"


def _nir(build: ChipBuild) -> Row:
    row = partial(Row, artefact=MODEL, checked_by="nir")
    if MODEL not in build.content["files"]:
        return row(result=NOT_RUN, reason="the build has none: nir was not installed")
    if find_spec("nir") is None:
        return row(result=NOT_RUN, reason="nir is not installed")
    return _row(MODEL, "nir", _same_graph, build)


def _same_graph(build: ChipBuild) -> str:
    from eideploy.backends.dynapse2.nirfile import load_chip

    same = equal(load_chip(build.folder / MODEL), build.network)
    return "" if same else "it is another network"
