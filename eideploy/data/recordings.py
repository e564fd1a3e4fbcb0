"""Event data sets of one file to a recording, decoded and integrated to frames once."""

import re
from collections.abc import Sequence
from math import ceil
from pathlib import Path

import numpy as np

from eideploy.data.cache import cached
from eideploy.data.checks import check_file, is_litter
from eideploy.data.dataset import Dataset, Labels, Stored, extremes
from eideploy.data.event_sets import EventSet
from eideploy.data.events import COUNT, to_frames
from eideploy.data.pipelines import PIPELINES
from eideploy.errors import DataError

TRAIN_SHARE = 0.9  # of each class, in the order of file names, where the set is published unsplit
Recording = tuple[Path, int]  # file and class


def event_set(data_dir: Path | None, spec: EventSet, steps: int | None = None) -> Dataset:
    """Return frames (N, T, polarities, H, W) of event counts, and their classes.

    Raises:
        DataError: a file is missing, not expected or damaged, or what decodes it not installed.
    """
    folder, steps = spec.source.locate(data_dir), steps or spec.steps
    listed = list_recordings(folder, spec)
    if spec.parts:
        train, test = (
            _open(folder, part, recordings, spec, steps)
            for part, recordings in zip(spec.parts, listed, strict=True)
        )
    else:
        train, test = (
            _open(folder, part, recordings, spec, steps)
            for part, recordings in zip(("train", "test"), split_by_class(listed[0]), strict=True)
        )
    (train_x, train_y), (test_x, test_y) = train, test
    return Dataset(
        name=spec.source.name,
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=len(spec.labels),
        high=max(extremes(train_x)[1], extremes(test_x)[1]),
        size=spec.size,
        augmentation=PIPELINES.get(spec.source.name, ()),
    )


def list_recordings(folder: Path, spec: EventSet) -> list[list[Recording]]:
    """Return the recordings of each part in the order of their paths; looks into no file.

    Raises:
        DataError: a file lies where none is expected, or there are fewer or more than published.
    """
    parts: dict[str, list[Recording]] = {part: [] for part in spec.parts or ("",)}
    suffix = spec.pattern.rpartition(".")[2]
    for path in sorted(folder.rglob(f"*.{suffix}")):
        if is_litter(path):
            continue
        match = re.fullmatch(spec.pattern, path.relative_to(folder).as_posix())
        groups = match.groupdict() if match else {}
        if groups.get("label") not in spec.labels:
            raise spec.source.damaged(f"no recording is expected here: {spec.source.files}", path)
        parts[groups.get("part", "")].append((path, spec.labels.index(groups["label"])))
    for place, (part, recordings) in enumerate(parts.items()):
        wanted = spec.counts[place] if spec.counts else max(1, len(recordings))
        if len(recordings) != wanted:
            raise spec.source.missing(
                f"{len(recordings)} recordings are there, not {wanted}", where=str(folder / part)
            )
    return list(parts.values())


def split_by_class(recordings: Sequence[Recording]) -> tuple[list[Recording], list[Recording]]:
    """Return the first 90 % (rounded up) of each class in the order given, and the rest of each."""
    train: list[Recording] = []
    test: list[Recording] = []
    for label in sorted({label for _, label in recordings}):
        own = [recording for recording in recordings if recording[1] == label]
        border = ceil(len(own) * TRAIN_SHARE)
        train += own[:border]
        test += own[border:]
    return train, test


def _open(
    folder: Path, part: str, recordings: Sequence[Recording], spec: EventSet, steps: int
) -> tuple[Stored, Labels]:
    """Return the frames of a part, from its cache or made now, and the classes."""
    files = [path for path, _ in recordings]
    for path in files:
        check_file(path, spec.source)
    rule = "number" if spec.by_number else "time"
    frames = cached(
        folder,
        f"{part}-by-{rule}",
        files,
        (_frames(path, spec, steps) for path in files),
        shape=(len(files), steps, *spec.sensor),
        dtype=COUNT,
    )
    return frames, np.array([label for _, label in recordings], dtype=np.int64)


def _frames(path: Path, spec: EventSet, steps: int) -> Stored:
    try:
        events = spec.decode(path)
    except DataError:
        raise
    except BaseException as error:  # each decoder has its own; aedat's panic is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise spec.source.damaged(f"the recording cannot be decoded: {error}", path) from error
    return to_frames(
        events, steps=steps, sensor=spec.sensor, where=str(path), by_number=spec.by_number
    )
