"""Samples that take long to decode: kept as one file, and mapped from it into memory."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from eideploy.data.dataset import Stored
from eideploy.errors import DataError

FOLDER = "eideploy-cache"  # beside the data sets' folders
VERSION = 1  # of how samples are made; another version takes another file


def cached(
    folder: Path,
    part: str,
    files: Sequence[Path],
    samples: Iterable[Stored],
    *,
    shape: tuple[int, ...],
    dtype: type[np.uint8 | np.uint16],
) -> Stored:
    """Return the samples of `files`, mapped read-only from a file that is made once.

    `samples` is drawn from only if that file is not there: it gives len(files) arrays of the shape.
    The file is named after the shape and the names and sizes of `files`; it appears when whole.

    Raises:
        DataError: the file cannot be written.
    """
    name = f"{part}-{_fingerprint(folder, files, shape, dtype)}.npy"
    path = folder.parent / FOLDER / folder.name / name
    whole = (len(files), *shape)
    found = _open(path, whole, dtype)
    if found is None:
        _write(path, samples, whole, dtype)
        found = _open(path, whole, dtype)
    if found is None:
        raise DataError("the file that was just written cannot be read", where=str(path), fix=ROOM)
    return found


ROOM = "name a --data-dir on a disk with space where you may write"


def _fingerprint(folder: Path, files: Sequence[Path], shape: tuple[int, ...], dtype: type) -> str:
    sizes = [f"{file.relative_to(folder).as_posix()} {file.stat().st_size}" for file in files]
    text = "\n".join([f"{VERSION} {shape} {np.dtype(dtype)}", *sizes])
    return "x".join(map(str, shape)) + "-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def _open(path: Path, shape: tuple[int, ...], dtype: type) -> Stored | None:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = isinstance(found, np.ndarray) and found.shape == shape and found.dtype == dtype
    return found if fits else None


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
