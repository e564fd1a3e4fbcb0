"""Runs that were trained for a mixed-signal chip, and builds for one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.around import avoiding
from eideploy.backends.dynapse2.chip.account import Account, account
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.mapping import Mapped, map_network
from eideploy.backends.dynapse2.chip.network import FILE, ChipNetwork, load
from eideploy.backends.dynapse2.chip.spec import ChipSpec, read_spec
from eideploy.backends.dynapse2.dpi.operating import points
from eideploy.backends.dynapse2.emit import FOLDER, emit
from eideploy.backends.dynapse2.patch import PATCH, read_patch
from eideploy.data.origin import Origin
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, read_json, read_manifest, read_mark, write_manifest
from eideploy.options.choices import Monitor

RATES = "rates_hz"  # in a manifest: events a second by population
MADE = ("kind", "version", "created", "eideploy", "files", "left_out")  # anew for every build


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipRun:
    """A finished run that holds a network for the chip."""

    folder: Path
    network: ChipNetwork
    content: Mapping[str, Any]

    @property
    def rates(self) -> Mapping[str, float] | None:
        """Events a second by population, None where the run does not say."""
        return _rates(self.content)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipBuild:
    """A finished build: the network as trained, and the configuration that was emitted."""

    folder: Path
    spec: ChipSpec
    network: ChipNetwork
    configuration: Configuration
    content: Mapping[str, Any]

    @property
    def rates(self) -> Mapping[str, float] | None:
        """Events a second by population as the run says, None where it does not."""
        return _rates(self.content)

    @property
    def origin(self) -> Origin | None:
        """Where the data come from that the network was trained on, if that is known."""
        return Origin.of_content(self.content)

    @property
    def data(self) -> str | None:
        """The name of the data that the network was trained on, if it is known."""
        return None if self.origin is None else self.origin.name


def _rates(content: Mapping[str, Any]) -> Mapping[str, float] | None:
    rates = content.get(RATES)
    if not isinstance(rates, dict):
        return None
    return {name: float(hz) for name, hz in rates.items() if isinstance(hz, (int, float))}


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


def rebuild(build: ChipBuild, defects: Path, out: Path) -> tuple[Path, int]:
    """Map a build's network around more defects, into a new build.

    Returns:
        The build, and how many neurons lie elsewhere than before.

    Raises:
        CapacityError: naming every misfit.
        FormatError: a damaged map.
        DataError: `out` exists already, or cannot be written.
    """
    before, content = build.configuration.neurons, build.content
    monitor: Monitor = "outputs" if content.get("monitor") == "outputs" else "all"
    manifest = {key: value for key, value in content.items() if key not in MADE}
    with avoiding(build.spec, defects) as board:
        mapped = map_network(build.network, board, monitor=monitor)
        used, rates = account(mapped), build.rates
        works = None
        if rates is not None:
            works = [asdict(p) for p in points(mapped.configuration, board, rates)]
        manifest |= {"mapping": asdict(used), "operating": works}
        with folders.new_folder(out, folders.BUILDS, "") as staged:
            finish_chip_build(staged.aside, mapped, used, manifest)
    after = mapped.configuration.neurons
    places = [np.stack([of.chip, of.core, of.neuron], 1) for of in (before, after)]
    return staged.final, int((places[0] != places[1]).any(1).sum())


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
