"""The folders that the tool writes and reads: a run of `train` or `import`, a build of `compile`.

A folder is finished once it has its manifest, which is written last.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eideploy import __version__
from eideploy.backends import digital, emit
from eideploy.circuit import Circuit
from eideploy.circuit.store import load, save
from eideploy.errors import FormatError, UsageError
from eideploy.files import MANIFEST, read_json, read_manifest, staged_folder, write_manifest
from eideploy.passes.place import place
from eideploy.program import Program
from eideploy.target import read_target

RUN, BUILD = "eideploy run", "eideploy build"
VERSION = 1
RUNS, BUILDS = Path("runs"), Path("builds")
CONFIG, CIRCUIT, SPEC = "config.toml", "circuit.safetensors", "target.toml"


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A finished run: the float circuit and what the manifest says of it."""

    folder: Path
    circuit: Circuit
    content: Mapping[str, Any]

    @property
    def data(self) -> str | None:
        """The name of the data set that the network was trained on, if it is one of ours."""
        name = self.content.get("data")
        return name if isinstance(name, str) else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Build:
    """A finished build: the float circuit, the program, and what the manifest says of them."""

    folder: Path
    circuit: Circuit
    program: Program
    content: Mapping[str, Any]

    @property
    def data(self) -> str | None:
        """The name of the data set that the network was trained on, if it is one of ours."""
        name = self.content.get("data")
        return name if isinstance(name, str) else None


def finish_run(folder: Path, circuit: Circuit, content: Mapping[str, Any]) -> None:
    """Write the circuit and, last, the manifest of a run."""
    save(circuit, folder / CIRCUIT)
    write_manifest(folder, kind=RUN, version=VERSION, content=_stamped(content))


def load_run(folder: Path) -> Run:
    """Read a finished run.

    Raises:
        FormatError: unfinished, damaged, of another kind or version.
    """
    if is_unfinished(folder):
        raise FormatError(
            "the run is not finished",
            where=str(folder),
            fix=f"finish it with eideploy train --resume {folder}",
        )
    content = read_manifest(folder, kind=RUN, version=VERSION)
    return Run(folder=folder, circuit=load(folder / CIRCUIT), content=content)


@contextmanager
def new_build(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill; it takes its name once the block ends without an error."""
    with staged_folder(folder) as aside:
        yield aside


def finish_build(
    folder: Path, circuit: Circuit, program: Program, spec: str, content: Mapping[str, Any]
) -> None:
    """Write the float circuit, the backend's files, the spec and, last, the manifest of a build."""
    save(circuit, folder / CIRCUIT)
    emit(program, folder)
    (folder / SPEC).write_text(spec, encoding="utf-8")
    write_manifest(folder, kind=BUILD, version=VERSION, content=_stamped(content))


def load_build(folder: Path) -> Build:
    """Read a finished build and place its program again.

    Raises:
        FormatError, SpecError: damaged, of another kind or version.
    """
    content = read_manifest(folder, kind=BUILD, version=VERSION)
    target = read_target(folder / SPEC)
    program = place(load(folder / digital.INTEGER), target=target)
    return Build(folder=folder, circuit=load(folder / CIRCUIT), program=program, content=content)


def kind_of(folder: Path) -> str:
    """Return RUN or BUILD.

    Raises:
        UsageError: no such folder, or neither.
    """
    if not folder.is_dir():
        raise UsageError(
            "there is no such folder",
            where=str(folder),
            fix="name the folder of a run or a build",
        )
    if is_unfinished(folder):
        return RUN
    if not (folder / MANIFEST).is_file():
        raise UsageError(
            "the folder is neither a run nor a build",
            where=str(folder),
            fix="name one that eideploy train, import or compile wrote",
        )
    kind = read_json(folder / MANIFEST).get("kind")
    if kind not in (RUN, BUILD):
        raise FormatError(
            f"the manifest is of kind {kind!r}",
            where=str(folder / MANIFEST),
            fix="name the folder of a run or a build",
        )
    return str(kind)


def is_unfinished(folder: Path) -> bool:
    """Return whether `folder` is a run whose training has not ended."""
    return (folder / CONFIG).is_file() and not (folder / MANIFEST).is_file()


def latest(root: Path, target: str | None = None) -> Path | None:
    """Return the youngest finished folder under `root`, of the builds for `target` if given."""
    found = [(c, f) for c, f in _dated(root) if target in (None, c.get("target"))]
    return max(found, key=lambda pair: str(pair[0].get("created")))[1] if found else None


def latest_unfinished() -> Path | None:
    """Return the run that was begun last, of those whose training has not ended."""
    found = [f for f in RUNS.glob("*") if is_unfinished(f)] if RUNS.is_dir() else []
    return max(found, key=lambda f: (f / CONFIG).stat().st_mtime, default=None)


def created(folder: Path) -> str:
    """Return when a finished run or build was made, as an ISO date that sorts."""
    return str(read_json(folder / MANIFEST).get("created"))


def numbered(root: Path, stem: str) -> Path:
    """Return the first of root/stem-1, root/stem-2, ... that does not exist."""
    number = 1
    while (root / f"{stem}-{number}").exists():
        number += 1
    return root / f"{stem}-{number}"


def _dated(root: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            yield read_json(path), path.parent
        except FormatError:
            continue  # a damaged neighbour must not hide the others; named itself, it is refused


def _stamped(content: Mapping[str, Any]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return {"created": now, "eideploy": __version__, **content}
