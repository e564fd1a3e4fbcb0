"""Data that are there already: a data set, arrays, and torch's data sets and loaders."""

from collections.abc import Mapping, Sized
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.data.dataset import Dataset, Stored
from eideploy.data.own.read import Found, ReadAs, as_dataset
from eideploy.errors import DataError

TAKEN = (
    "give a Dataset, (x, y), (x_train, y_train, x_test, y_test), a torch Dataset or DataLoader of "
    "pairs (x, y), or one of training and one of test"
)


def dataset_of(data: object, name: str) -> Dataset:
    """Return the data set that an object of Python's is; `name` is what it is called.

    Of a DataLoader its data set is taken: batches, their order and workers are those of a training.

    Raises:
        DataError: it is none, or its samples and classes do not fit.
    """
    if isinstance(data, Dataset):
        return data
    arrays = _arrays(data)
    samples = Found(x=arrays[::2], y=arrays[1::2], names=None, notes=[])
    return as_dataset(samples, Path(name), ReadAs(), steps=None)


def _arrays(data: object) -> list[Stored]:
    """Return x and y of all samples, or of training and then of test."""
    parts = data if isinstance(data, tuple | list) else (data,)
    if all(hasattr(part, "shape") for part in parts) and len(parts) in (2, 4):
        return [_array(part) for part in parts]
    sets = [getattr(part, "dataset", part) for part in parts]
    if len(sets) in (1, 2) and all(map(_is_set, sets)):
        return [array for one in sets for array in _stacked(one)]
    kind = ", ".join(type(part).__name__ for part in parts)
    raise DataError(f"this is not a set of labelled samples: {kind}", where="data", fix=TAKEN)


def _array(part: Any) -> Stored:  # noqa: ANN401 - an array of any library's
    """Return an array of numpy's; of a tensor that is trained, its values."""
    return np.asarray(part.detach().cpu() if hasattr(part, "detach") else part)


def _is_set(one: object) -> bool:
    indexed = isinstance(one, Sized) and hasattr(one, "__getitem__")
    return indexed and not isinstance(one, Mapping) and not hasattr(one, "shape")


def _stacked(pairs: Any) -> tuple[Stored, Stored]:  # noqa: ANN401 - a torch Dataset, or a list
    """Return all samples and their classes."""
    try:
        x, y = zip(*(pairs[place] for place in range(len(pairs))), strict=True)
        return np.stack([_array(one) for one in x]), np.array([int(one) for one in y])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"its entries are not pairs of a sample and a class, all of one shape: {error}",
            where=f"data, {type(pairs).__name__}",
            fix=TAKEN,
        ) from error
