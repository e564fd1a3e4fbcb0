"""Spiking Heidelberg Digits through tonic: 700 cochlear channels, 20 spoken digits."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.data.cache import cached
from eideploy.data.dataset import Dataset, Labels, Stored, extremes
from eideploy.data.events import bins_by_time, check_any, to_frames
from eideploy.data.optional import open_tonic, require
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
        DataError: a file is missing or damaged, or tonic is not installed.
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
            [path] * len(y),
            _decoded(folder, path, len(y), steps),
            shape=(steps, CHANNELS, 1, 1),
            dtype=np.uint16,
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
            labels: Labels = file["labels"][()].astype(np.int64)
    except HDF5_ERRORS as error:
        raise SOURCE.damaged(f"the file is not whole: {error}", path) from error
    outside = np.flatnonzero((labels < 0) | (labels >= CLASSES))
    if len(outside):
        raise SOURCE.damaged(
            f"recording {outside[0]} has class {labels[outside[0]]}, not one of 0 to {CLASSES - 1}",
            path,
        )
    return labels


def _decoded(folder: Path, path: Path, count: int, steps: int) -> Iterator[Stored]:
    try:
        reader = open_tonic("SHD", folder, train=path.stem.endswith("train"))
    except (*HDF5_ERRORS, MemoryError) as error:
        raise SOURCE.damaged(f"the file is not whole: {error}", path) from error
    for place in range(count):
        yield _frames(reader, place, path, steps)


def _frames(reader: Any, place: int, path: Path, steps: int) -> Stored:  # noqa: ANN401
    where = f"{path}, recording {place}"
    try:
        with np.errstate(invalid="raise"):  # a time that is no number
            events, _ = reader[place]
    except Exception as error:  # h5py's and numpy's errors of a damaged file are many
        raise SOURCE.damaged(f"recording {place} cannot be decoded: {error}", path) from error
    check_any(events, where)
    bins = bins_by_time(events, steps)
    frames = to_frames(events, bins, steps=steps, sensor=(1, 1, CHANNELS), where=where)
    return frames.reshape(steps, CHANNELS, 1, 1)
