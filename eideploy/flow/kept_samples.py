"""Samples that are kept of data of the user's, so that later commands do without these.

A run keeps some of training, on which it compiles, and some of test, which its builds keep, too.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from eideploy.circuit import Array
from eideploy.data import Dataset
from eideploy.data.dataset import Split
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_atomic, write_tensors
from eideploy.finished import Finished, Run

CALIBRATION_SAMPLES = 256
FILE, KIND, VERSION = "samples.safetensors", "eideploy samples", 1
MOST_BYTES = 32 << 20
TEST, MOST_BYTES_OF_TEST = "test_samples.safetensors", 8 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """The first samples of a split as the network sees them, with their classes.

    of  how many the split has
    """

    x: Array
    y: Array
    of: int

    @classmethod
    def first(cls, split: Split, most: int) -> Self:
        """Return as many as a calibration takes, or as `most` bytes hold."""
        one = split.batch(slice(1)).nbytes
        few = slice(min(CALIBRATION_SAMPLES, max(1, most // one)))
        return cls(x=split.batch(few), y=split.y[few], of=len(split))

    @classmethod
    def unlabelled(cls, x: Array) -> Self:
        """Return the first of samples without classes, as many as a calibration takes."""
        one = np.dtype(np.float32).itemsize * x[:1].size  # as it is written
        few = x[: min(CALIBRATION_SAMPLES, max(1, MOST_BYTES // one))]
        return cls(x=np.asarray(few, np.float32), y=np.zeros(0, np.int64), of=len(x))

    def write(self, path: Path) -> None:
        """Write them into a file."""
        arrays = {"x": self.x, "y": self.y}
        write_tensors(path, arrays, kind=KIND, version=VERSION, content={"of": self.of})

    def are_enough(self, count: int) -> bool:
        """Return whether the data have none beyond these among their first `count`."""
        return len(self.x) >= min(count, self.of)


def keep(dataset: Dataset, folder: Path) -> None:
    """Write samples of training and of test into a run."""
    Kept.first(dataset.train, MOST_BYTES).write(folder / FILE)
    Kept.first(dataset.test, MOST_BYTES_OF_TEST).write(folder / TEST)


def hand_down(run: Run, folder: Path) -> None:
    """Write the test samples that a run keeps into a build of it."""
    if run.holds(TEST):
        write_atomic(folder / TEST, (run.folder / TEST).read_bytes())


def kept_of(source: Finished, file: str = FILE) -> Kept | None:
    """Return the samples that a run or a build keeps in a file of its own, None for none.

    Raises:
        FormatError: they are damaged.
    """
    if not source.holds(file):
        return None
    path = source.folder / file
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    try:
        return Kept(x=arrays["x"], y=arrays["y"], of=int(content["of"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("samples are missing", where=str(path), fix=RESTORE) from error
