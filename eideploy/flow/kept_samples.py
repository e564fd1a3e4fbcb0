"""Samples that a run keeps of data of the user's, so that it compiles wherever these are later."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from eideploy.circuit import Array
from eideploy.data import Dataset
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_tensors
from eideploy.finished import Run

CALIBRATION_SAMPLES = 256
FILE, KIND, VERSION = "samples.safetensors", "eideploy samples", 1
MOST_BYTES = 32 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """The first training samples as the network sees them, with their classes.

    of  how many the data have
    """

    x: Array
    y: Array
    of: int

    @classmethod
    def first(cls, dataset: Dataset) -> Self:
        """Return as many as a calibration takes, or as MOST_BYTES hold."""
        one = dataset.train.batch(slice(1)).nbytes
        few = slice(min(CALIBRATION_SAMPLES, max(1, MOST_BYTES // one)))
        return cls(x=dataset.train.batch(few), y=dataset.train.y[few], of=len(dataset.train))

    def write(self, folder: Path) -> None:
        """Write them into a run."""
        arrays = {"x": self.x, "y": self.y}
        write_tensors(folder / FILE, arrays, kind=KIND, version=VERSION, content={"of": self.of})

    def are_enough(self, count: int) -> bool:
        """Return whether the data have none beyond these among their first `count`."""
        return len(self.x) >= min(count, self.of)


def kept_of(run: Run) -> Kept | None:
    """Return the samples that a run keeps, None for none.

    Raises:
        FormatError: they are damaged.
    """
    if FILE not in run.content["files"]:
        return None
    path = run.folder / FILE
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    try:
        return Kept(x=arrays["x"], y=arrays["y"], of=int(content["of"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("samples are missing", where=str(path), fix=RESTORE) from error
