"""Samples that take long to decode: kept as one file, and mapped from it into memory."""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from eideploy.data.dataset import Stored
from eideploy.errors import DataError
from eideploy.files import sha256

FOLDER = "eideploy-cache"  # beside the data sets' folders
VERSION = 2  # of how samples are made; another version takes another file


def cached(
    folder: Path,
    part: str,
    sources: Iterable[Path],
    samples: Iterable[Stored],
    *,
    shape: tuple[int, ...],
    dtype: type[np.uint8 | np.uint16],
) -> Stored:
    """Return samples (N, ...) decoded from `sources`, mapped read-only from a file made once.

    `samples` is drawn from only if that file is not there: it gives N arrays. The file is named
    after the shape and what the sources hold, in their order; it appears when whole.

    Raises:
        DataError: a source cannot be read, or the file not be written.
    """
    name = f"{part}-{_fingerprint(sources, shape, dtype)}.npy"
    path = folder.parent / FOLDER / folder.name / name
    stored = _open(path, shape, dtype)
    if stored is None:
        _write(path, samples, shape, dtype)
        stored = _open(path, shape, dtype)
    if stored is None:
        raise DataError("the file that was just written cannot be read", where=str(path), fix=ROOM)
    return stored


ROOM = "name a --data-dir on a disk with space where you may write"


def _fingerprint(sources: Iterable[Path], shape: tuple[int, ...], dtype: type) -> str:
    text = "\n".join([f"{VERSION} {shape} {np.dtype(dtype)}", *map(_digest, sources)])
    return "x".join(map(str, shape[1:])) + "-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _digest(source: Path) -> str:
    try:
        return sha256(source)
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror or error}",
            where=str(source),
            fix="make it readable, or download the data set again",
        ) from error


def _open(path: Path, shape: tuple[int, ...], dtype: type) -> Stored | None:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype == dtype
    return array if fits else None


def _write(path: Path, samples: Iterable[Stored], shape: tuple[int, ...], dtype: type) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    head = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with aside.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, head)
            for sample in samples:
                file.write(np.ascontiguousarray(sample, dtype=dtype).tobytes())
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise DataError(
            f"cannot keep the decoded samples: {error.strerror or error}", where=str(path), fix=ROOM
        ) from error
    finally:
        with suppress(OSError):
            aside.unlink()
