"""Job: correct a build's biases on a board of mixed-signal chips, by the spikes that it sends.

What the board was asked, and what it answered, is kept beside the folder of results until that is
written: the same command, given again, goes on from the last whole trial.
"""

import csv
import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.coding import event_rows, sources_of
from eideploy.backends.dynapse2.dpi.readout import scaled
from eideploy.backends.dynapse2.dpi.tuning import DT_S, Task, measurements, tune
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.emit import FOLDER, LOADER, copy_spec, write_board, write_rows
from eideploy.backends.dynapse2.folders import ChipBuild, rebuild
from eideploy.backends.dynapse2.jobs.loader import reached, run_loader
from eideploy.backends.dynapse2.jobs.samples import first_of_training, flat_for
from eideploy.backends.dynapse2.jobs.simulate import EVENT_COLUMNS
from eideploy.backends.dynapse2.patch import PATCH, write_patch
from eideploy.errors import DataError, StoppedError, UsageError
from eideploy.files import read_json, sha256, write_json
from eideploy.flow.requests.board import Tune
from eideploy.flow.result import Result
from eideploy.progress import note
from eideploy.report.text import counted, table
from eideploy.staging import sole_writing

TUNED, DEFECTS, ASKED, MEASURED = "tuned.json", "defects.json", "asked.json", ".measured"
OUTPUTS = "outputs.json"  # beside the patch: the loader decides by it
SILENT_MOST = 0  # spikes on all samples together of a neuron that is called silent
FIRING_LEAST = 5  # and in the simulator, below which nothing is told of it


def tune_board(build: ChipBuild, request: Tune) -> Result:
    """Tune a build's biases on a board.

    Raises:
        UsageError: no board, or two, are named; the build has no data set.
        DataError: the board does not answer, or the loader finds another fault.
        StoppedError: the user pressed Ctrl-C; the same command goes on.
    """
    board = reached(request)
    if build.origin is None:
        raise UsageError(
            "the build has no data set whose training samples could be used for tuning",
            where=str(build.folder),
            fix="compile a run that was trained on a data set",
        )
    samples, _ = first_of_training(build.origin, request.place(), request.per_class)
    out = Path(request.out)
    measured = out.with_name(out.name + MEASURED)
    with sole_writing(measured), folders.new_folder(out, Path(), "") as staged:
        bench = Bench.opened(measured, build, samples, board)
        task = _task(build, samples, bench.measure)
        bench.announce(measurements(task) + 2)
        try:
            tuned = tune(task)
            counts = {
                "aim": task.model(build.configuration),
                "before": task.board(build.configuration),
                "after": task.board(tuned),
            }
        except KeyboardInterrupt:
            raise StoppedError(
                f"stopped in measurement {bench.asked}; what was measured is kept",
                where=str(bench.folder),
                fix="give the same command again, and it goes on from there",
            ) from None
        content = {
            "build": str(build.folder),
            "emulated": request.emulate,
            "samples": len(samples),
            "biases": changed(build.configuration, tuned),
            **_spikes(task, tuned, counts),
        }
        bad = _bad(counts, build.configuration)
        content |= {name: [list(place) for place in places] for name, places in bad.items()}
        write_board(tuned, build.spec, staged.aside)
        write_json(staged.aside / TUNED, content)
        write_json(staged.aside / FOLDER / OUTPUTS, {"outputs": _lines(content["outputs"], task)})
        write_json(staged.aside / DEFECTS, _map(bad))
    shutil.rmtree(measured)
    lines = [_text(content, staged.final, board)]
    if request.rebuild is not None:
        note(f"wrote {staged.final}; mapping the network around what does not work")
        build_around, moved = rebuild(build, staged.final / DEFECTS, Path(request.rebuild))
        content["rebuilt"] = str(build_around)
        lines.append(f"       {build_around}, in which {counted(moved, 'neuron')} lie elsewhere")
    return Result(text="\n".join(lines), content={**content, "tuned": str(staged.final)})


@dataclass(kw_only=True, eq=False)
class Bench:
    """A board, and what it did: a file of spikes for every configuration that it was asked.

    folder  what is kept; asked: how many configurations; total: how many there will be
    """

    folder: Path
    build: ChipBuild
    trials: int
    board: list[str]
    asked: int = 0
    total: int = 0

    @classmethod
    def opened(cls, folder: Path, build: ChipBuild, samples: Array, board: list[str]) -> "Bench":
        """Return a bench for samples (samples, ...), or the one that was begun in the folder.

        Raises:
            DataError: samples of another size; the folder is of another board, or of other samples.
        """
        sources = sources_of(build.configuration)
        flat = flat_for(samples, build, len(sources))
        bench = cls(folder=folder, build=build, trials=len(samples), board=board)
        (folder / FOLDER).mkdir(parents=True, exist_ok=True)
        copy_spec(build.spec, folder)
        write_rows(bench.spikes, [EVENT_COLUMNS, *event_rows(flat, build.network.coding, sources)])
        begun, now = folder / ASKED, {"board": board, "spikes": sha256(bench.spikes)}
        if begun.exists() and read_json(begun) != now:
            raise DataError(
                "the folder holds what another board did, or what other samples made of it",
                where=str(folder),
                fix="remove it, or name another folder with --out",
            )
        write_json(begun, now)
        return bench

    @property
    def spikes(self) -> Path:
        """What the board is sent."""
        return self.folder / "spikes.csv"

    def announce(self, total: int) -> None:
        """Say how many configurations will be asked, and how many were already."""
        self.total = total
        whole = sum(_ended(path) >= self.trials for path in self.folder.glob("*.trials.csv"))
        if whole:
            note(f"{counted(whole, 'measurement')} are in {self.folder} already")

    def measure(self, c: Configuration) -> Array:
        """Return the spikes of every neuron that the host sees, by sample (neurons, samples)."""
        self.asked += 1
        patch = self.folder / FOLDER / PATCH
        write_patch(c, self.build.spec, patch)
        name = hashlib.sha256(patch.read_bytes()).hexdigest()[:16]
        out = self.folder / f"{name}.csv"
        if _ended(self.folder / f"{name}.trials.csv") < self.trials:
            note(
                f"measurement {self.asked} of {self.total} of the board, "
                f"{counted(self.trials, 'trial')}"
            )
            run_loader(patch, ["run", str(self.spikes), str(out), *self.board])
        return self._counts(out)

    def _counts(self, out: Path) -> Array:
        row_of = _rows(self.build.configuration)
        lasts_us = self.build.network.coding.duration_s * 1e6
        counts = np.zeros((len(row_of), self.trials), np.int64)
        with out.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if int(row["time_us"]) < lasts_us:
                    counts[row_of[row["population"], int(row["index"])], int(row["trial"])] += 1
        return counts


def _ended(path: Path) -> int:
    """Return how many trials have ended, of the loader's list of them."""
    if not path.exists():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        return sum(None not in row.values() for row in csv.DictReader(file))


def _task(build: ChipBuild, samples: Array, on_board: Callable[[Configuration], Array]) -> Task:
    def in_simulator(c: Configuration) -> Array:
        return classify.show(decode(c, build.spec), samples, c.coding, dt=DT_S).counts

    return Task(
        network=build.network,
        configuration=build.configuration,
        spec=build.spec,
        dac=load_dac(build.spec),
        board=on_board,
        model=in_simulator,
    )


def _spikes(task: Task, tuned: Configuration, counts: dict[str, Array]) -> dict[str, Any]:
    """Return rates of populations, and by which line the host is to scale each output's count."""
    before = task.configuration
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


def _lines(outputs: dict[str, Any], task: Task) -> list[tuple[str, int, float, float]]:
    """Return rows (population, index, slope, offset), as the loader reads them."""
    c = task.configuration
    rows = np.flatnonzero(decode(c, task.spec).output >= 0)
    names = (c.populations[number] for number in c.neurons.population[rows])
    columns = (outputs["neuron"], outputs["slope"], outputs["offset"])
    return list(zip(names, *columns, strict=True))


def _bad(counts: dict[str, Array], c: Configuration) -> dict[str, list[tuple[int, int, int]]]:
    """Return the places of neurons that are silent, and of those that fire whatever is sent.

    silent  not one spike on all samples, where the simulator has some
    hot     on every sample more spikes than any neuron of the population has on any in it
    """
    on_board, aim, neurons = counts["after"], counts["aim"], c.neurons
    is_monitored = neurons.monitor_tag != NOT_MONITORED
    most = np.zeros(len(is_monitored))
    for number in np.unique(neurons.population):
        own = neurons.population == number
        most[own] = aim[own].max()
    by_fault = {
        "silent": is_monitored & (on_board.sum(1) <= SILENT_MOST) & (aim.sum(1) >= FIRING_LEAST),
        "hot": is_monitored & (on_board.min(1) > most),
    }
    places = np.stack([neurons.chip, neurons.core, neurons.neuron], 1)
    return {name: [tuple(row) for row in places[rows].tolist()] for name, rows in by_fault.items()}


def _map(bad: dict[str, list[tuple[int, int, int]]]) -> dict[str, Any]:
    """Return a map of defects that names neurons alone."""
    chips = dict[str, dict[str, list[list[int]]]]()
    for chip, core, neuron in sorted({place for places in bad.values() for place in places}):
        chips.setdefault(str(chip), {"neurons": []})["neurons"].append([core, neuron])
    return {"version": 1, "chips": chips}


def _text(content: dict[str, Any], out: Path, board: list[str]) -> str:
    rows = [
        [name, *(f"{hz[key]:.1f}" for key in ("aim", "before", "after"))]
        for name, hz in content["rate_hz"].items()
    ]
    lines = [
        f"tuned by {counted(content['samples'], 'training sample')} without labels; "
        f"{counted(len(content['biases']), 'code')} changed",
        "",
        table(["events a second", "simulated", "before", "after"], rows),
    ]
    if content["silent"] or content["hot"]:
        lines.append(
            f"bad    {counted(len(content['silent']), 'silent neuron')}, "
            f"{len(content['hot'])} that fire whatever is sent: to place the network around "
            f"them, compile with --defects {out / DEFECTS}, or tune with --rebuild NEW"
        )
    next_one = f"python {out / FOLDER / LOADER[0]} run spikes.csv out.csv {' '.join(board)}"
    return "\n".join([*lines, f"wrote  {out}", f"next   {next_one}"])


def _rows(c: Configuration) -> dict[tuple[str, int], int]:
    """Return the numbers of neurons by population and index."""
    names = (c.populations[k] for k in c.neurons.population)
    return {who: k for k, who in enumerate(zip(names, c.neurons.index.tolist(), strict=True))}


def changed(before: Configuration, after: Configuration) -> list[dict[str, Any]]:
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
    is_monitored = c.neurons.monitor_tag != NOT_MONITORED
    return {
        c.populations[number]: {
            key: float(
                of[is_monitored & (c.neurons.population == number)].mean() / c.coding.duration_s
            )
            for key, of in counts.items()
        }
        for number in np.unique(c.neurons.population[is_monitored])
    }
