"""Arrays in .npz, .npy and HDF5 files: sizes are compared before any is read.

No pickle is opened.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from eideploy.data.checks import HEADER_ERRORS
from eideploy.data.dataset import CHUNK, Stored
from eideploy.data.optional import require
from eideploy.errors import DataError
from eideploy.files import open_plain
from eideploy.hdf5 import check_hdf5
from eideploy.nearest import advice_on

MOST_UNPACKED = 512 << 20  # bytes that any compressed file may unpack to, or
RATIO = 16  # times its size
MAGIC, ZIP, HDF5 = b"\x93NUMPY", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
NAMES = ("x", "y", "x_train", "y_train", "x_test", "y_test", "classes")
SAVE = "numpy.savez('mine.npz', x=x, y=y), or x_train, y_train, x_test and y_test"
DAMAGED = (*HEADER_ERRORS, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def read_arrays(path: Path) -> Mapping[str, Stored]:
    """Return the arrays of an .npz or HDF5 file, that of an .npy file, or those of a folder.

    Arrays of .npy files are mapped into memory.

    Raises:
        DataError: missing, damaged, of Python objects, or larger than what a file may unpack to.
    """
    if path.is_dir():
        return {name: _mapped(path / f"{name}.npy") for name in NAMES if _is_there(path, name)}
    with _opened(path) as file:
        mark = file.read(len(HDF5))
        if mark.startswith(MAGIC):
            return {path.stem: _mapped(path)}
        if mark == HDF5:
            return _of_hdf5(path)
        if not mark.startswith(ZIP):
            raise DataError(
                "the file is neither an .npz nor an .npy nor an HDF5 file",
                where=str(path),
                fix=f"write {SAVE}",
            )
        try:
            with zipfile.ZipFile(file) as archive:
                return _members(archive, path)
        except DAMAGED as error:
            raise _damaged(path, error) from error


def holds_arrays(folder: Path) -> bool:
    """Return whether a folder holds arrays under the names that are read."""
    return _is_there(folder, "x") or _is_there(folder, "x_train")


def _is_there(folder: Path, name: str) -> bool:
    return (folder / f"{name}.npy").exists()


def _opened(path: Path) -> IO[bytes]:
    try:
        return open_plain(path)
    except OSError as error:
        raise DataError(
            f"the file cannot be read: {error.strerror or error}",
            where=str(path),
            fix=advice_on(path),
        ) from error


def _mapped(path: Path) -> Stored:
    """Map the array of an .npy file, whose header is checked against the file's size."""
    try:
        with _opened(path) as file:
            _check_header(file, path.stat().st_size, str(path))
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except DAMAGED as error:
        raise _damaged(path, error) from error


def _members(archive: zipfile.ZipFile, path: Path) -> Mapping[str, Stored]:
    infos = [info for info in archive.infolist() if info.filename.endswith(".npy")]
    most = max(MOST_UNPACKED, RATIO * path.stat().st_size)
    if (total := sum(info.file_size for info in infos)) > most:
        raise DataError(
            f"the arrays unpack to {total} bytes, more than {most}",
            where=str(path),
            fix="save them uncompressed, by numpy.savez",
        )
    arrays = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        with archive.open(info) as member:
            _check_header(member, info.file_size, f"{path}, {name}")
        with archive.open(info) as member:
            arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
    return arrays


def _of_hdf5(path: Path) -> Mapping[str, Stored]:
    """Return the arrays at the top of an HDF5 file; texts are read as such."""
    h5py = require("h5py", path)
    try:
        with open_plain(path) as raw:
            check_hdf5(raw)
        with h5py.File(path, "r") as file:
            parts = {name: part for name, part in file.items() if isinstance(part, h5py.Dataset)}
            return {name: _entries(part, h5py) for name, part in parts.items()}
    except (*DAMAGED, AttributeError) as error:
        raise _damaged(path, error) from error


def _entries(part: Any, h5py: Any) -> Stored:  # noqa: ANN401 (h5py has no types)
    is_text = h5py.check_string_dtype(part.dtype) is not None
    return np.asarray(part.asstr()[()]).astype(str) if is_text else np.asarray(part[()])


def _check_header(file: IO[bytes], size: int, where: str) -> None:
    """Refuse an array whose header states another size than it has, or Python objects."""
    version = np.lib.format.read_magic(file)
    header_reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    shape, _, dtype = header_reader(file)
    if dtype.hasobject:
        raise DataError(
            "the array holds Python objects, which are not loaded, because they could run code",
            where=where,
            fix="save numbers of one shape, e.g. numpy.stack(list_of_arrays)",
        )
    stated = file.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize
    if stated != size:
        raise DataError(
            f"the array has {size} bytes, not the {stated} of its {dtype} of shape {shape}",
            where=where,
            fix="save it again, or restore the file",
        )


def _damaged(path: Path, error: BaseException) -> DataError:
    return DataError(
        f"the file is damaged: {error}", where=str(path), fix=f"restore it, or write {SAVE}"
    )


def kept(array: Stored, where: str) -> Stored:
    """Return numbers in a type that samples are kept in: uint8, uint16 or float32.

    Raises:
        DataError: no numbers, or values that are not finite.
    """
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"the samples are of type {array.dtype}", where=where, fix="save them as numbers"
        )
    if array.dtype.kind == "f":
        _check_finite(array, where)
        return array if array.dtype == np.float32 else _converted(array, np.float32)
    if array.dtype in (np.uint8, np.uint16) or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint16).max:
        return _converted(array, np.float32)
    return _converted(array, np.uint8 if high <= np.iinfo(np.uint8).max else np.uint16)


def _converted(array: Stored, kind: Any) -> Stored:  # noqa: ANN401 - a type of numpy
    return np.ascontiguousarray(array, dtype=kind)


def _check_finite(array: Stored, where: str) -> None:
    for start in range(0, len(array), CHUNK):
        finite = np.isfinite(array[start : start + CHUNK]).all(axis=tuple(range(1, array.ndim)))
        if not finite.all():
            raise DataError(
                f"sample {start + int(finite.argmin())} holds values that are not finite numbers",
                where=where,
                fix="remove it, or replace them with numpy.nan_to_num",
            )
