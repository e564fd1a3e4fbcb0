"""A data set: frozen, checked, read-only; kept as it is on disk, handed out as float32 batches."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.data.resample import resize
from eideploy.errors import DataError
from eideploy.shown import Shown

Images = NDArray[np.float32]
Labels = NDArray[np.int64]
Stored = NDArray[Any]  # uint8, uint16 or float32, in memory or mapped from a file
Augmentation = Callable[[Images, np.random.Generator], Images]
ALL = slice(None)
MOST_NAMES = 10  # of classes, in a line
CHUNK = 256  # samples looked at together


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """The training or the test samples.

    Shapes   x: (N, C, H, W) images or (N, T, C, H, W) event frames; y: (N,)
    Units    (x - `offset`) / `divisor` is what the network sees, from 0 to the data set's `high`
    """

    x: Stored
    y: Labels
    offset: float
    divisor: float
    size: tuple[int, int]  # height and width that the network sees
    augmentation: tuple[Augmentation, ...]

    def __len__(self) -> int:
        return len(self.y)

    def batch(
        self, chosen: NDArray[np.int64] | slice, rng: np.random.Generator | None = None
    ) -> Images:
        """Return the chosen samples as float32, augmented where a generator is given.

        Without a generator this is what a test sees. All that is random follows from `rng`, which
        is drawn from in a fixed order: the same generator and choice give the same bits.
        """
        samples = self.x[chosen].astype(np.float32)
        if self.offset:
            samples -= np.float32(self.offset)
        if self.divisor != 1:
            samples /= np.float32(self.divisor)
        for change in self.augmentation if rng is not None else ():
            samples = change(samples, rng)  # type: ignore[arg-type]
        return resize(samples, self.size)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset(Shown):
    """Images (N, C, H, W) or event frames (N, T, C, H, W) and their classes (N,), split in two.

    Samples stay in the type they are kept in: float32, or uint8 and uint16 for large sets; `train`
    and `test` convert a batch at a time. Nothing is negative: E-I circuits take no such input.

    Raises:
        DataError: a shape, a range or a class that does not fit; the array is named.
    """

    name: str
    train_x: Stored
    train_y: Labels
    test_x: Stored
    test_y: Labels
    classes: int
    names: tuple[str, ...] = ()  # of the classes, where they have any
    offset: float = 0.0  # a kept value less this, divided by the divisor, is what the network sees
    divisor: float = 1.0
    high: float = 1.0  # the largest value that the network sees
    size: tuple[int, int] | None = None  # height and width the network sees, where not those kept
    augmentation: tuple[Augmentation, ...] = ()  # of training batches, as published
    notes: tuple[str, ...] = ()  # what was made of a user's data, in words

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            samples, labels = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            _check_samples(samples, self, f"{self.name}, {part}_x")
            _check_labels(labels, len(samples), self.classes, f"{self.name}, {part}_y")
            samples.flags.writeable = labels.flags.writeable = False
        if self.train_x.shape[1:] != self.test_x.shape[1:]:
            raise DataError(
                f"training samples are {self.train_x.shape[1:]}, "
                f"test samples {self.test_x.shape[1:]}",
                where=self.name,
                fix="give both the same shape",
            )

    @property
    def train(self) -> Split:
        """The training samples."""
        return self._split(self.train_x, self.train_y, self.augmentation)

    @property
    def test(self) -> Split:
        """The test samples, which are never augmented."""
        return self._split(self.test_x, self.test_y, ())

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width that the network sees at one step."""
        channels, height, width = self.train_x.shape[-3:]
        return channels, *(self.size or (height, width))

    @property
    def steps(self) -> int | None:
        """Frames of a sample, or None for images, which are shown as often as the network asks."""
        return self.train_x.shape[1] if self.train_x.ndim == 5 else None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers."""
        return self.names or tuple(map(str, range(self.classes)))

    @property
    def description(self) -> str:
        """Counts, shape and classes, in words."""
        shape = "x".join(map(str, self.input_shape))
        frames = f"{self.steps} frames of " if self.steps else ""
        names = ", ".join(self.class_names[:MOST_NAMES])
        more = ", ..." if self.classes > MOST_NAMES else ""
        return (
            f"{len(self.train)} training and {len(self.test)} test samples, {frames}{shape}, "
            f"{self.classes} classes ({names}{more})"
        )

    def in_a_line(self) -> str:
        """Return its name, and what is in it."""
        return f"{self.name}: {self.description}"

    def in_full(self) -> str:
        """Return the same, and what was made of a user's data."""
        return "\n".join([self.in_a_line(), *self.notes])

    @property
    def sha256(self) -> str:
        """A hash of all samples and classes, as they are kept."""
        digest = hashlib.sha256()
        for part in (self.train_x, self.train_y, self.test_x, self.test_y):
            digest.update(f"{part.dtype} {part.shape}".encode())
            for start in range(0, len(part), CHUNK):
                digest.update(np.ascontiguousarray(part[start : start + CHUNK]).data)
        return digest.hexdigest()

    @property
    def all_x(self) -> Images:
        """Every sample as the network sees it, those of training first; all of it in memory."""
        return np.concatenate([self.train.batch(ALL), self.test.batch(ALL)])

    @property
    def all_y(self) -> Labels:
        """The classes of `all_x`."""
        return np.concatenate([self.train_y, self.test_y])

    def _split(self, x: Stored, y: Labels, augmentation: tuple[Augmentation, ...]) -> Split:
        size = self.input_shape[1:]
        return Split(
            x=x, y=y, offset=self.offset, divisor=self.divisor, size=size, augmentation=augmentation
        )


def _check_samples(samples: Stored, dataset: Dataset, where: str) -> None:
    known = samples.dtype in (np.float32, np.uint8, np.uint16)
    if samples.ndim not in (4, 5) or not known or not samples.size:
        raise DataError(
            f"images are {samples.dtype} of shape {samples.shape}, "
            "not float32, uint8 or uint16 of shape (N, C, H, W) or (N, T, C, H, W)",
            where=where,
            fix="convert the images",
        )
    low, high = ((value - dataset.offset) / dataset.divisor for value in extremes(samples))
    if not (low >= 0 and high <= dataset.high):
        raise DataError(
            f"pixels run from {low} to {high}, not within 0 to {dataset.high:g}",
            where=where,
            fix=f"scale the pixels to 0 to {dataset.high:g}; "
            "E-I circuits take no negative and no centred input",
        )


def extremes(samples: Stored) -> tuple[float, float]:
    """Return the smallest and the largest value, NaN if there is one; reads a chunk at a time."""
    if samples.dtype == np.uint8 and not isinstance(samples, np.memmap):
        return float(samples.min()), float(samples.max())
    parts = [samples[i : i + CHUNK] for i in range(0, len(samples), CHUNK)]
    lows, highs = [p.min() for p in parts], [p.max() for p in parts]
    return float(np.min(lows)), float(np.max(highs))


def _check_labels(labels: Labels, images: int, classes: int, where: str) -> None:
    if labels.shape != (images,) or labels.dtype != np.int64:
        raise DataError(
            f"classes are {labels.dtype} of shape {labels.shape}, not int64 ({images},)",
            where=where,
            fix="give one class to each image",
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"classes range from {labels.min()} to {labels.max()}, not from 0 to {classes - 1}",
            where=where,
            fix="number the classes from 0",
        )
