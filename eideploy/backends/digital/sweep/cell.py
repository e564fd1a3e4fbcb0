"""One cell of a sweep: a program on one run's samples."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from eideploy import folders
from eideploy.backends.digital.jobs.compile import calibration
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.sweep import cells
from eideploy.backends.digital.sweep.cells import Figures
from eideploy.circuit import Array, Ranges
from eideploy.data.origin import Place
from eideploy.divisions import named
from eideploy.errors import FormatError
from eideploy.files import read_json, stored, write_json
from eideploy.flow.samples import samples_of
from eideploy.folders import Run
from eideploy.memory import keep_freed_memory
from eideploy.options.choices import Form, Split, ZeroPolicy
from eideploy.recipe import Recipe
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from eideploy.version import __version__


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One program on one run's samples; picklable, so that it may travel to another machine."""

    run: str
    run_sha256: str
    scheme: str
    scheme_table: Mapping[str, object]
    division: str
    policy: ZeroPolicy
    inhibition: Form
    target: str
    target_sha256: str
    split: Split
    samples: int | None
    contrast: tuple[float, ...]
    place: Place
    version: str = __version__

    @property
    def key(self) -> str:
        """A name that everything which matters for the figures goes into."""
        facts = asdict(self) | {"run": Path(self.run).name, "data_dir": None}
        del facts["place"]  # the same data, wherever they lie
        return _digest(facts)[:24]


def write_cell(path: Path, figures: Figures) -> None:
    """Write the figures of a cell, atomically, with what tells whether they were changed."""
    table = asdict(figures)
    write_json(path, {"sha256": _digest(table), "figures": table})


def read_cell(path: Path) -> Figures:
    """Return the figures that `write_cell` wrote.

    Raises:
        FormatError: missing, damaged or changed.
    """
    content = read_json(path)
    figures = content.get("figures")
    if not isinstance(figures, dict) or content.get("sha256") != _digest(figures):
        raise FormatError(
            "the cell was changed",
            where=str(path),
            fix="remove it: the same sweep measures it again",
        )
    return stored(Figures, figures, what="the cell", where=str(path))


def _digest(content: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def measure(cell: Cell) -> Figures:
    """Return the figures of a cell."""
    keep_freed_memory()
    inputs = _given(cell.run, cell.run_sha256, cell.split, cell.samples, cell.place)
    recipe = Recipe(
        scheme=load_scheme(cell.scheme),
        divider=named(cell.division),
        zero_policy=cell.policy,
        inhibition=cell.inhibition,
    )
    return cells.measure(
        Path(cell.run).name,
        inputs.run.circuit,
        recipe,
        target=load_target(cell.target),
        ranges=inputs.ranges,
        calibrated_on=inputs.calibrated_on,
        samples=inputs.samples,
        labels=inputs.labels,
        contrasts=cell.contrast,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Given:
    """What every cell of a run begins with."""

    run: Run
    ranges: Ranges
    calibrated_on: Array
    samples: Array
    labels: Array | None


@lru_cache(maxsize=1)
def _given(folder: str, sha256: str, split: Split, count: int | None, place: Place) -> _Given:
    """Read and calibrate a run once in a process; most cells are of the run before."""
    del sha256  # by which another run in the same folder is told apart
    run = folders.load_run(Path(folder))
    ranges, calibrated_on, _ = calibration(run, Compiling(), place)
    samples, labels = samples_of(run, input_file=None, split=split, count=count, place=place)
    return _Given(
        run=run, ranges=ranges, calibrated_on=calibrated_on, samples=samples, labels=labels
    )
