"""The files of a build for DYNAP-SE2: dynapse2/ with patch, loader and tables, and model.nir."""

import csv
import hashlib
import io
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eideploy import shipped
from eideploy.backends.dynapse2.chip import defects
from eideploy.backends.dynapse2.chip.account import Account
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.mapping import Mapped
from eideploy.backends.dynapse2.chip.network import FILE, save
from eideploy.backends.dynapse2.chip.spec import BACKEND, ChipSpec
from eideploy.backends.dynapse2.patch import PATCH, write_patch
from eideploy.emitted import Emitted
from eideploy.errors import DataError, FormatError
from eideploy.files import RESTORE, sha256, write_atomic, write_json
from eideploy.folders import SPEC

FOLDER, NEURONS, INPUTS, MAPPING = "dynapse2", "neurons.csv", "input_events.csv", "mapping.json"
MODEL, README = "model.nir", "README.md"
LOADER = (
    "load.py",
    "characterise.py",
    "merge.py",
    "patchfile.py",
    "results.py",
    "session.py",
    "view.py",
)
BY_PYTHON = "compiled by Python, which runs it: remove it before load.py is run if it is not yours"
FILES = (
    Emitted(FILE, why="the network, which the others are compared with"),
    Emitted(MODEL, "run"),
    *(Emitted(f"{FOLDER}/{name}", "again") for name in (PATCH, NEURONS, INPUTS, MAPPING, *LOADER)),
    Emitted(f"{FOLDER}/{README}", "documentation"),
    Emitted(f"{FOLDER}/__pycache__/*", why=BY_PYTHON, listed=False),
)


def emit(mapped: Mapped, used: Account, folder: Path) -> tuple[str, ...]:
    """Write all files into `folder` and return the names of those that were left out.

    Left out is model.nir where nir is not installed.
    """
    place = folder / FOLDER
    place.mkdir()
    save(mapped.network, folder / FILE)
    write_patch(mapped.configuration, mapped.spec, place / PATCH)
    for name in (*LOADER, README):
        shutil.copyfile(loader_folder() / name, place / name)
    write_rows(place / NEURONS, neuron_rows(mapped.configuration, mapped.spec))
    write_rows(place / INPUTS, input_rows(mapped.configuration))
    write_json(place / MAPPING, {"format": 1, **asdict(used)})
    copy_board_files(mapped.spec, folder)
    if find_spec("nir") is None:
        return (MODEL,)
    from eideploy.backends.dynapse2.nirfile import save_chip

    save_chip(mapped.network, folder / MODEL)
    return ()


def write_board(configuration: Configuration, spec: ChipSpec, folder: Path) -> None:
    """Write a patch beside its loader, and the spec that both are read by, without a manifest."""
    place = folder / FOLDER
    place.mkdir()
    for name in LOADER:
        shutil.copyfile(loader_folder() / name, place / name)
    write_patch(configuration, spec, place / PATCH)
    copy_spec(spec, folder)


def copy_spec(spec: ChipSpec, folder: Path) -> None:
    """Copy a spec and the files that it names, which a patch in a folder of `folder` is read by."""
    shutil.copyfile(spec.source, folder / SPEC)
    copy_board_files(spec, folder)


def loader_folder() -> Path:
    """Return where load.py and its parts are installed."""
    return shipped.folder("targets") / BACKEND / "bundle"


def board_files(spec: ChipSpec) -> tuple[str, ...]:
    """Return the names of the files beside a spec: defect map and its profiles, bias table.

    Raises:
        FormatError: the map is missing or damaged.
    """
    defect_map, bias_table = spec.board.defects, spec.board.bias_table
    maps = (defect_map, *defects.profiles(spec.source.parent / defect_map)) if defect_map else ()
    return tuple(filter(None, (*maps, bias_table)))


def fingerprint(spec: ChipSpec) -> str:
    """Return a digest that changes with a spec's file, and with the files beside it.

    Raises:
        FormatError: one of them is missing.
    """
    paths = (spec.source, *(spec.source.parent / name for name in board_files(spec)))
    for path in paths:
        if not path.is_file():
            raise FormatError("the file is missing", where=str(path), fix=RESTORE)
    return hashlib.sha256("".join(map(sha256, paths)).encode()).hexdigest()


def copy_board_files(spec: ChipSpec, folder: Path) -> None:
    """Copy the files that the spec names, so that the build is whole."""
    for name in board_files(spec):
        try:
            shutil.copyfile(spec.source.parent / name, folder / name)
        except OSError as error:
            raise DataError(
                f"cannot copy {name}: {error.strerror}",
                where=str(spec.source),
                fix="check the file",
            ) from error


def neuron_rows(c: Configuration, spec: ChipSpec) -> Iterable[list[Any]]:
    """Yield a line a neuron: its name, its place, what the host sees of its spikes, its class."""
    yield [
        "population",
        "index",
        "chip",
        "core",
        "neuron",
        "host_x_hop",
        "host_tag",
        "output_class",
    ]
    table = c.neurons
    for i in range(len(table.core)):
        x, _ = spec.position(int(table.chip[i]))
        is_monitored = table.monitor_tag[i] >= 0
        yield [
            c.populations[table.population[i]],
            table.index[i],
            table.chip[i],
            table.core[i],
            table.neuron[i],
            spec.monitor.seen_x + x if is_monitored else "",
            table.monitor_tag[i] if is_monitored else "",
            table.output_class[i] if table.output_class[i] >= 0 else "",
        ]


def input_rows(c: Configuration) -> Iterable[list[Any]]:
    """Yield a line an event that a source is sent as; cores as a mask, bit k is core k."""
    yield ["population", "index", "chip", "cores", "x_hop", "y_hop", "tag"]
    table = c.inputs
    for i in range(len(table.tag)):
        row = (table.index, table.chip, table.cores, table.x_hop, table.y_hop, table.tag)
        yield [c.populations[table.population[i]], *(int(column[i]) for column in row)]


def write_rows(path: Path, rows: Iterable[Iterable[Any]]) -> None:
    """Write a table as CSV, atomically."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomic(path, text.getvalue().encode())
