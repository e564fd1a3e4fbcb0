"""What an HDF5 file promises and where it leads, looked at before anything of it is read.

libhdf5 takes memory as it is told and looks afterwards: for a text as long as its place says, for
a chunk as far as it inflates. Both are looked up here first.
"""

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np

MOST = 128 << 20  # bytes that arrays may take, and
UNPACKED = 8  # times the size of the file: weights hardly pack, equal time constants do
HEAP_ENTRY = 16  # bytes of a text's or ragged row's place: length (4), address (8), index (4)
OBJECT = 64  # bytes that a text or ragged row takes beside its content
CHECKSUM = 4  # bytes that may stand behind the numbers of a chunk
DEFLATE, SHUFFLE, FLETCHER32 = 1, 2, 3  # libhdf5's numbers of its filters


def check_hdf5(source: BinaryIO) -> None:
    """Refuse an HDF5 file that leads to other files or would take more memory than is reasonable.

    Raises:
        ValueError: naming the part, or the bytes.
    """
    import h5py

    size = source.seek(0, 2)
    most = room = MOST + UNPACKED * size
    with h5py.File(source, "r") as file:
        for array in _arrays(file):
            if array.is_virtual or array.external:
                raise ValueError(f"{array.name} lies in another file")
            room -= _entries(array)
            if room >= 0 and array.dtype.hasobject:
                room -= _letters(array, source, size)
            elif room >= 0 and array.chunks:
                for _ in _chunks(array, size):
                    pass
            if room < 0:
                raise ValueError(f"its arrays would take more than {most} bytes")


def _arrays(file: Any) -> Iterator[Any]:  # noqa: ANN401 (h5py has no types)
    """Yield every array of a file in which nothing leads elsewhere."""
    import h5py

    groups, ids = [file], set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} leads elsewhere")
            item = group[name]
            if item.id in ids:
                raise ValueError(f"{name} is another name of the same part")
            ids.add(item.id)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item


def _entries(array: Any) -> int:  # noqa: ANN401
    """Return the bytes of an array's entries, and of its chunks, which may reach beyond them."""
    size = int(array.size) * (OBJECT if array.dtype.hasobject else int(array.dtype.itemsize))
    return max(size, _chunk_bytes(array) * max(1, len(_stored(array)))) if array.chunks else size


def _chunk_bytes(array: Any) -> int:  # noqa: ANN401
    width = HEAP_ENTRY if array.dtype.hasobject else array.id.get_type().get_size()
    return int(width * math.prod(array.chunks))


def _stored(array: Any) -> list[Any]:  # noqa: ANN401
    chunks: list[Any] = []
    array.id.chunk_iter(chunks.append)
    return chunks


def _letters(array: Any, source: BinaryIO, size: int) -> int:  # noqa: ANN401
    """Return the bytes that the texts or ragged rows of an array would have."""
    import h5py

    text = h5py.check_string_dtype(array.dtype)
    base = np.dtype(np.uint8) if text else h5py.check_vlen_dtype(array.dtype)
    if base is None or base.hasobject:
        raise ValueError(f"{array.name} holds neither numbers nor texts")
    parts = _chunks(array, size) if array.chunks else [_contiguous(array, source, size)]
    return _lengths(parts) * int(base.itemsize)


def _lengths(parts: Iterable[bytes]) -> int:
    """Return the sum of the lengths that places name."""
    total = 0
    for part in parts:
        whole = np.frombuffer(part[: len(part) // HEAP_ENTRY * HEAP_ENTRY], "<u4")
        total += int(whole[:: HEAP_ENTRY // 4].sum(dtype=np.int64))
    return total


def _contiguous(array: Any, source: BinaryIO, size: int) -> bytes:  # noqa: ANN401
    import h5py

    if array.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
        raise ValueError(f"{array.name} keeps its texts where they cannot be checked")
    start = array.id.get_offset()
    if start is None:  # nothing is stored
        return b""
    source.seek(start)
    return source.read(min(array.size * HEAP_ENTRY, size))


def _chunks(array: Any, size: int) -> Iterator[bytes]:  # noqa: ANN401
    """Yield what every stored chunk holds; none is longer than it should be."""
    plan = array.id.get_create_plist()
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if set(filters) - {DEFLATE, SHUFFLE, FLETCHER32} or len(set(filters)) < len(filters):
        raise ValueError(f"{array.name} is packed by filters {filters}, known is deflate")
    most = _chunk_bytes(array) + CHECKSUM
    for chunk in _stored(array):
        if chunk.size > size:
            raise ValueError(f"{array.name} has a chunk of {chunk.size} bytes, the file has {size}")
        left_out, data = array.id.read_direct_chunk(chunk.chunk_offset)
        used = [kind for place, kind in enumerate(filters) if not left_out >> place & 1]
        if DEFLATE in used:
            data = _inflated(data, most + 1)
        if len(data) > most:
            raise ValueError(f"{array.name} has a chunk that unpacks to more than {most} bytes")
        if SHUFFLE in used and array.dtype.hasobject:
            whole = np.frombuffer(data[: len(data) // HEAP_ENTRY * HEAP_ENTRY], np.uint8)
            data = whole.reshape(HEAP_ENTRY, -1).T.tobytes()
        yield data


def _inflated(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, most)
    except zlib.error as error:
        raise ValueError(f"a chunk cannot be unpacked: {error}") from error
