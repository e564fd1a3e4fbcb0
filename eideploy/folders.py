"""The folders that the tool writes and reads: a run of `train` or `import`, a build of `compile`.

A folder is finished once it has its manifest, which is written last.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from eideploy.backends import families
from eideploy.circuit import Circuit
from eideploy.circuit.store import load, save
from eideploy.errors import FormatError, UsageError
from eideploy.files import (
    MANIFEST,
    Mark,
    read_manifest,
    read_mark,
    require_listed,
    stored,
    write_manifest,
)
from eideploy.finished import Run as Run
from eideploy.nearest import nearest
from eideploy.staging import Staged, alone_with, locked, staged_folder
from eideploy.version import __version__

RUN, BUILD = "eideploy run", "eideploy build"
VERSION = 1
RUNS, BUILDS = Path("runs"), Path("builds")
DISTILLED = "adapted"  # in a manifest: which run one for a chip was distilled from
CONFIG, CIRCUIT, SPEC = "config.toml", "circuit.safetensors", "target.toml"


def discard_if_empty(folder: Path) -> None:
    """Remove a run whose training failed before anything but its configuration was written.

    One that another process has begun to train stays.
    """
    with locked(folder / CONFIG) as alone:
        if alone and [path.name for path in folder.iterdir()] == [CONFIG]:
            discard(folder)


def discard(folder: Path) -> None:
    """Remove a run that this very command made and could not use."""
    shutil.rmtree(folder)
    with suppress(OSError):  # other runs are in it
        RUNS.rmdir()


def finish_run(folder: Path, circuit: Circuit | None, content: Mapping[str, Any]) -> None:
    """Write the circuit, unless the run is of none, and, last, the manifest of a run."""
    if circuit is not None:
        save(circuit, folder / CIRCUIT)
    write_manifest(folder, kind=RUN, version=VERSION, content=stamped(content))


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """What a run's manifest says of a training that makes no E-I circuit."""

    baseline: bool = False
    departures: tuple[str, ...] = ()


def load_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        FormatError: unfinished, damaged, of another kind or version, of a baseline or of an
            ablation that leaves the E-I circuit.
    """
    if is_unfinished(folder):
        raise FormatError(
            "the run is not finished",
            where=str(folder),
            fix=f"finish it with eideploy train --resume {quote(str(folder))}",
        )
    content = read_manifest(folder, kind=RUN, version=VERSION, needs=())
    where = str(folder / MANIFEST)
    trained = stored(_Trained, content, what="the manifest", where=where, extra="ignore")
    if trained.baseline:
        raise FormatError(
            "the run is a batch-normalised baseline to compare with, not an E-I circuit",
            where=str(folder),
            fix='name a run that was trained with network.normalization = "ei"',
        )
    if trained.departures:
        listed = ", ".join(trained.departures)
        raise FormatError(
            f"the run was trained with {listed}, so it is no longer an E-I circuit",
            where=str(folder),
            fix="name a run that was trained without this ablation",
        )
    if CIRCUIT not in content["files"] and (family := families.of_run(folder)):
        raise FormatError(
            f"the run was trained for {family.kind}, not for integers",
            where=str(folder),
            fix=f"compile it with eideploy compile --target {family.name}",
        )
    require_listed(content, (CIRCUIT,), where=where)
    return Run(folder=folder, circuit=load(folder / CIRCUIT), content=content)


def new_folder(out: Path | None, root: Path, stem: str) -> AbstractContextManager[Staged]:
    """Stage the folder `out`, or root/stem-N with the first N that is free once it is filled."""
    return staged_folder(lambda: out or numbered(root, stem))


def sole_training(folder: Path) -> AbstractContextManager[None]:
    """Keep other processes from training the run in `folder`, and clear what a killed one left.

    Raises:
        UsageError: another process is training it.
    """
    return alone_with(
        folder / CONFIG,
        folder,
        what="another process is training the run",
        fix="wait until it ends, or begin another run with eideploy train",
    )


def kind_of(folder: Path, *, wanted: Sequence[str] = (RUN, BUILD)) -> str:
    """Return RUN or BUILD; `wanted` are those that an error may advise to name.

    Raises:
        UsageError: no such folder, or neither.
    """
    _require_folder(folder, wanted)
    if is_unfinished(folder):
        return RUN
    if not (folder / MANIFEST).is_file():
        if (folder / SPEC).is_file() or (folder / CIRCUIT).is_file():
            raise FormatError(
                f"{MANIFEST} is missing, so nothing says what the other files are",
                where=str(folder),
                fix="restore it from a copy, or make the folder again: eideploy compile",
            )
        raise UsageError(
            "the folder is neither a run nor a build",
            where=str(folder),
            fix="name one that eideploy train, import or compile wrote",
        )
    kind = read_mark(folder).kind
    if kind not in (RUN, BUILD):
        raise FormatError(
            f"the manifest is of kind {kind!r}",
            where=str(folder / MANIFEST),
            fix="name the folder of a run or a build",
        )
    return kind


def _require_folder(folder: Path, wanted: Sequence[str]) -> None:
    roots = {kind: root for kind, root in ((RUN, RUNS), (BUILD, BUILDS)) if kind in wanted}
    known = {path.name: path for root in roots.values() for path in _visible(root)}
    begun = [name for name in known if name.startswith(folder.name)]
    close = begun[0] if len(begun) == 1 else nearest(folder.name, known)
    kinds = " or a ".join(kind.removeprefix("eideploy ") for kind in wanted)
    there = (one for kind, root in roots.items() for one in _youngest(root, kind, lambda _: True))
    example = next((f", e.g. {one}" for one in there), "")
    fix = f"name {known[close]}" if close else f"name the folder of a {kinds}{example}"
    try:
        if folder.is_dir():
            return
        what = "that is a file, not a folder" if folder.exists() else "there is no such folder"
    except OSError as error:  # a name that is too long
        what = f"the folder cannot be read: {error.strerror}"
    raise UsageError(what, where=str(folder), fix=fix)


def is_unfinished(folder: Path) -> bool:
    """Return whether `folder` is a run whose training has not ended."""
    return (folder / CONFIG).is_file() and not (folder / MANIFEST).is_file()


def latest_run(*, distilled: bool = True) -> Path | None:
    """Return the finished run that was made last.

    Without `distilled` those that were distilled into a network for a chip are passed over:
    compiling for it makes them in passing, and the run that they are of is what was trained last.
    """
    return next(iter(_youngest(RUNS, RUN, lambda mark: distilled or mark.adapted is None)), None)


def latest_build(backend: str | None = None) -> Path | None:
    """Return the build that was made last, of all or of those that `backend` wrote."""
    return next(iter(latest_builds(backend)), None)


def latest_builds(backend: str | None = None) -> list[Path]:
    """Return the builds, of all or of those that `backend` wrote, the last one first."""
    return _youngest(BUILDS, BUILD, lambda mark: backend in (None, mark.backend))


def unfinished() -> list[Path]:
    """Return the runs whose training has not ended, those that were begun last first."""
    runs = [f for f in _visible(RUNS) if is_unfinished(f)]
    return sorted(runs, key=lambda f: (f / CONFIG).stat().st_mtime, reverse=True)


def latest_unfinished() -> Path | None:
    """Return the run that was begun last, of those whose training has not ended."""
    return next(iter(unfinished()), None)


def created(folder: Path) -> str:
    """Return when a finished run or build was made, as an ISO date that sorts."""
    return read_mark(folder).created


def numbered(root: Path, stem: str) -> Path:
    """Return the first of root/stem-1, root/stem-2, ... that does not exist."""
    names = {path.name for path in _visible(root)}
    number = 1
    while f"{stem}-{number}" in names:
        number += 1
    return root / f"{stem}-{number}"


def _youngest(root: Path, kind: str, wanted: Callable[[Mark], bool]) -> list[Path]:
    candidates = []
    for folder in _visible(root):
        try:
            mark = read_mark(folder)
        except FormatError:
            continue  # a damaged neighbour must not hide the others; named itself, it is refused
        if mark.created and mark.kind == kind and wanted(mark):
            candidates.append((mark.created, folder))
    return [folder for _, folder in sorted(candidates, reverse=True)]


def _visible(root: Path) -> list[Path]:
    """Return what is in `root`, but for the hidden folders that are being filled."""
    if not root.exists():
        return []
    if not root.is_dir():
        raise UsageError(
            f"{root} is a file, but the {root} need a folder of that name",
            where=str(root.absolute()),
            fix="rename the file, or work in another folder",
        )
    return sorted(path for path in root.iterdir() if not path.name.startswith("."))


def stamped(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest's content with the time and this release."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return {"created": now, "eideploy": __version__, **content}
