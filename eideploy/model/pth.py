"""The `.pth` files of torch, read as data: sizes are added up before an array is made.

Such a file is an archive of stored members: `data.pkl` says what is kept, and `data/KEY` holds a
storage's bytes, of which tensors are views.
"""

import math
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from eideploy.errors import FormatError
from eideploy.files import open_plain
from eideploy.model.pickles import DICTIONARY, MOST, Kept, Made, Named, read_pickle
from eideploy.nearest import advice_on

ANEW = "download the checkpoint again, or name another"
STORAGES = {
    "torch.DoubleStorage": torch.float64,
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
SCALARS = tuple(f"{core}.scalar" for core in CORES)
PICKLE = re.compile(r"[^/]+/data\.pkl")
MOST_AXES = 8
LARGEST = 1e300
NUMBERS = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i"}  # numpy's names, and struct's
TENSOR, PARAMETER, BYTES = (
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_parameter",
    "_codecs.encode",
)
KNOWN = {  # what checkpoints name, tensors or not; of most we want nothing
    DICTIONARY,
    TENSOR,
    PARAMETER,
    BYTES,
    *STORAGES,
    "torch.Size",
    "torch.device",
    "collections.Counter",
    "__builtin__.set",
    "numpy.ndarray",
    "numpy.dtype",
    *(f"{core}.{name}" for core in CORES for name in ("_reconstruct", "scalar")),
}
FAULTS = (
    OSError,
    ValueError,
    RuntimeError,
    OverflowError,
    EOFError,
    struct.error,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, kw_only=True)
class _View:
    """Where a tensor lies: in the storage `key` of `stored` entries, from `offset` on."""

    key: str
    dtype: torch.dtype
    stored: int
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def read_pth(path: Path, *, tensors: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the dictionary that a file holds, and the tensors under its key `tensors`, by name.

    The entries of the former are containers, scalars and the notes of `pickles`.

    Raises:
        FormatError: missing, damaged, compressed, no such dictionary, or more than data in it.
    """
    if not path.is_file():
        raise FormatError("the file is missing", where=str(path), fix=advice_on(path))
    try:
        with open_plain(path) as file, zipfile.ZipFile(file) as archive:
            size = file.seek(0, 2)
            prefix = _check_members(archive, size)
            content = read_pickle(_member(archive, f"{prefix}/data.pkl", MOST), known=KNOWN)
            state = content.get(tensors) if type(content) is dict else None
            if type(state) is not dict:
                raise FormatError(f"the file holds no {tensors}", where=str(path), fix=ANEW)
            views = {str(name): _view(str(name), value) for name, value in state.items()}
            if (size_in_memory := sum(view.bytes for view in views.values())) > size:
                raise ValueError(
                    f"its tensors would take {size_in_memory} bytes, and it has {size}"
                )
            return content, _tensors(views, archive, prefix)
    except FAULTS as error:
        is_archive = not isinstance(error, zipfile.BadZipFile)
        reason = error if is_archive else "it is no whole archive as torch 1.6 and later write"
        raise FormatError(
            f"the file is damaged or holds more than data: {reason}", where=str(path), fix=ANEW
        ) from error


def number(value: object) -> float | None:
    """Return a finite number that is kept as Python's or numpy's; None for anything else."""
    match value:
        case Made(
            maker=maker, arguments=(Made(maker="numpy.dtype", arguments=(str(kind), *_)), kept)
        ) if maker in SCALARS and kind in NUMBERS:
            packed = _bytes(kept)
            fits = len(packed) == struct.calcsize(NUMBERS[kind])
            value = struct.unpack(NUMBERS[kind], packed)[0] if fits else None
    is_number = isinstance(value, int | float) and abs(value) < LARGEST
    return float(value) if is_number else None  # type: ignore[arg-type]


def _bytes(value: object) -> bytes:
    """Return bytes, which older protocols of pickle keep as text."""
    match value:
        case Made(maker=maker, arguments=(str(text), "latin1")) if maker == BYTES:
            return text.encode("latin1", "replace")
    return value if type(value) is bytes else b""


def _check_members(archive: zipfile.ZipFile, size: int) -> str:
    """Return the folder of an archive in which torch has put all there is."""
    members = archive.infolist()
    for member in members:
        stored = member.compress_type == zipfile.ZIP_STORED
        if not stored or member.file_size != member.compress_size:
            raise ValueError(f"its {member.filename[:80]} is compressed, as torch writes none")
    if (unpacked := sum(member.file_size for member in members)) > size:
        raise ValueError(f"its members would take {unpacked} bytes, and it has {size}")
    roots = [m.filename.removesuffix("/data.pkl") for m in members if PICKLE.fullmatch(m.filename)]
    if len(roots) != 1:
        raise ValueError("it is not an archive that torch writes")
    order = f"{roots[0]}/byteorder"
    if order in archive.namelist() and _member(archive, order, 16) != b"little":
        raise ValueError("its numbers are not little-endian")
    return roots[0]


def _member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        member = archive.getinfo(name)
    except KeyError as error:
        raise ValueError(f"it holds no {name[:80]}") from error
    if member.file_size > most:
        raise ValueError(f"its {name[:80]} has {member.file_size} bytes, more than {most}")
    return archive.read(member)


def _view(name: str, value: object) -> _View:
    """Return what a note of a tensor says, once it is found to be one."""
    if isinstance(value, Made) and value.maker == PARAMETER and value.arguments:
        value = value.arguments[0]
    match value:
        case Made(
            maker=maker,
            arguments=(
                Kept(key=("storage", Named(name=kind), str(key), _, int(stored))),
                int(offset),
                tuple(shape),
                tuple(stride),
                *_,
            ),
        ) if maker == TENSOR and kind in STORAGES:
            sizes = (stored, offset, *shape, *stride)
            if len(shape) == len(stride) <= MOST_AXES and all(map(_is_size, sizes)):
                return _View(
                    key=key,
                    dtype=STORAGES[kind],
                    stored=stored,
                    offset=offset,
                    shape=shape,
                    stride=stride,
                )
    raise ValueError(f"its {name[:80]} is not a tensor of numbers")


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 48


def _tensors(
    views: Mapping[str, _View], archive: zipfile.ZipFile, prefix: str
) -> dict[str, Tensor]:
    storages: dict[str, bytearray] = {}
    tensors = {}
    for name, view in views.items():
        size = view.stored * view.dtype.itemsize
        if view.key not in storages:
            member = _member(archive, f"{prefix}/data/{view.key}", size)
            storages[view.key] = bytearray(member)
        if len(storages[view.key]) != size:
            raise ValueError(f"its {name[:80]} is of {size} bytes that are not all there")
        if not math.prod(view.shape):
            tensors[name] = torch.empty(view.shape, dtype=view.dtype)
            continue
        flat = torch.frombuffer(storages[view.key], dtype=view.dtype)
        tensors[name] = flat.as_strided(view.shape, view.stride, view.offset)
    return tensors
