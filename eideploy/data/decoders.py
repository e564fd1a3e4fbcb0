"""What reads the events of one recording: fields as the file has them, none converted."""

from pathlib import Path

import numpy as np

from eideploy.data.events import Events
from eideploy.data.optional import require

COLUMNS = ("x", "y", "p", "t")  # of an array (n, 4), and the fields of a structured one
WORD = np.dtype([(name, np.int64) for name in ("x", "y", "t", "p")])


def read_nmnist(path: Path) -> Events:
    """Return the events of N-MNIST's five bytes each."""
    found: Events = require("tonic.io", path).read_mnist_file(str(path), dtype=WORD)
    return found


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
