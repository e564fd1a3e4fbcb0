"""What can be told of a recording before it is decoded: its size, its mark, its stated shape."""

import struct
from pathlib import Path
from tokenize import TokenError
from typing import Any
from xml.etree import ElementTree

import numpy as np

from eideploy.data.aedat4 import check_packets
from eideploy.data.sources import Source

MAX_BYTES = 64 << 20  # of one recording; the largest published one has less than half of it
MAX_EVENTS = 1 << 22  # of one recording; the largest published one has less than half of them
AEDAT4 = b"#!AER-DAT4.0\r\n"
MAX_HEADER = 1 << 20  # bytes; the published ones have some thousand
NMNIST_EVENT = 5  # bytes
HEADER_ERRORS = (ValueError, KeyError, SyntaxError, EOFError, TypeError, OverflowError, TokenError)


FIELDS = {"x", "y", "p", "t"}


def is_litter(path: Path) -> bool:
    """Return whether a file is what macOS leaves beside the files of an archive."""
    return path.name.startswith("._")


def check_file(path: Path, source: Source) -> None:
    """Refuse a recording that cannot be whole.

    Raises:
        DataError: its size, its first bytes or its stated shape are not those of its format.
    """
    if not path.is_file():
        raise source.damaged("that is no file", path)
    size = path.stat().st_size
    if not size:
        raise source.damaged("the file is empty", path)
    if size > MAX_BYTES:
        raise source.damaged(f"the file has {size} bytes, more than {MAX_BYTES}", path)
    if path.suffix == ".bin" and size % NMNIST_EVENT:
        raise source.damaged(f"the file has {size} bytes, not {NMNIST_EVENT} to each event", path)
    if path.suffix == ".bin":
        _check_count(size // NMNIST_EVENT, path, source)
    if path.suffix == ".aedat4":
        _check_aedat4(path, source)
    if path.suffix == ".npy":
        _check_npy(path, source, size)


def _check_aedat4(path: Path, source: Source) -> None:
    """Refuse an AEDAT 4 file whose header is not whole: on some, aedat ends the whole process."""
    with path.open("rb") as file:
        mark = file.read(len(AEDAT4))
        if mark != AEDAT4:
            raise source.damaged(f"the file begins with {mark!r}, not with {AEDAT4!r}", path)
        length = int.from_bytes(file.read(4), "little")
        header = file.read(min(length, MAX_HEADER))
        _check_header(header, length, path, source)
        try:
            check_packets(file, header)
        except (ValueError, struct.error) as error:
            raise source.damaged(f"the packets are damaged: {error}", path) from error


def _check_header(header: bytes, length: int, path: Path, source: Source) -> None:
    start, end = header.find(b"<dv"), header.rfind(b"</dv>")
    try:
        if len(header) != length or start < 0:
            raise ValueError(f"{length} bytes are stated, {len(header)} read")
        text = header[start : end + len(b"</dv>")].decode()
        if "<!" in text:
            raise ValueError("it declares entities")
        ElementTree.fromstring(text)
    except (ValueError, ElementTree.ParseError) as error:
        raise source.damaged(f"the header is damaged: {error}", path) from error


def _check_npy(path: Path, source: Source, size: int) -> None:
    """Refuse an array file that does not hold exactly the events that its header states."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header_reader = {(1, 0): np.lib.format.read_array_header_1_0}[version]
            shape, _, dtype = header_reader(file)
        except HEADER_ERRORS as error:
            raise source.damaged(
                f"the file is not a numpy array of version 1.0: {error}", path
            ) from error
        stated = file.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize
    is_plain = dtype.names is None and dtype.kind in "iuf" and len(shape) == 2 and shape[1] == 4
    if not is_plain and not holds_events(shape, dtype):
        raise source.damaged(
            f"the file holds {dtype} of shape {shape}, not numbers (n, 4) or, of shape (n,), "
            "fields x, y, p and t",
            path,
        )
    _check_count(shape[0], path, source)
    if size != stated:
        raise source.damaged(
            f"the file has {size} bytes, not the {stated} of its {shape[0]} events", path
        )


def _check_count(events: int, path: Path, source: Source) -> None:
    if events > MAX_EVENTS:
        raise source.damaged(f"the file has {events} events, more than {MAX_EVENTS}", path)


def holds_events(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bool:
    """Return whether an array is of events: one axis, and real numbers x, y, p and t in fields."""
    if len(shape) != 1 or not set(dtype.names or ()) >= FIELDS:
        return False
    return all(dtype[name].kind in "biuf" for name in FIELDS)  # an array in a field is of kind V
