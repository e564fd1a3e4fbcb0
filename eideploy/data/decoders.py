"""What reads the events of one recording: fields as the file has them, none converted."""

from pathlib import Path
from typing import Any

import numpy as np

from eideploy.data.checks import FIELDS, MAX_EVENTS
from eideploy.data.events import Events
from eideploy.data.optional import require
from eideploy.files import open_plain
from eideploy.hdf5 import check_hdf5

COLUMNS = ("x", "y", "p", "t")  # of an array (n, 4), and the fields of a structured one
WORD = np.dtype([(name, np.int64) for name in ("x", "y", "t", "p")])


def read_nmnist(path: Path) -> Events:
    """Return the events of N-MNIST's five bytes each."""
    events: Events = require("tonic.io", path).read_mnist_file(str(path), dtype=WORD)
    return events


def read_array(path: Path) -> Events:
    """Return the events of an .npy file: rows of x, y, p, t, or a structured array of these."""
    array = np.load(path, allow_pickle=False)
    if array.dtype.names:
        return np.asarray(array)
    fields = np.dtype([(name, array.dtype) for name in COLUMNS])
    return np.ascontiguousarray(array).view(fields)[:, 0]


def read_aedat4(path: Path) -> Events:
    """Return the events of an AEDAT 4 file's first stream of them."""
    require("aedat", path)
    events: Events = require("tonic.io", path).read_aedat4(str(path))
    events.dtype.names = ("t", "x", "y", "p")
    return events


def read_prophesee(path: Path) -> Events:
    """Return the events of a Prophesee file: EVT 2 or 3 (.raw), or DAT.

    Raises:
        ValueError: it has no header, or holds more than MAX_EVENTS.
    """
    with open_plain(path) as file:
        if file.read(1) != b"%":  # without one any bytes are events, or none
            raise ValueError("it does not begin with a header, lines of which each begins with %")
    packets, count = [], 0
    for packet in require("faery", path).events_stream_from_file(path):
        if (count := count + len(packet)) > MAX_EVENTS:
            raise ValueError(f"it has more than {MAX_EVENTS} events")
        packets.append(packet)
    events = np.zeros(count, WORD)
    for name in COLUMNS if packets else ():
        events[name] = np.concatenate([packet[name] for packet in packets])
    return events


def read_hdf5(path: Path) -> Events:
    """Return the events of an HDF5 file: an array with these fields, or a group of these arrays.

    Raises:
        ValueError: it holds none of them, or several; or would take more memory than is reasonable.
    """
    h5py = require("h5py", path)
    with open_plain(path) as raw:
        check_hdf5(raw)
    with h5py.File(path, "r") as file:
        sets = [file] if _is_recording(file) else []
        file.visititems(lambda _, part: sets.append(part) if _is_recording(part) else None)
        if len(sets) != 1:
            raise ValueError(f"it holds {len(sets)} sets of x, y, p and t, a recording is one")
        (part,) = sets
        if isinstance(part, h5py.Dataset):
            return np.asarray(part[()])
        columns = {name: np.asarray(part[name][()]) for name in COLUMNS}
    kinds = [(name, column.dtype) for name, column in columns.items()]
    events = np.empty(max(column.shape for column in columns.values()), kinds)
    for name, column in columns.items():
        if column.shape != events.shape:
            raise ValueError(f"{name} has the shape {column.shape}, another {events.shape}")
        events[name] = column
    return events


def _is_recording(part: Any) -> bool:  # noqa: ANN401 (h5py has no types)
    if (names := getattr(getattr(part, "dtype", None), "names", None)) is not None:
        return set(names) >= FIELDS
    return not hasattr(part, "dtype") and {*part.keys()} >= FIELDS
