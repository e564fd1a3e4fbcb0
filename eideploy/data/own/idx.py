"""The idx files of MNIST and its kin, plain or packed by gzip.

A file is two zero bytes, the type of its numbers (8: bytes), the number of axes, the length of each
in 4 bytes, big-endian, and the numbers.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from eideploy.data.dataset import Stored
from eideploy.errors import DataError
from eideploy.files import open_plain

BYTES = 8
MOST_BYTES = 1 << 30  # of a file, unpacked
FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
FIX = "replace it by that of the set, plain or as .gz"


def holds_idx(folder: Path) -> bool:
    """Return whether a folder holds the idx files of training images."""
    return _place(folder, FILES["x_train"]).exists()


def missing_idx(folder: Path) -> list[str]:
    """Return the names of the files that a folder lacks."""
    return [name for name in FILES.values() if not _place(folder, name).exists()]


def read_idx(folder: Path) -> dict[str, Stored]:
    """Return images (N, H, W) and labels (N,) of training and of test.

    Raises:
        DataError: a file is missing or damaged.
    """
    if gone := missing_idx(folder):
        raise DataError(
            f"{', '.join(gone)} missing", where=str(folder), fix="put the files there, also as .gz"
        )
    axes = {"x": 3, "y": 1}
    return {key: _read(_place(folder, name), axes[key[0]]) for key, name in FILES.items()}


def _place(folder: Path, name: str) -> Path:
    plain = folder / name
    return plain if plain.exists() else folder / f"{name}.gz"


def _read(path: Path, axes: int) -> Stored:
    """Return the numbers of a file, of which no more is unpacked than its head states."""
    try:
        with open_plain(path) as raw, gzip.open(raw) if path.suffix == ".gz" else raw as file:
            head = file.read(4)
            if head != bytes([0, 0, BYTES, axes]):
                raise ValueError(f"it begins with {head!r}, not as bytes along {axes} axes")
            shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(axes))
            size = int(np.prod(shape, dtype=object))
            if size > MOST_BYTES:
                raise ValueError(f"it states {size} bytes, more than {MOST_BYTES}")
            content = file.read(size + 1)
    except (OSError, ValueError, EOFError, zlib.error) as error:
        raise DataError(f"the file is damaged: {error}", where=str(path), fix=FIX) from error
    if len(content) != size:
        more = "more than" if len(content) > size else f"{len(content)} bytes, not"
        raise DataError(f"the file has {more} the {size} of {shape}", where=str(path), fix=FIX)
    return np.frombuffer(content, np.uint8).reshape(shape)
