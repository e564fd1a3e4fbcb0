"""Frozen records of read-only arrays, and their equality."""

from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def freeze(record: Any, **dtypes: type) -> None:  # noqa: ANN401
    """Make every named field of a frozen dataclass a read-only array of its type.

    Raises:
        ValueError: a value that the type cannot hold.
    """
    for name, dtype in dtypes.items():
        values = np.asarray(getattr(record, name))
        frozen: Array = values.astype(dtype)
        if values.size and not np.array_equal(frozen, values):
            raise ValueError(f"{name} holds values that {np.dtype(dtype).name} cannot")
        frozen.flags.writeable = False
        object.__setattr__(record, name, frozen)


def equal(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Return whether two records, mappings or arrays hold the same, exactly."""
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and np.array_equal(one, other)
        )
    if is_dataclass(one) and type(one) is type(other):
        return all(equal(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(equal(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return bool(one == other)
