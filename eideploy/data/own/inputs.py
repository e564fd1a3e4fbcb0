"""Samples without classes, from files of any kind, as a trained network sees them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eideploy.data.checks import FIELDS
from eideploy.data.dataset import CHUNK, Stored
from eideploy.data.own.files import kept, read_arrays
from eideploy.data.own.images import COLOUR, GREY, as_bytes, decoded
from eideploy.data.own.images import SUFFIXES as IMAGES
from eideploy.data.own.recordings import SUFFIXES as RECORDINGS
from eideploy.data.own.recordings import Camera
from eideploy.data.resample import resize
from eideploy.errors import DataError
from eideploy.files import exists
from eideploy.nearest import advice_on

BYTE = 255.0
ARRAYS = (".npy", ".npz", ".h5", ".hdf5")
READ = tuple(dict.fromkeys((*ARRAYS, *IMAGES, *RECORDINGS)))
Shape = tuple[int, ...]


@dataclass(eq=False)
class Changed:
    """What was done to samples so that the network takes them.

    clipped    values that lay outside of its range, `of` all
    distorted  pictures of other proportions than its input, which were resized to it
    """

    clipped: int = 0
    of: int = 0
    distorted: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """How a network sees samples.

    shape    channels, height, width; steps: frames of a sequence
    high     the largest value that it takes
    offset   it sees (value - offset) / divisor of an array's values
    resized  whether its training samples were resized to its height and width
    camera   how the recordings that it was trained on became frames, if it was
    """

    shape: Shape
    steps: int
    high: float
    offset: float = 0.0
    divisor: float = 1.0
    resized: bool = False
    camera: Camera | None = None
    changed: Changed = field(default_factory=Changed)

    def read(self, path: Path) -> Iterator[tuple[str, Stored]]:
        """Yield the samples of a file by name.

        Raises:
            DataError: missing, damaged, or of another shape.
        """
        suffix = path.suffix.lower()
        if suffix in IMAGES:
            yield str(path), self._within(self._picture(path))
        elif suffix in ARRAYS and not self._holds_events(arrays := read_arrays(path)):
            yield from self._arrays(path, arrays)
        elif suffix in RECORDINGS or (self.camera and self.camera.decode):
            yield str(path), self._recording(path)
        else:
            raise _unread(path, "files of this kind cannot be read")

    def _holds_events(self, arrays: Mapping[str, Stored]) -> bool:
        """Return whether what a file holds are the events of a recording, not samples."""
        if len(arrays) != 1:
            return not arrays or arrays.keys() >= FIELDS
        (array,) = arrays.values()
        is_plain = array.ndim == 2 and array.shape[1] == len(FIELDS)
        return array.dtype.names is not None or (self.camera is not None and is_plain)

    def _recording(self, path: Path) -> Stored:
        if self.camera is None:
            raise DataError(
                "the network was not trained on recordings, so it is not known how they become "
                "frames",
                where=str(path),
                fix=f"give samples {self._shapes}",
            )
        return next(self._scaled(self.camera.frames(path, self.steps)[None], path))

    def _picture(self, path: Path) -> Stored:
        if len(self.shape) != 3 or self.shape[0] not in (GREY, COLOUR):
            shape = "x".join(map(str, self.shape))
            raise DataError(
                f"the network takes {shape}, an image has {GREY} or {COLOUR} channels",
                where=str(path),
                fix="give arrays",
            )
        channels, height, width = self.shape
        picture = decoded(path)
        self.changed.distorted += picture.width * height != picture.height * width
        pixels = as_bytes(picture, channels, (height, width))
        return pixels.astype(np.float32) / np.float32(BYTE) * np.float32(self.high)

    def _arrays(self, path: Path, arrays: Mapping[str, Stored]) -> Iterator[tuple[str, Stored]]:
        name = next((name for name in ("x", "x_test") if name in arrays), None)
        if name is None and len(arrays) != 1:
            raise DataError(
                f"the file holds {', '.join(sorted(arrays)) or 'nothing'}, and no array x",
                where=str(path),
                fix="save the samples as x",
            )
        array = arrays[name] if name else next(iter(arrays.values()))
        if not array.size:
            raise DataError("the array holds no sample", where=str(path), fix="save at least one")
        samples = self._batch(array, path)
        for place, sample in enumerate(self._scaled(samples, path)):
            yield (str(path) if len(samples) == 1 else f"{path}[{place}]"), sample

    def _scaled(self, samples: Stored, path: Path) -> Iterator[Stored]:
        """Yield samples as the network sees them."""
        scaled = self._is_scaled(samples)
        for start in range(0, len(samples), CHUNK):
            some = np.asarray(kept(samples[start : start + CHUNK], str(path)), np.float32)
            if not scaled:
                some = (some - np.float32(self.offset)) / np.float32(self.divisor)
            if self.resized:
                some = resize(some, (self.shape[-2], self.shape[-1]))
            yield from map(self._within, some)

    def _is_scaled(self, samples: Stored) -> bool:
        """Return whether samples are grey levels of 0 to 1, where bytes were trained on."""
        bytes_seen = self.divisor == BYTE and not self.offset
        return bytes_seen and samples.dtype.kind == "f" and float(samples.max()) <= 1

    def _batch(self, array: Stored, path: Path) -> Stored:
        """Return samples (N, C, H, W) or (N, T, C, H, W) of an array of some, or of one."""
        for some in (array, array[None]):
            for view in _views(some):
                if self._fits(view.shape[1:]):
                    return view
        raise DataError(
            f"the array has the shape {array.shape}",
            where=str(path),
            fix=f"give samples {self._shapes}, or one",
        )

    @property
    def _shapes(self) -> str:
        shape = ", ".join(map(str, self.shape))
        return f"(N, {shape}), or (N, {self.steps}, {shape}) frame by frame"

    def _fits(self, shape: tuple[int, ...]) -> bool:
        axes = slice(-2 if self.resized else None)  # of the axes, those that are not resized
        return any(
            len(shape) == len(wanted) and shape[axes] == wanted[axes]
            for wanted in (self.shape, (self.steps, *self.shape))
        )

    def _within(self, sample: Stored) -> Stored:
        outside = (sample < 0) | (sample > self.high)
        self.changed.clipped += int(outside.sum())
        self.changed.of += sample.size
        return np.clip(sample, 0, self.high)


def files_of(path: Path, suffixes: Sequence[str] = READ) -> list[Path]:
    """Return a file, or the files in a folder and in those within that are read.

    Raises:
        DataError: there is none.
    """
    if not exists(path):
        raise DataError("there is no such file", where=str(path), fix=advice_on(path))
    if not path.is_dir():
        return [path]
    files = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in suffixes
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not files:
        raise _unread(path, "the folder holds no file that is read")
    return files


def _views(array: Stored) -> Iterator[Stored]:
    """Yield what samples may be: as they are, one channel, features, or channels last."""
    yield array
    if array.ndim == 3:
        yield array[:, None]
    if array.ndim == 2:
        yield array[:, :, None, None]
    if array.ndim == 4:
        yield np.moveaxis(array, 3, 1)


def _unread(path: Path, what: str) -> DataError:
    return DataError(what, where=str(path), fix=f"give files that end in {', '.join(READ)}")
