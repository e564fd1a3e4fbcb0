"""From a user's file or folder to a data set: what it holds is told by what it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eideploy.data.dataset import Dataset, Labels, Stored
from eideploy.data.digits import split
from eideploy.data.own.classes import Samples, by_class, suffix_of, suffixes_in
from eideploy.data.own.files import SAVE, holds_arrays, kept, read_arrays
from eideploy.data.own.idx import holds_idx, read_idx
from eideploy.data.own.images import SUFFIXES as IMAGES
from eideploy.data.own.images import read_images
from eideploy.data.own.labels import as_labels
from eideploy.data.own.recordings import SUFFIXES as RECORDINGS
from eideploy.data.own.recordings import read_recordings
from eideploy.data.own.scale import scale_of
from eideploy.data.own.shapes import with_axes
from eideploy.errors import ConfigError, DataError
from eideploy.files import exists
from eideploy.nearest import advice_on
from eideploy.options.option import AREA, area

Framing = Literal["time", "number"]
KINDS = (
    f"an .npz file ({SAVE}), or a folder of .npy files of these names, of idx files, or of PNG or "
    "JPEG images or event recordings in a folder to each class"
)
TEST_SHARE = 0.2  # of each class, where the data are not split already


@dataclass(frozen=True, kw_only=True)
class ReadAs:
    """What a user says of data that do not say it themselves."""

    size: str = ""  # HEIGHTxWIDTH that the network sees; empty for that of the samples
    sensor: str = ""  # HEIGHTxWIDTH of the camera of event recordings
    framing: str = "time"  # or number: frames that last as long, or have as many events


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What a file or folder holds.

    x, y      those of training and of test, or all samples
    names     of the classes, where they are numbers and have names
    notes     what was made of them, in words
    pictures  whether they are bytes of image files
    """

    x: list[Stored]
    y: list[NDArray[Any]]
    names: NDArray[Any] | None
    notes: list[str]
    pictures: bool = False


def read_own(path: Path, how: ReadAs | None = None, *, steps: int | None = None) -> Dataset:
    """Return the data set that a file or folder of the user's is.

    Raises:
        ConfigError: other frames than `steps`, or `how` makes no sense.
        DataError: missing, damaged, or not samples with classes; the array or file is named.
    """
    how = how or ReadAs()
    return as_dataset(_found(path, how, steps), path, how, steps=steps)


def as_dataset(samples: Found, path: Path, how: ReadAs, *, steps: int | None) -> Dataset:
    """Return the data set of samples with classes; `path` names them in errors."""
    where, notes = str(path), list(samples.notes)
    shaped = [with_axes(kept(x, where), where) for x in samples.x]
    notes += [remark for remark in dict.fromkeys(remark for _, remark in shaped) if remark]
    parts = [x for x, _ in shaped]
    labels, names = as_labels(samples.y, samples.names, where)
    for x, y in zip(parts, labels, strict=True):
        if len(x) != len(y):
            raise DataError(
                f"there are {len(x)} samples, but {len(y)} labels",
                where=where,
                fix="save one label per sample",
            )
    require_frames(parts[0].shape[1] if parts[0].ndim == 5 else None, steps, where=where)
    scale = scale_of(parts, where, pictures=samples.pictures)
    if len(parts) == 1:
        parts, labels = split_by_class(parts[0], labels[0], names, where)
        notes.append(f"split {len(labels[0])}/{len(labels[1])} by class, random_state 0")
    return Dataset(
        name=path.name,
        train_x=parts[0],
        train_y=labels[0],
        test_x=parts[1],
        test_y=labels[1],
        classes=len(names),
        names=names,
        offset=scale.offset,
        divisor=scale.divisor,
        high=scale.high,
        size=size_of(how.size, "data.size"),
        notes=(*notes, scale.text),
    )


def require_frames(frames: int | None, steps: int | None, *, where: str) -> None:
    """Refuse event frames of another number than a network has steps.

    Raises:
        ConfigError: there are as many frames, and others steps.
    """
    if frames is not None and steps not in (None, frames):
        raise ConfigError(
            f"the samples have {frames} frames, network.steps is {steps}",
            where=where,
            fix=f"set network.steps = {frames}",
        )


def split_by_class(
    x: Stored, y: Labels, names: tuple[str, ...], where: str
) -> tuple[list[Stored], list[Labels]]:
    """Return the samples of training and of test, 80/20 of each class, and their classes.

    Raises:
        DataError: a class, or all, have too few samples.
    """
    counts = np.bincount(y)
    if counts.min() < 2:
        raise DataError(
            f"class {names[int(counts.argmin())]} has one sample, too few to split off a test",
            where=where,
            fix="give it more, or split the samples yourself: x_train, y_train, x_test, y_test",
        )
    if (test := int(np.ceil(len(y) * TEST_SHARE))) < len(names):
        raise DataError(
            f"a fifth of {len(y)} samples is {test}, too few for {len(names)} classes",
            where=where,
            fix="give more, or split the samples yourself: x_train, y_train, x_test, y_test",
        )
    train, rest = split(y)
    return [x[train], x[rest]], [y[train], y[rest]]


def size_of(text: str, key: str) -> tuple[int, int] | None:
    """Return the height and width that a text says, None for an empty one.

    Raises:
        ConfigError: it says none; `key` is named.
    """
    if not text:
        return None
    if (sides := area(text)) is None:
        raise ConfigError(f"{key} = {text!r} is not a size", where=key, fix=f"write {AREA}")
    return sides


def holds_recordings(path: Path) -> bool:
    """Return whether what is there are event recordings in folders of classes."""
    if not exists(path) or not path.is_dir() or holds_arrays(path) or holds_idx(path):
        return False
    return suffix_of(path, (*IMAGES, *RECORDINGS)) in RECORDINGS


def _found(path: Path, how: ReadAs, steps: int | None) -> Found:
    if not exists(path):
        raise DataError("there is no such file or folder", where=str(path), fix=advice_on(path))
    is_arrays = path.is_file() or holds_arrays(path)
    if is_arrays or holds_idx(path):
        _refuse_unread(path, how)
    if is_arrays:
        return _of_arrays(path, read_arrays(path))
    if holds_idx(path):
        return _of_arrays(path, read_idx(path))
    if holds_recordings(path):
        return _of_recordings(path, by_class(path, RECORDINGS), how, steps)
    _refuse_unread(path, how)
    if suffix_of(path, IMAGES) is not None:
        return _of_images(by_class(path, IMAGES), how)
    kinds = suffixes_in(path)
    others = f", only {', '.join(kinds[:5])} files" if kinds else ""
    raise DataError(
        f"the folder holds no data that can be read{others}", where=str(path), fix=f"name {KINDS}"
    )


def _refuse_unread(path: Path, how: ReadAs) -> None:
    """Refuse what is said of recordings where there are none."""
    for key in ("sensor", "framing"):
        if getattr(how, key) != getattr(ReadAs(), key):
            raise ConfigError(
                f"data.{key} has no effect on {path.name}, which holds no event recordings",
                where=f"data.{key}",
                fix="leave it out",
            )


def _of_recordings(path: Path, samples: Samples, how: ReadAs, steps: int | None) -> Found:
    sensor = size_of(how.sensor, "data.sensor")
    frames, notes = read_recordings(
        path, samples, sensor=sensor, by_number=how.framing == "number", steps=steps
    )
    return Found(x=frames, y=list(samples.labels), names=np.array(samples.names), notes=notes)


def _of_images(samples: Samples, how: ReadAs) -> Found:
    """Read all images together, so that those of training and of test are alike."""
    size = size_of(how.size, "data.size")
    images, notes = read_images([path for part in samples.files for path in part], size)
    borders = np.cumsum([len(part) for part in samples.files])[:-1]
    if samples.unread:
        count = len(samples.unread)
        skipped = "1 file that is no PNG or JPEG" if count == 1 else f"{count} files of other kinds"
        notes.append(f"skipped {skipped}, first {samples.unread[0].name}")
    return Found(
        x=np.split(images, borders),
        y=list(samples.labels),
        names=np.array(samples.names),
        notes=notes,
        pictures=True,
    )


def _of_arrays(path: Path, arrays: Mapping[str, Stored]) -> Found:
    for names in (("x_train", "y_train", "x_test", "y_test"), ("x", "y")):
        if all(name in arrays for name in names):
            break
    else:
        raise _missing(path, tuple(arrays))
    unread = sorted(arrays.keys() - {*names, "classes"})
    notes = [f"not read: {', '.join(unread)}"] if unread else []
    return Found(
        x=[arrays[name] for name in names[::2]],
        y=[arrays[name] for name in names[1::2]],
        names=arrays.get("classes"),
        notes=notes,
    )


def _missing(path: Path, names: tuple[str, ...]) -> DataError:
    if {"x_train", "y_train"} <= {*names}:
        return DataError(
            "x_train and y_train are there, x_test and y_test are missing",
            where=str(path),
            fix="save these, too; or all samples as x and y, of which a fifth becomes the test",
        )
    what = f"expected arrays x and y, found {', '.join(sorted(names)) or 'none'}"
    if path.suffix == ".npy":
        what = "an .npy file holds samples only, without labels"
    return DataError(what, where=str(path), fix=f"save them by {SAVE}")
