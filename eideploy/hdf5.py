"""What an HDF5 file promises and where it leads, looked at before anything of it is read."""

from collections.abc import Iterator
from typing import Any, BinaryIO

MOST = 64 << 20  # bytes that arrays may take, and
UNPACKED = 50  # times the size of the file; what the tool reads hardly packs at all
HEAP_ENTRY = 16  # bytes of a text's or ragged row's place: length (4), address (8), index (4)


def check_hdf5(source: BinaryIO) -> None:
    """Refuse an HDF5 file that leads to other files or would take more memory than is reasonable.

    Raises:
        ValueError: naming the part, or the bytes.
    """
    import h5py

    size, promised = source.seek(0, 2), 0
    with h5py.File(source, "r") as file:
        for array in _arrays(file):
            if array.is_virtual or array.external:
                raise ValueError(f"{array.name} lies in another file")
            promised += int(array.nbytes)
            if array.dtype.hasobject:
                _check_lengths(array, source, size)
    if promised > MOST + UNPACKED * size:
        raise ValueError(f"its arrays would take {promised} bytes")


def _arrays(file: Any) -> Iterator[Any]:  # noqa: ANN401 (h5py has no types)
    """Yield every array of a file in which nothing leads elsewhere."""
    import h5py

    groups, seen = [file], set()
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"{name} leads elsewhere")
            item = group[name]
            if item.id in seen:
                raise ValueError(f"{name} is another name of the same part")
            seen.add(item.id)
            if isinstance(item, h5py.Group):
                groups.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item


def _check_lengths(array: Any, source: BinaryIO, size: int) -> None:  # noqa: ANN401
    """Refuse texts and ragged rows longer than the file: libhdf5 takes the memory, then looks."""
    start = array.id.get_offset()
    if start is None:  # empty, or in chunks
        return
    source.seek(start)
    places = source.read(min(array.size * HEAP_ENTRY, size))
    lengths = [
        int.from_bytes(places[i : i + 4], "little") for i in range(0, len(places), HEAP_ENTRY)
    ]
    if max(lengths, default=0) > size:
        raise ValueError(f"{array.name} would hold {max(lengths)} letters or numbers")
