"""Job: the events that a board is sent, and what the simulator makes of them.

The loader shows the rates of a board beside these (`view.py` of a build). How far apart they may be
is told by emulated boards, which differ from the simulator as boards are assumed to
(`dpi/boards.py`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.boards import Board
from eideploy.backends.dynapse2.dpi.coding import event_rows, sources_of
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.tuning import DT_S
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.backends.dynapse2.emit import FOLDER, LOADER, write_rows
from eideploy.backends.dynapse2.folders import ChipBuild
from eideploy.backends.dynapse2.jobs.samples import flat_for, own_or_split
from eideploy.backends.dynapse2.jobs.simulate import EVENT_COLUMNS
from eideploy.data.events import Events
from eideploy.data.own.recordings import Camera
from eideploy.errors import DataError, UsageError
from eideploy.files import sha256, write_json
from eideploy.flow.requests.board import (
    OF_DATA_SET,
    WITH_RECORDINGS,
    WITHOUT_RECORDINGS,
    WriteEvents,
)
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.simulate import OnSamples
from eideploy.flow.result import Result
from eideploy.flow.samples import require_place
from eideploy.options import as_path, refuse_idle
from eideploy.progress import bar
from eideploy.report.text import counted, table

KIND, VERSION = "eideploy expected rates", 1  # as the loader's view.py has them
FLOOR_HZ = 1.0  # as there
BOARD = 3000  # the seed of the first emulated board
SPREAD_OVER = 50  # trials at most
POLARITIES = 2

Rows = list[tuple[int, int, str, int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Trials:
    """What a board is sent: rows of its file, how long trials last, what a chip makes of them.

    lasts_us  (trials,); respond: from a wiring to spikes (neurons, trials) of the first so many
    """

    rows: Rows
    lasts_us: Array
    respond: Callable[[Wiring, int], Array]


def write_events(build: ChipBuild, request: WriteEvents) -> Result:
    """Write spikes for the loader, and beside them what rates to expect.

    Raises:
        UsageError: the build has no data set; options without effect.
        DataError: samples or recordings that the chip cannot be sent.
    """
    with_recordings = bool(request.recordings)
    holding = {WITH_RECORDINGS} if with_recordings else {WITHOUT_RECORDINGS, READING}
    if not with_recordings and request.input is None:
        holding.add(OF_DATA_SET)
    of_own = "with --recordings" if with_recordings else "on samples of your own"
    here = "on a split of a data set" if OF_DATA_SET in holding else of_own
    refuse_idle(request, holding, here=here)
    out = Path(request.out)
    require_place(out, inputs=[*map(Path, request.recordings), as_path(request.input)])
    trials = _recorded(build, request) if with_recordings else _shown(build, request)
    if not trials.rows:
        raise DataError(
            "the samples make no events", where=str(build.folder), fix="give brighter samples"
        )
    expected = _expected(build, trials, request.boards)
    write_rows(out, [EVENT_COLUMNS, *trials.rows])
    beside = out.with_suffix(".expected.json")
    content = {"kind": KIND, "version": VERSION, "of": sha256(out), **expected}
    write_json(beside, content)
    seconds = float(trials.lasts_us.sum()) * 1e-6
    rows = [
        [name, str(of["neurons"]), f"{_hz(of, seconds):.1f}", f"x {np.exp(of['spread']):.2f}"]
        for name, of in expected["populations"].items()
    ]
    text = "\n".join(
        [
            f"{counted(len(trials.lasts_us), 'trial')}, {counted(len(trials.rows), 'event')}",
            "",
            table(["population", "neurons", "simulated, Hz", "spread over boards"], rows),
            f"wrote  {out}, {beside.name}",
            f"next   python {build.folder / FOLDER / LOADER[0]} run {out} out.csv --samna",
        ]
    )
    written = {"trials": len(trials.lasts_us), "events": len(trials.rows), "out": str(out)}
    return Result(text=text, content={**written, "expected": str(beside), **expected})


def _hz(of: dict[str, Any], seconds: float) -> float:
    return float(sum(of["spikes"].values()) / (of["neurons"] * seconds))


def _shown(build: ChipBuild, request: WriteEvents) -> _Trials:
    """Return samples of a data set or of the user's, a trial each."""
    wiring = decode(build.configuration, build.spec)
    options = OnSamples(
        samples=request.samples,
        split=request.split,
        input=request.input,
        data=request.data,
        data_dir=request.data_dir,
    )
    samples, _ = own_or_split(build, options, inputs=wiring.inputs, classes=wiring.classes)
    coding, flat = build.configuration.coding, flat_for(samples, build, wiring.inputs)

    def respond(chip: Wiring, count: int) -> Array:
        return classify.show(chip, samples[:count], coding, dt=DT_S).counts

    return _Trials(
        rows=list(event_rows(flat, coding, sources_of(build.configuration))),
        lasts_us=np.full(len(samples), round(coding.duration_s * 1e6)),
        respond=respond,
    )


def _recorded(build: ChipBuild, request: WriteEvents) -> _Trials:
    """Return recordings, a trial each: events of a pixel are sent by the source that it lies on."""
    if not request.sensor:
        raise UsageError(
            "the recordings do not give the size of their sensor",
            where="--sensor",
            fix="give HEIGHTxWIDTH, as --sensor 128x128",
        )
    height, width = (int(side) for side in request.sensor.split("x"))
    sources = sources_of(build.configuration)
    side, both = _side(len(sources), height, width)
    camera, sent = Camera(sensor=(height, width)), list[tuple[Array, Array]]()
    for path in map(Path, request.recordings):
        events = camera.events(path)
        if not len(events):
            raise DataError("the recording has no events", where=str(path), fix="leave it out")
        source = (events["y"] // side).astype(np.int64) * (width // side) + events["x"] // side
        if both:
            source += (events["p"] > 0) * (len(sources) // POLARITIES)
        sent.append((_times(events), source))

    def respond(chip: Wiring, count: int) -> Array:
        ready = Chip(chip, step_of(chip, DT_S))
        counts = [ready.run(_given(*events, chip.inputs)).counts[:, 0] for events in sent[:count]]
        return np.stack(counts, 1)

    named: Rows = [
        (trial, at, *sources[number])
        for trial, (times, source) in enumerate(sent)
        for at, number in zip(times.tolist(), source.tolist(), strict=True)
    ]
    lasts_us = np.array([int(at.max()) + 1 for at, _ in sent])
    return _Trials(rows=named, lasts_us=lasts_us, respond=respond)


def _side(sources: int, height: int, width: int) -> tuple[int, bool]:
    """Return how many pixels along an edge a source stands for, and whether each polarity has one.

    Raises:
        DataError: the sensor's pixels are no whole multiple of the sources.
    """
    for both in (False, True):
        pixels = height * width * (POLARITIES if both else 1)
        side = isqrt(pixels // sources)
        if side and side * side * sources == pixels and not (height % side or width % side):
            return side, both
    raise DataError(
        f"a sensor of {height}x{width} does not lie on the {sources} sources of the network, "
        "square pixels on each",
        where="--sensor",
        fix="name the sensor that made the recordings, or train for recordings of such a sensor",
    )


def _times(events: Events) -> Array:
    """Return when events happen, in microseconds from the first one."""
    times = events["t"].astype(np.int64)
    return np.asarray(times - times.min())


def _given(at: Array, source: Array, inputs: int) -> Array:
    """Return a trial's events as the kernel takes them: (inputs, steps, 1), counts."""
    step = (at * 1e-6 / DT_S).astype(np.int64)
    steps = int(step.max()) + 1
    counts = np.bincount(source * steps + step, minlength=inputs * steps)
    most = np.iinfo(np.uint8).max
    return np.minimum(counts, most).astype(np.uint8).reshape(inputs, steps, 1)


def _expected(build: ChipBuild, trials: _Trials, boards: int) -> dict[str, Any]:
    """Return spikes of every population by trial, and how far its rate differs over boards."""
    c, spec, count = build.configuration, build.spec, len(trials.lasts_us)
    few = min(count, SPREAD_OVER)
    names = dict(_seen(build.network, c))
    with bar("simulate", boards + 1) as advance:
        counts = trials.respond(decode(c, spec), count)
        advance(1, "")
        over = []
        for seed in range(BOARD, BOARD + boards):
            over.append(trials.respond(Board(spec, seed).wiring(c), few))
            advance(1, "")
    seconds = float(trials.lasts_us[:few].sum()) * 1e-6

    def hz(of: Array, rows: Array) -> float:
        return float(of[rows, :few].sum() / (rows.sum() * seconds)) + FLOOR_HZ

    populations = {
        name: {
            "neurons": int(rows.sum()),
            "spikes": {str(trial): int(counts[rows, trial].sum()) for trial in range(count)},
            "spread": float(
                np.sqrt(np.mean([np.log(hz(of, rows) / hz(counts, rows)) ** 2 for of in over]))
            ),
        }
        for name, rows in names.items()
    }
    lasts = {str(trial): int(us) for trial, us in enumerate(trials.lasts_us)}
    return {"boards": boards, "lasts_us": lasts, "populations": populations}


def _seen(network: ChipNetwork, c: Configuration) -> Iterator[tuple[str, Array]]:
    """Yield the populations that the host sees, and which neurons these are, layer after layer."""
    heard = c.neurons.monitor_tag != NOT_MONITORED
    for name in in_layers(network):
        rows = heard & (c.neurons.population == c.populations.index(name))
        if rows.any():
            yield name, rows


def in_layers(network: ChipNetwork) -> list[str]:
    """Return the populations of neurons by how many projections lie between them and the input.

    Of those in one layer, who inhibits comes first, as the others hear it.
    """
    depth = {p.name: 0 for p in network.populations if p.role == "input"}
    for layer in range(1, len(network.populations)):
        reached = {p.target for p in network.projections if depth.get(p.source) == layer - 1}
        depth |= dict.fromkeys(reached - depth.keys(), layer)
    last = len(network.populations)
    ordered = sorted(
        network.neurons, key=lambda p: (depth.get(p.name, last), p.role != "inhibitory")
    )
    return [p.name for p in ordered]
