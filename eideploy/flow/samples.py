"""Samples that the user brings, and results that the user takes away, as numpy files."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from eideploy.circuit import Array
from eideploy.errors import DataError
from eideploy.files import write_atomic

REMEDY = "write it with numpy.save(path, samples) as float32 of shape (samples, ...)"


def read_samples(path: Path) -> Array:
    """Read an .npy file of numbers.

    Raises:
        DataError: missing, damaged, or not an array of numbers with samples on its first axis.
    """
    try:
        samples = np.load(path, allow_pickle=False, mmap_mode="r")
    except FileNotFoundError as error:
        raise DataError("the file does not exist", where=str(path), fix="check the path") from error
    except (OSError, ValueError, EOFError, SyntaxError, TypeError) as error:
        raise DataError(f"not an .npy file: {error}", where=str(path), fix=REMEDY) from error
    if not isinstance(samples, np.ndarray) or samples.dtype.kind not in "fiub" or not samples.ndim:
        raise DataError("the file holds no array of numbers", where=str(path), fix=REMEDY)
    if not len(samples):
        raise DataError("the file holds no samples", where=str(path), fix=REMEDY)
    return np.asarray(samples)


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as one compressed .npz file, atomically."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    write_atomic(path, out.getvalue())
