"""Spiking Heidelberg Digits: 700 cochlear channels, 20 spoken digits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.data.cache import cached
from eideploy.data.dataset import Dataset, Labels, Stored, extremes
from eideploy.data.events import COUNT, Events, to_frames
from eideploy.data.optional import require
from eideploy.data.sources import SOURCES
from eideploy.hdf5 import check_hdf5

SOURCE = SOURCES["shd"]
CLASSES, CHANNELS = 20, 700
STEPS = 10  # frames where the caller asks for no other number
MARK = b"\x89HDF\r\n\x1a\n"
HDF5_ERRORS = (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError)
COUNTS = (8156, 2264)  # published recordings of training and of test


def shd(
    data_dir: Path | None, steps: int | None = None, *, counts: tuple[int, int] = COUNTS
) -> Dataset:
    """Return frames (N, T, 700, 1, 1) of spike counts, each frame as long as the others.

    Raises:
        DataError: a file is missing or damaged, or h5py is not installed.
    """
    folder, steps = SOURCE.locate(data_dir), steps or STEPS
    paths = [folder / f"shd_{part}.h5" for part in ("train", "test")]
    if gone := [path.name for path in paths if not path.is_file()]:
        raise SOURCE.missing(f"{', '.join(gone)} missing", where=str(folder))
    labels = [_labels(path, count) for path, count in zip(paths, counts, strict=True)]
    frames = [
        cached(
            folder,
            path.stem,
            [path],
            _decoded(path, len(y), steps),
            shape=(len(y), steps, CHANNELS, 1, 1),
            dtype=COUNT,
        )
        for path, y in zip(paths, labels, strict=True)
    ]
    return Dataset(
        name=SOURCE.name,
        train_x=frames[0],
        train_y=labels[0],
        test_x=frames[1],
        test_y=labels[1],
        classes=CLASSES,
        high=max(extremes(part)[1] for part in frames),
    )


def _labels(path: Path, count: int) -> Labels:
    """Return the classes of a file whose structure, sizes and classes are as published."""
    with path.open("rb") as file:
        mark = file.read(len(MARK))
    if mark != MARK:
        raise SOURCE.damaged(f"the file begins with {mark!r}, not with {MARK!r}", path)
    h5py = require("h5py", path)

    try:
        with path.open("rb") as raw:
            check_hdf5(raw)
        with h5py.File(path, "r") as file:
            _ = file["extra/keys"], file["extra/speaker"]
            for key in ("labels", "spikes/times", "spikes/units"):
                if len(file[key]) != count:
                    raise SOURCE.damaged(
                        f"{key} has {len(file[key])} recordings, not {count}", path
                    )
            labels = np.asarray(file["labels"][()])
    except HDF5_ERRORS as error:
        raise SOURCE.damaged(f"the file is not whole: {error}", path) from error
    if labels.dtype.kind not in "iu":
        raise SOURCE.damaged(f"labels are {labels.dtype}, not whole numbers", path)
    outside = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(outside):
        raise SOURCE.damaged(
            f"recording {outside[0]} has class {labels[outside[0]]}, not one of 0 to {CLASSES - 1}",
            path,
        )
    return labels.astype(np.int64)


def _decoded(path: Path, count: int, steps: int) -> Iterator[Stored]:
    h5py = require("h5py", path)
    with h5py.File(path, "r") as file:
        for place in range(count):
            events = _events(file, place, path)
            where = f"{path}, recording {place}"
            frames = to_frames(events, steps=steps, sensor=(1, 1, CHANNELS), where=where)
            yield frames.reshape(steps, CHANNELS, 1, 1)


def _events(file: Any, place: int, path: Path) -> Events:  # noqa: ANN401 (h5py has no types)
    """Return a recording's channels as they are, and its times in whole microseconds."""
    try:
        times, channels = (np.asarray(file[f"spikes/{name}"][place]) for name in ("times", "units"))
    except Exception as error:  # h5py's errors of a damaged file are many
        raise SOURCE.damaged(f"recording {place} cannot be decoded: {error}", path) from error
    kinds = times.dtype.kind + channels.dtype.kind
    if times.ndim != 1 or times.shape != channels.shape or not set(kinds) <= set("iuf"):
        raise SOURCE.damaged(
            f"recording {place} has {times.dtype} times of shape {times.shape} "
            f"and {channels.dtype} units of shape {channels.shape}, not as many numbers of each",
            path,
        )
    events = np.empty(channels.shape, [("t", np.float64), ("x", channels.dtype)])
    events["t"], events["x"] = np.floor(times.astype(np.float64) * 1e6), channels
    return events
