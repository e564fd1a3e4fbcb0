"""Jobs of a board of mixed-signal chips: measure what it does, and correct a build's biases on it.

Both ask the board by the loader that is installed (`jobs/loader.py`), an emulated one, too.
"""

import csv
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.coding import event_rows, sources_of
from eideploy.backends.dynapse2.dpi.readout import scaled
from eideploy.backends.dynapse2.dpi.tuning import DT_S, Task, tune
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.emit import (
    FOLDER,
    LOADER,
    copy_board_files,
    loader_folder,
    write_rows,
)
from eideploy.backends.dynapse2.folders import ChipBuild, load_chip_build
from eideploy.backends.dynapse2.jobs.loader import reached, run_loader
from eideploy.backends.dynapse2.jobs.samples import first_of_training
from eideploy.backends.dynapse2.jobs.simulate import EVENT_COLUMNS
from eideploy.backends.dynapse2.measured import write_bias_table
from eideploy.backends.dynapse2.patch import PATCH, write_patch
from eideploy.errors import DataError, UsageError
from eideploy.files import read_json, temporary_files, write_json
from eideploy.flow.requests.board import Characterise, OfBuild, Tune
from eideploy.flow.result import Result
from eideploy.progress import note
from eideploy.report.text import counted, table

MEASURED, TABLE, TUNED = "characterised.json", "bias_table.json", "tuned.json"


def board(request: OfBuild, folder: Path) -> Result:
    """Do what is asked of the board of a build.

    Raises:
        UsageError: what mixed-signal chips have not; no board, or two, are named.
        DataError: the board does not answer, or the loader finds another fault.
        FormatError, SpecError: a damaged build.
    """
    match request:
        case Characterise():
            return _characterise(load_chip_build(folder), request)
        case Tune():
            return _tune(load_chip_build(folder), request)
    raise UsageError(
        "the build is for a mixed-signal chip, which has no bitstream and no serial line",
        where=str(folder),
        fix="eideploy board characterise, eideploy board tune, or load.py run in the build",
    )


def _characterise(build: ChipBuild, request: Characterise) -> Result:
    board = reached(request)
    with folders.new_folder(Path(request.out), Path(), "") as staged:
        measured = staged.aside / "measured"
        said = run_loader(build.folder / FOLDER / PATCH, ["characterise", str(measured), *board])
        for path in measured.iterdir():
            path.rename(staged.aside / path.name)
        measured.rmdir()
        factors = write_bias_table(build.folder, staged.aside / MEASURED, staged.aside / TABLE)
        content = read_json(staged.aside / MEASURED)
    summary = [line for line in said.splitlines() if not line.startswith("wrote ")]
    text = "\n".join(
        [
            *summary,
            f"measured  the currents of {', '.join(sorted(factors)) or 'no bias'}",
            f"wrote     {staged.final}",
            f"next      name {staged.final}/defects.json and {staged.final}/{TABLE} in a spec of "
            "your own (docs/dynapse2.md), and compile again",
        ]
    )
    return Result(
        text=text,
        content={
            "build": str(build.folder),
            "measured": str(staged.final),
            "emulated": request.emulate,
            "bias_factors": factors,
            **content,
        },
    )


def _tune(build: ChipBuild, request: Tune) -> Result:
    board = reached(request)
    if build.origin is None:
        raise UsageError(
            "the build has no data set whose training samples could be used for tuning",
            where=str(build.folder),
            fix="compile a run that was trained on a data set",
        )
    shown, _ = first_of_training(build.origin, request.place(), request.per_class)
    with (
        folders.new_folder(Path(request.out), Path(), "") as staged,
        temporary_files(),
        TemporaryDirectory(prefix="eideploy-tune-") as name,
    ):
        task = _task(build, shown, _on_board(Path(name), build, shown, board))
        tuned = tune(task)
        content = {
            "build": str(build.folder),
            "emulated": request.emulate,
            "samples": len(shown),
            "biases": _changed(build.configuration, tuned),
            **_spikes(task, tuned),
        }
        _write(tuned, build.spec, staged.aside)
        write_json(staged.aside / TUNED, content)
    rows = [
        [name, *(f"{hz[key]:.1f}" for key in ("aim", "before", "after"))]
        for name, hz in content["rate_hz"].items()
    ]
    loader = staged.final / FOLDER / LOADER[0]
    text = "\n".join(
        [
            f"tuned by {counted(len(shown), 'training sample')} without labels; "
            f"{counted(len(content['biases']), 'code')} changed",
            "",
            table(["events a second", "simulated", "before", "after"], rows),
            f"wrote  {staged.final}",
            f"next   python {loader} run spikes.csv out.csv {' '.join(board)}",
        ]
    )
    return Result(text=text, content={**content, "tuned": str(staged.final)})


def _task(build: ChipBuild, shown: Array, on_board: Callable[[Configuration], Array]) -> Task:
    def in_simulator(c: Configuration) -> Array:
        return classify.show(decode(c, build.spec), shown, c.coding, dt=DT_S).counts

    return Task(
        network=build.network,
        configuration=build.configuration,
        spec=build.spec,
        dac=load_dac(build.spec),
        board=on_board,
        model=in_simulator,
    )


def _spikes(task: Task, tuned: Configuration) -> dict[str, Any]:
    """Return rates of populations, and by which line the host is to scale each output's count."""
    before = task.configuration
    counts = {
        "aim": task.model(before),
        "before": task.board(before),
        "after": task.board(tuned),
    }
    lines = scaled(decode(tuned, task.spec), counts["after"], counts["aim"])
    return {
        "rate_hz": _rates(counts, before),
        "outputs": {
            "neuron": before.neurons.index[lines.neurons].tolist(),
            "class": lines.one_hot.argmax(1).tolist(),
            "slope": lines.slope.tolist(),
            "offset": lines.offset.tolist(),
        },
    }


def _write(tuned: Configuration, spec: ChipSpec, folder: Path) -> None:
    """Write a patch beside its loader, and the spec that both are read by."""
    place = folder / FOLDER
    place.mkdir()
    for file in LOADER:
        shutil.copyfile(loader_folder() / file, place / file)
    write_patch(tuned, spec, place / PATCH)
    _copy_spec(spec, folder)


def _copy_spec(spec: ChipSpec, folder: Path) -> None:
    """Copy a spec and the files that it names, which a patch in a folder of `folder` is read by."""
    shutil.copyfile(spec.source, folder / folders.SPEC)
    copy_board_files(spec, folder)


def _on_board(
    work: Path, build: ChipBuild, shown: Array, board: list[str]
) -> Callable[[Configuration], Array]:
    """Return what measures a configuration: spikes of every neuron the host sees, by sample.

    work  where patches and spikes are written
    """
    flat, sources = shown.reshape(len(shown), -1), sources_of(build.configuration)
    if flat.shape[1] != len(sources):
        raise DataError(
            f"a sample has {flat.shape[1]} values, the chip is sent {len(sources)}",
            where=f"data set {build.data}",
            fix="pass the training data with --data",
        )
    coding, patch, spikes = build.network.coding, work / FOLDER / PATCH, work / "spikes.csv"
    patch.parent.mkdir()
    _copy_spec(build.spec, work)
    write_rows(spikes, [EVENT_COLUMNS, *event_rows(flat, coding, sources)])
    row_of, numbers = _rows(build.configuration), count(1)

    def measure(c: Configuration) -> Array:
        number = next(numbers)
        note(f"measurement {number} of the board, {counted(len(shown), 'trial')}")
        out = work / f"out-{number}.csv"
        write_patch(c, build.spec, patch)
        run_loader(patch, ["run", str(spikes), str(out), *board])
        counts = np.zeros((len(row_of), len(shown)), np.int64)
        with out.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if int(row["time_us"]) < coding.duration_s * 1e6:
                    counts[row_of[row["population"], int(row["index"])], int(row["trial"])] += 1
        return counts

    return measure


def _rows(c: Configuration) -> dict[tuple[str, int], int]:
    """Return the numbers of neurons by population and index."""
    names = (c.populations[k] for k in c.neurons.population)
    return {who: k for k, who in enumerate(zip(names, c.neurons.index.tolist(), strict=True))}


def _changed(before: Configuration, after: Configuration) -> list[dict[str, Any]]:
    """Return the codes that differ, (coarse, fine) each."""
    return [
        {
            "chip": int(chip),
            "core": int(core),
            "bias": before.bias_names[bias],
            "before": before.biases[chip, core, bias].tolist(),
            "after": after.biases[chip, core, bias].tolist(),
        }
        for chip, core, bias in np.argwhere((before.biases != after.biases).any(-1))
    ]


def _rates(counts: dict[str, Array], c: Configuration) -> dict[str, dict[str, float]]:
    """Return events a second of the neurons that the host sees, by population."""
    seen = c.neurons.monitor_tag != NOT_MONITORED
    return {
        c.populations[number]: {
            key: float(of[seen & (c.neurons.population == number)].mean() / c.coding.duration_s)
            for key, of in counts.items()
        }
        for number in np.unique(c.neurons.population[seen])
    }
