"""Job: which classes samples are of, by a build or a run."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.circuit import Array
from eideploy.data.event_sets import EVENT_SETS, EventSet
from eideploy.data.origin import OWN
from eideploy.data.own.inputs import Shape, View, files_of
from eideploy.data.own.recordings import Camera
from eideploy.errors import UsageError
from eideploy.execute.observe import BATCH
from eideploy.files import MANIFEST, exists
from eideploy.flow.requests.predict import Predict
from eideploy.flow.result import Oracle, Result
from eideploy.flow.simulate import family_of
from eideploy.options import refuse_others
from eideploy.options.option import area
from eideploy.progress import bar
from eideploy.report.text import counted, table


def predict(request: Predict) -> Result:
    """Run samples, and say of each the classes with the highest scores.

    Raises:
        UsageError: no build and no run, no file, options that have no effect.
        FormatError: a damaged build or run.
        DataError: a file that is missing, damaged, or holds no samples that the network takes.
        CapacityError: a division that the target does not offer.
    """
    files = [Path(file) for file in request.files]
    named = files.pop(0) if files and _is_network(files[0]) else None
    if not files:
        raise UsageError(
            "there is nothing to predict",
            where=str(named or "FILE"),
            fix="name files of samples, e.g. x.npy",
        )
    family = family_of(named, request.executor, request, "predict")
    executor = request.executor or next(iter(family.executors))
    refuse_others(request, family.options.get("predict"), here=f"with --executor {executor}")
    oracle = family.predict(request, executor, named)
    paths = [one for file in files for one in files_of(file)]
    with bar("predict", len(paths)) as advance:

        def samples() -> Iterator[tuple[str, Array]]:
            for file in paths:
                yield from oracle.view.read(file)
                advance(1, file.name)

        rows = list(_predicted(oracle, samples()))
    content = {"predicted": str(oracle.folder), "executor": executor}
    return _result(oracle, rows, request.top, content)


def _is_network(folder: Path) -> bool:
    if not exists(folder):
        return folder.parent in (folders.RUNS, folders.BUILDS)  # whose names may be misspelt
    return folder.is_dir() and (folders.is_unfinished(folder) or (folder / MANIFEST).is_file())


def view_of(content: Mapping[str, Any], shape: Shape, *, steps: int, high: float) -> View:
    """Return how a network sees samples, as its manifest tells how its own were scaled."""
    scaling, own = content.get("scaling", {}), content.get(OWN, {})
    top = scaling.get("high", high) / high  # a chip is shown parts of the largest value
    events = EVENT_SETS.get(str(content.get("data")))
    return View(
        shape=shape,
        steps=steps,
        high=high,
        offset=scaling.get("offset", 0.0),
        divisor=scaling.get("divisor", 1.0) * top,
        resized=bool(own.get("size") or (events and events.size)),
        camera=_camera_of(own, events),
    )


def _camera_of(own: Mapping[str, Any], events: EventSet | None) -> Camera | None:
    """Return how recordings became the frames that a network was trained on, if they did."""
    if events is not None:
        size = events.sensor[1:]
        return Camera(sensor=size, by_number=events.by_number, decode=events.decode)
    sensor = area(str(own.get("sensor", "")))
    return Camera(sensor=sensor, by_number=own["framing"] == "number") if sensor else None


def _predicted(oracle: Oracle, samples: Iterator[tuple[str, Array]]) -> Iterator[tuple[str, Array]]:
    """Yield the name and the scores of every sample."""
    for _, alike in groupby(samples, lambda named: named[1].shape):
        while some := list(islice(alike, BATCH)):
            names, batch = zip(*some, strict=True)
            yield from zip(names, oracle.scores(np.stack(batch)), strict=True)


def _result(
    oracle: Oracle, rows: Sequence[tuple[str, Array]], top: int, content: Mapping[str, Any]
) -> Result:
    names = oracle.names
    predictions = [
        {
            "sample": name,
            "class": names[int(scores.argmax())],
            "number": int(scores.argmax()),
            "scores": dict(zip(names, map(float, scores), strict=True)),
        }
        for name, scores in rows
    ]
    changed, shape = oracle.view.changed, "x".join(map(str, oracle.view.shape[-2:]))
    text = [
        f"predicted {counted(len(rows), 'sample')} by {oracle.described}",
        oracle.meaning,
        "",
        table(["sample", "class", "score", "then"], [_line(row, top) for row in predictions]),
    ]
    if changed.clipped:
        text.append(
            f"{counted(changed.clipped, 'value')} of {changed.of} lay outside of what the network "
            f"takes, 0 to {oracle.view.high:g}, and were clipped to it"
        )
    if changed.distorted:
        text.append(
            f"stretched {counted(changed.distorted, 'picture')} of other proportions to {shape} "
            "(height x width): crop or pad such pictures first where that matters"
        )
    tied = sum(int((scores == scores.max()).sum() > 1) for _, scores in rows)
    if tied:
        text.append(
            f"the highest score of {counted(tied, 'sample')} is that of several classes: the first "
            "of them is printed"
        )
    counts = {
        "samples": len(rows),
        "tied": tied,
        "clipped": changed.clipped,
        "distorted": changed.distorted,
    }
    return Result(text="\n".join(text), content={**content, **counts, "predictions": predictions})


def _line(prediction: Mapping[str, Any], top: int) -> list[str]:
    first, *others = sorted(prediction["scores"].items(), key=lambda item: -item[1])[:top]
    then = ", ".join(f"{name} {score:.3g}" for name, score in others)
    return [prediction["sample"], first[0], f"{first[1]:.3g}", then]
