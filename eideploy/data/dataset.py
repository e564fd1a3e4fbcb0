"""A data set in memory: frozen, checked, read-only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eideploy.errors import DataError

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Images (N, C, H, W) in [0, 1] as float32 and their classes (N,) as int64, split in two.

    Raises:
        DataError: a shape, a range or a class that does not fit; the array is named.
    """

    name: str
    train_x: Images
    train_y: Labels
    test_x: Images
    test_y: Labels
    classes: int

    def __post_init__(self) -> None:
        for part in ("train", "test"):
            images, labels = getattr(self, f"{part}_x"), getattr(self, f"{part}_y")
            _check_images(images, f"{self.name}, {part}_x")
            _check_labels(labels, len(images), self.classes, f"{self.name}, {part}_y")
            images.flags.writeable = labels.flags.writeable = False

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        _, channels, height, width = self.train_x.shape
        return channels, height, width

    @property
    def all_x(self) -> Images:
        """Every image, those of training first."""
        return np.concatenate([self.train_x, self.test_x])

    @property
    def all_y(self) -> Labels:
        """The classes of `all_x`."""
        return np.concatenate([self.train_y, self.test_y])


def _check_images(images: Images, where: str) -> None:
    if images.ndim != 4 or images.dtype != np.float32 or not images.size:
        raise DataError(
            f"images are {images.dtype} of shape {images.shape}, not float32 (N, C, H, W)",
            where=where,
            fix="convert the images",
        )
    if not (images.min() >= 0 and images.max() <= 1):
        raise DataError(
            f"pixels run from {images.min()} to {images.max()}, not within 0 to 1",
            where=where,
            fix="scale the pixels to 0 to 1; E-I circuits take no negative and no centred input",
        )


def _check_labels(labels: Labels, images: int, classes: int, where: str) -> None:
    if labels.shape != (images,) or labels.dtype != np.int64:
        raise DataError(
            f"classes are {labels.dtype} of shape {labels.shape}, not int64 ({images},)",
            where=where,
            fix="give one class to each image",
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"classes run from {labels.min()} to {labels.max()}, not from 0 to {classes - 1}",
            where=where,
            fix="number the classes from 0",
        )
