"""Classes of samples: numbered from 0 without a gap, with their names."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.data.dataset import Labels
from eideploy.errors import DataError

MOST_CLASSES = 1 << 16
NUMBER = "number the classes from 0, each with at least one sample of training"


def as_labels(
    labels: Sequence[NDArray[Any]], names: NDArray[Any] | None, where: str
) -> tuple[list[Labels], tuple[str, ...]]:
    """Return the classes of some parts as numbers, and their names.

    The first part is that of training, or all there is. Classes that are texts are numbered in the
    order of their names; `names` are those of classes that are numbers.

    Raises:
        DataError: no classes, one without a training sample, or none but one.
    """
    flat = [_flat(part, where) for part in labels]
    if all(part.dtype.kind in "US" for part in flat):
        return _by_name([part.astype(str) for part in flat], where)
    numbers = [as_whole(part, where) for part in flat]
    _check_classes(numbers, where)
    count = int(numbers[0].max()) + 1
    return numbers, _names(names, count, where)


def _flat(labels: NDArray[Any], where: str) -> NDArray[Any]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        return labels[:, 0]
    if labels.ndim != 1 or not labels.size:
        raise DataError(
            f"the classes have the shape {labels.shape}, not (N,)",
            where=where,
            fix="save one label per sample: convert one-hot rows with y.argmax(1)",
        )
    return labels


def as_whole(labels: NDArray[Any], where: str) -> Labels:
    """Return classes of any type of number as integers.

    Raises:
        DataError: no numbers, or some that are not whole.
    """
    if labels.dtype.kind not in "biuf" or not (np.floor(labels) == labels).all():
        raise DataError(
            f"the classes are {labels.dtype} and not all whole numbers",
            where=where,
            fix="number the classes from 0, or save their names as strings",
        )
    return labels.astype(np.int64)


def _by_name(parts: Sequence[NDArray[Any]], where: str) -> tuple[list[Labels], tuple[str, ...]]:
    names = np.unique(parts[0])
    for part in parts[1:]:
        if len(strange := np.setdiff1d(part, names)):
            raise DataError(
                f"class {strange[0]} has no training sample", where=where, fix="add some"
            )
    numbers = [np.searchsorted(names, part).astype(np.int64) for part in parts]
    _check_classes(numbers, where)
    return numbers, tuple(map(str, names))


def _check_classes(numbers: Sequence[Labels], where: str) -> None:
    low = min(int(part.min()) for part in numbers)
    high = max(int(part.max()) for part in numbers)
    if low < 0 or high >= MOST_CLASSES:
        raise DataError(f"the classes run from {low} to {high}", where=where, fix=NUMBER)
    counts = np.bincount(numbers[0], minlength=high + 1)
    empty = np.flatnonzero(counts == 0)
    if len(empty) and empty[0] == 0 and low == 1:
        raise DataError(
            f"the classes run from 1 to {high}: class 0 has no sample",
            where=where,
            fix="number the classes from 0, e.g. y - 1",
        )
    if len(empty):
        raise DataError(
            f"class {empty[0]} of {high + 1} has no training sample", where=where, fix=NUMBER
        )
    if high == 0:
        raise DataError(
            "all samples belong to one class", where=where, fix="give samples of at least 2 classes"
        )


def _names(names: NDArray[Any] | None, count: int, where: str) -> tuple[str, ...]:
    if names is None:
        return tuple(map(str, range(count)))
    if names.dtype.kind not in "US" or names.shape != (count,):
        raise DataError(
            f"the class names are {names.dtype} of shape {names.shape}, not {count} strings",
            where=where,
            fix="save classes as an array of one string per class, or leave it out",
        )
    return tuple(str(name) for name in names.astype(str))
