"""scikit-learn's bundled handwritten digits: 1797 images of 8x8 in 17 grey levels."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from eideploy.data.dataset import Dataset, Images, Labels

LEVELS = 16  # the highest of the 17 grey levels
SIDE = 8  # pixels


def digits() -> Dataset:
    """Return the digits, split 80/20 by class with random_state 0; pixels / 16, one channel."""
    images, labels = read()
    train, test = split(labels)
    return Dataset(
        name="digits",
        train_x=images[train],
        train_y=labels[train],
        test_x=images[test],
        test_y=labels[test],
        classes=10,
    )


def read() -> tuple[Images, Labels]:
    """Return all images (1797, 1, 8, 8) in [0, 1] and their classes."""
    pixels, labels = _bundled()
    images = (pixels / LEVELS).astype(np.float32).reshape(-1, 1, SIDE, SIDE)
    return images, labels.astype(np.int64)


@cache
def _bundled() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return what scikit-learn has, of which others get copies: it unpacks a text every time."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels, labels


def split(labels: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the training images and of those of test."""
    from sklearn.model_selection import train_test_split

    places = np.arange(len(labels))
    train, test = train_test_split(places, test_size=0.2, stratify=labels, random_state=0)
    return train, test
