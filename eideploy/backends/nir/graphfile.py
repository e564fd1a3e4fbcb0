"""The bytes of a NIR file as a graph, after a look at what they promise and where they lead."""

import io
from typing import Any

import nir
import numpy as np

from eideploy.hdf5 import check_hdf5

DAMAGED = (
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    AssertionError,
    OSError,
    RecursionError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


def read_graph(data: bytes, *, type_check: bool = True) -> Any:  # noqa: ANN401 (nir has no types)
    """Return the graph of a NIR file's bytes.

    Raises:
        ValueError: damaged, or its arrays lie in other files, or are larger than such a file's.
    """
    try:
        check_hdf5(io.BytesIO(data))
        with np.errstate(all="ignore"):  # nir divides by a stride of 0 before it refuses it
            return nir.read(io.BytesIO(data), type_check=type_check)
    except DAMAGED as error:
        raise ValueError(f"{type(error).__name__} {error}".strip()) from error
