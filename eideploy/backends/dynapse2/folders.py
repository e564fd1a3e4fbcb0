"""Runs that were trained for a mixed-signal chip, and builds for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends.dynapse2.chip.account import Account
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.mapping import Mapped
from eideploy.backends.dynapse2.chip.network import FILE, ChipNetwork, load
from eideploy.backends.dynapse2.chip.spec import ChipSpec, read_spec
from eideploy.backends.dynapse2.emit import FOLDER, emit
from eideploy.backends.dynapse2.patch import PATCH, read_patch
from eideploy.data.origin import Origin
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, read_json, read_manifest, read_mark, write_manifest

RATES = "rates_hz"  # in a run's manifest: events a second by population


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipRun:
    """A finished run that holds a network for the chip."""

    folder: Path
    network: ChipNetwork
    content: Mapping[str, Any]

    @property
    def rates(self) -> Mapping[str, float] | None:
        """Events a second by population, None where the run does not say."""
        told = self.content.get(RATES)
        if not isinstance(told, dict):
            return None
        return {name: float(hz) for name, hz in told.items() if isinstance(hz, (int, float))}


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipBuild:
    """A finished build: the network as trained, and the configuration that was emitted."""

    folder: Path
    spec: ChipSpec
    network: ChipNetwork
    configuration: Configuration
    content: Mapping[str, Any]

    @property
    def origin(self) -> Origin | None:
        """Where the data come from that the network was trained on, if that is known."""
        return Origin.of_content(self.content)

    @property
    def data(self) -> str | None:
        """The name of the data that the network was trained on, if it is known."""
        return None if self.origin is None else self.origin.name


def is_chip_run(folder: Path) -> bool:
    """Return whether a finished run holds a network for the chip."""
    files = read_json(folder / MANIFEST).get("files")
    return isinstance(files, dict) and FILE in files


def load_chip_run(folder: Path) -> ChipRun:
    """Read a finished run that was trained for the chip.

    Raises:
        FormatError: unfinished, damaged, of another kind, or without a network for the chip.
    """
    content = read_manifest(folder, kind=folders.RUN, version=folders.VERSION, needs=(FILE,))
    return ChipRun(folder=folder, network=load(folder / FILE), content=content)


def finish_chip_build(
    folder: Path, mapped: Mapped, used: Account, content: Mapping[str, Any]
) -> tuple[str, ...]:
    """Write the files, the spec and, last, the manifest; return what was left out."""
    left_out = emit(mapped, used, folder)
    spec = mapped.spec.source.read_text(encoding="utf-8")
    (folder / folders.SPEC).write_text(spec, encoding="utf-8")
    stamped = folders.stamped({**content, "left_out": list(left_out)})
    write_manifest(folder, kind=folders.BUILD, version=folders.VERSION, content=stamped)
    return left_out


def load_chip_build(folder: Path) -> ChipBuild:
    """Read a finished build for the chip; the configuration is what patch.json says.

    Raises:
        UsageError: a build for a digital chip.
        FormatError, SpecError: damaged, of another kind or version.
    """
    backend = read_mark(folder).backend
    if backend not in ("", FOLDER):
        raise UsageError(
            f"the build is for the backend {backend}, not for {FOLDER}",
            where=str(folder),
            fix="name a build that eideploy compile --target dynapse2 wrote",
        )
    needs = (FILE, folders.SPEC, f"{FOLDER}/{PATCH}")
    content = read_manifest(folder, kind=folders.BUILD, version=folders.VERSION, needs=needs)
    spec = read_spec(folder / folders.SPEC)
    return ChipBuild(
        folder=folder,
        spec=spec,
        network=load(folder / FILE),
        configuration=read_patch(folder / FOLDER / PATCH, spec),
        content=content,
    )
