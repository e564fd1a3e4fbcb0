"""Job: check the files of a build for a mixed-signal chip against its network and each other."""

import csv
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eideploy.backends.dynapse2.emit import (
    FOLDER,
    INPUTS,
    MODEL,
    NEURONS,
    input_rows,
    neuron_rows,
)
from eideploy.backends.dynapse2.patch import PATCH
from eideploy.chip_folders import ChipBuild, load_chip_build
from eideploy.dynapse2.arrays import equal
from eideploy.dynapse2.mapping import map_network
from eideploy.errors import EideployError
from eideploy.flow.result import Result
from eideploy.report.text import counted, table

EQUAL, DIFFERS, FAILED, NOT_RUN = "equal", "differs", "failed", "not run"
PATIENCE_S = 300


@dataclass(frozen=True, kw_only=True)
class Row:
    """A file, by what it was checked, and what came out; `reason`: of a failure, or not to run."""

    artefact: str
    checked_by: str
    result: str
    reason: str = ""


def verify_chip(folder: Path) -> Result:
    """Check every file of a build.

    Raises:
        FormatError: a damaged build, or a field of patch.json out of its range.
    """
    build = load_chip_build(folder)
    rows = [
        _row(f"{FOLDER}/{PATCH}", "mapping the network again", _same_mapping, build),
        _row(f"{FOLDER}/{PATCH}", "load.py check", _loader, build),
        _row(f"{FOLDER}/{NEURONS}, {INPUTS}", "patch.json", _same_tables, build),
        _nir(build),
        Row(artefact=FOLDER, checked_by="a board", result=NOT_RUN, reason="docs/dynapse2.md"),
    ]
    gaps = [row for row in rows if row.result in (DIFFERS, FAILED)]
    ran = sum(row.result == EQUAL for row in rows)
    cells = [[row.artefact, row.checked_by, row.result, row.reason] for row in rows]
    verdict = counted(len(gaps), "gap") if gaps else f"no gap: {counted(ran, 'check')}, all equal"
    head = f"verified build {folder}: every field of patch.json lies in its range"
    text = [head, "", table(["artefact", "checked by", "result", "reason"], cells), "", verdict]
    return Result(
        text="\n".join(text),
        content={
            "build": str(folder), "equal": not gaps, "rows": [asdict(row) for row in rows],
        },
        exit_code=1 if gaps else 0,
    )  # fmt: skip


def _row(artefact: str, by: str, check: Callable[[ChipBuild], str], build: ChipBuild) -> Row:
    """Return the row of a check that returns what differs, or nothing."""
    try:
        differs = check(build)
    except (EideployError, OSError, subprocess.SubprocessError) as error:
        what = error.what if isinstance(error, EideployError) else str(error)
        return Row(artefact=artefact, checked_by=by, result=FAILED, reason=what)
    result = DIFFERS if differs else EQUAL
    return Row(artefact=artefact, checked_by=by, result=result, reason=differs)


def _same_mapping(build: ChipBuild) -> str:
    monitor = build.content.get("monitor")
    again = map_network(
        build.network, build.spec, monitor="outputs" if monitor == "outputs" else "all"
    )
    same = equal(again.configuration, build.configuration)
    return "" if same else "the network maps to another configuration"


def _loader(build: ChipBuild) -> str:
    """Run load.py in a process of its own and compare what it counts."""
    c = build.configuration
    done = subprocess.run(
        [sys.executable, "-B", "load.py", "check"], cwd=build.folder / FOLDER,
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    expected = (
        f"{c.chips} chips: {int(c.used.sum())} neurons, {int((c.cams.mask > 0).sum())} synapses, "
        f"{int((c.srams.cores > 0).sum())} destinations, {int(c.bias_set.sum())} biases"
    )
    if done.returncode:
        return done.stderr.strip()
    return "" if done.stdout.startswith(expected) else f"it counts {done.stdout.strip()}"


def _same_tables(build: ChipBuild) -> str:
    wanted = {
        NEURONS: neuron_rows(build.configuration, build.spec),
        INPUTS: input_rows(build.configuration),
    }
    differing = [
        name for name, rows in wanted.items() if not _same_rows(build.folder / FOLDER / name, rows)
    ]
    return f"{', '.join(differing)} says otherwise" if differing else ""


def _same_rows(path: Path, rows: Iterable[list[Any]]) -> bool:
    with path.open(newline="", encoding="utf-8") as file:
        return [[str(value) for value in row] for row in rows] == list(csv.reader(file))


def _nir(build: ChipBuild) -> Row:
    row = {"artefact": MODEL, "checked_by": "nir"}
    if not (build.folder / MODEL).is_file():
        return Row(**row, result=NOT_RUN, reason="the build has none: nir was not installed")
    if find_spec("nir") is None:
        return Row(**row, result=NOT_RUN, reason="nir is not installed")
    return _row(MODEL, "nir", _same_graph, build)


def _same_graph(build: ChipBuild) -> str:
    from eideploy.backends.nir.chip import load_chip

    same = equal(load_chip(build.folder / MODEL), build.network)
    return "" if same else "it is another network"
