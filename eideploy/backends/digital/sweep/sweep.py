"""Job: compare number formats, divisions and policies over runs, many cells at once, resumable."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends.digital.build import Compiled
from eideploy.backends.digital.sweep.baselines import baselines
from eideploy.backends.digital.sweep.cell import Cell, measure, read_cell, write_cell
from eideploy.backends.digital.sweep.cells import (
    NAMES,
    Figures,
    Results,
    compared_cells,
    layers_of,
    worst,
)
from eideploy.backends.digital.sweep.plot import sweep_plot
from eideploy.backends.digital.sweep.text import sweep_text
from eideploy.data import BUNDLED
from eideploy.data.origin import Place
from eideploy.divisions import named
from eideploy.errors import DataError, FormatError, UsageError
from eideploy.files import MANIFEST, read_json, sha256, stored, write_atomic, write_json
from eideploy.flow.requests.sweep import NAMED, OWN, TARGET, Sweep
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.options import as_path, refuse_idle
from eideploy.passes.steps import Grid
from eideploy.progress import bar, note
from eideploy.scheme import Scheme, load_scheme, scheme_names, scheme_table
from eideploy.staging import WAIT, alone_with, remove_partial, require_folder
from eideploy.target import Target

SWEEPS, CELLS, PLAN = Path("sweeps"), "cells", "sweep.json"
TABLE, RESULT, PLOT = "sweep.csv", "results.json", "pareto.svg"


def sweep(request: Sweep, target: Target) -> Result:
    """Measure every cell that the folder does not hold yet, and write tables and a plot.

    Raises:
        UsageError: an unknown name, no run, no baseline, or another process at work in the folder.
        CapacityError, DataError: as of compiling and simulating.
    """
    runs = [find_run(Path(run)) for run in request.runs] or [find_run(None)]
    _require_data(runs)
    if all(run.data in BUNDLED for run in runs):
        refuse_idle(request, (), here="on runs of bundled data sets")
    owned = [run.origin is not None and run.origin.own for run in runs]
    holding = {OWN: any(owned), NAMED: not all(owned)}
    refuse_idle(request, [w for w, holds in holding.items() if holds], here="on these runs")
    cells = _cells(request, runs, target)
    baseline = baselines(
        [Path(run) for run in request.baseline],
        request.contrast or (1.0,),
        data=runs[0].data,
        split=request.split,
        count=request.samples,
        place=_place(request, runs[0]),
    )
    folder = as_path(request.out) or folders.numbered(SWEEPS, "sweep")
    _prepare(folder)
    what = "another process is at work in the sweep"
    with alone_with(folder / PLAN, folder, what=what, fix=WAIT):
        remove_partial(folder / CELLS)
        missing = [c for c in cells if not _is_there(_path(folder, c))]
        if len(missing) < len(cells):
            note(f"{len(cells) - len(missing)} of {len(cells)} cells are in {folder} already")
        with bar("sweep", len(missing)) as advance:
            for cell, figures in _measured(missing, request):
                write_cell(_path(folder, cell), figures)
                advance(1, f"{cell.scheme} {cell.division}")
        rows = tuple(read_cell(_path(folder, cell)) for cell in cells)
        content = asdict(Results(cells=rows, baseline=baseline))
        write_json(folder / RESULT, content)
        write_atomic(folder / TABLE, _csv(rows).encode())
        write_atomic(folder / PLOT, sweep_plot(rows, baseline))
    text = f"{sweep_text(rows, baseline)}\n\nsweep  {folder} ({TABLE}, {RESULT}, {PLOT})"
    return Result(text=text, content={"sweep": str(folder), **content})


def _require_data(runs: Sequence[folders.Run]) -> None:
    for run in runs:
        if run.data is None:
            raise UsageError(
                "the run was imported and has no data set to compare on",
                where=str(run.folder),
                fix="compile it scheme by scheme with --calibrate-on, and simulate with --input",
            )


def _place(request: Sweep, run: folders.Run) -> Place:
    """Return where the data of one of the runs lie, of which each may need another option."""
    assert run.origin is not None  # _require_data saw to it
    if run.origin.own:
        return Place(data=as_path(request.data))
    return Place(data_dir=None if run.data in BUNDLED else as_path(request.data_dir))


def _held_by(target: Target) -> list[str]:
    """Return the shipped schemes whose weights fit the words of a target's memory."""
    return [name for name in scheme_names() if _widest(load_scheme(name)) <= target.widths.weight]


def _widest(scheme: Scheme) -> int:
    """Return the bits of the largest weight of a scheme, in the first layer or in another."""
    bits = [scheme.bits_of(first=first) for first in (False, True)]
    widest = max(width for of in bits for width in (of.w_ee, of.w_ie, of.w_ei))
    return Grid(widest, scheme.levels).top.bit_length()


def _cells(request: Sweep, runs: Sequence[folders.Run], target: Target) -> list[Cell]:
    names = tuple(dict.fromkeys(os.fspath(name) for name in request.schemes or _held_by(target)))
    schemes = [load_scheme(name, option="--schemes") for name in names]
    listed = [named(text, option="--divisions") for text in request.divisions]
    dividers = {divider.label: divider for divider in listed}.values()
    policies = tuple(dict.fromkeys(request.policies))
    if absent := sorted({d.method for d in dividers} - target.divider.keys()):
        raise UsageError(
            f"the target cannot divide by {', '.join(absent)}",
            where=f"target {target.name}",
            fix=f"leave them out of --divisions, or sweep over --target {TARGET}",
        )
    forms = tuple(dict.fromkeys(request.inhibitions))
    return [
        Cell(
            run=str(run.folder.resolve()),
            run_sha256=sha256(run.folder / MANIFEST),
            scheme=name,
            scheme_table=scheme_table(scheme),
            division=divider.label,
            policy=policy,
            inhibition=form,
            target=os.fspath(request.target),
            target_sha256=sha256(target.source),
            split=request.split,
            samples=request.samples,
            contrast=tuple(request.contrast),
            place=_place(request, run),
        )
        for run in runs
        for (name, scheme), divider, policy, form in product(
            zip(names, schemes, strict=True), dividers, policies, forms
        )
    ]


def _measured(cells: Sequence[Cell], request: Sweep) -> Iterator[tuple[Cell, Figures]]:
    """Yield every cell with its figures, as they come."""
    from joblib import Parallel, delayed, parallel_config

    jobs = request.jobs or os.cpu_count() or 1
    with parallel_config(backend=request.backend, n_jobs=jobs):
        measured = Parallel(return_as="generator_unordered")(delayed(_pair)(cell) for cell in cells)
        yield from measured


def _pair(cell: Cell) -> tuple[Cell, Figures]:
    return cell, measure(cell)


def _prepare(folder: Path) -> None:
    require_folder(folder)
    foreign = folder.exists() and not (folder / PLAN).is_file()
    if foreign and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise UsageError(
            "the folder holds something other than a sweep",
            where=str(folder),
            fix="name a new folder, or that of a sweep to continue",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / PLAN).is_file():  # first, so that a sweep that was killed is known as one
            write_json(folder / PLAN, {"kind": "eideploy sweep", "version": 1})
        (folder / CELLS).mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(
            f"cannot write: {error.strerror}",
            where=str(folder),
            fix="choose a folder that can be created",
        ) from error


def _path(folder: Path, cell: Cell) -> Path:
    return folder / CELLS / f"{cell.key}.json"


def _is_there(path: Path) -> bool:
    """Return whether a cell was measured; one that was damaged since is measured again."""
    if not path.is_file():
        return False
    try:
        read_cell(path)
    except FormatError as error:
        note(f"{path} is measured again: {error.what}")
        return False
    return True


def _csv(rows: Sequence[Figures]) -> str:
    columns = [k for k in vars(rows[0]) if k not in ("mismatch", "contrast", "folded")]
    layers = layers_of(rows)
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns, "worst_mismatch", *(f"mismatch_{layer}" for layer in layers)])
    for row in rows:
        own = [row.mismatch.get(layer, "") for layer in layers]
        writer.writerow([*(getattr(row, k) for k in columns), worst(row), *own])
    return file.getvalue()


def found_sweep(of: Compiled) -> dict[str, Any] | None:
    """Return the latest sweep that holds cells of a build's run, None where there is none.

    What is no sweep, or damaged, is passed over.
    """
    results = sorted(SWEEPS.glob(f"*/{RESULT}"), key=lambda p: p.stat().st_mtime, reverse=True)
    for path in results:
        try:
            stored_sweep = stored(Results, read_json(path), what="the sweep", where=str(path))
        except FormatError as error:
            note(f"{path} is passed over: {error.what}")
            continue
        if rows := [row for row in stored_sweep.cells if row.run == of.run]:
            own = [of.scheme.name, of.division, of.zero_policy, of.inhibition.form]
            points = [
                asdict(point) | {"this": [getattr(point, name) for name in NAMES] == own}
                for point in compared_cells(rows)
            ]
            return {"folder": str(path.parent), "samples": rows[0].samples, "points": points}
    return None
