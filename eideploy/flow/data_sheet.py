"""A sheet of pictures: the first training samples of each class, a row to each."""

import io
from pathlib import Path

import numpy as np

from eideploy.circuit import Array
from eideploy.data import Dataset
from eideploy.errors import DataError
from eideploy.files import write_atomic

EACH, MOST_CLASSES = 8, 32
INCH = 0.8  # of a picture
FORMATS = (".png", ".svg")


def write_sheet(path: Path, dataset: Dataset) -> None:
    """Draw the first samples of the first classes; event frames and features as their sums.

    Raises:
        DataError: another kind of file, or one that cannot be written.
    """
    if path.suffix not in FORMATS:
        raise DataError(
            f"a sheet is no {path.suffix or 'file without a suffix'}",
            where=str(path),
            fix=f"name a file that ends in {' or '.join(FORMATS)}",
        )
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    rows = min(dataset.classes, MOST_CLASSES)
    figure = Figure(figsize=(INCH * (EACH + 1), INCH * rows), layout="constrained")
    cells = figure.subplots(rows, EACH, squeeze=False)
    for number in range(rows):
        chosen = np.flatnonzero(dataset.train_y == number)[:EACH]
        pictures = [_picture(sample) for sample in dataset.train.batch(chosen)]
        for place, cell in enumerate(cells[number]):
            cell.set_axis_off()
            if place < len(pictures):
                cell.imshow(pictures[place], cmap="gray", vmin=0, interpolation="nearest")
        cells[number, 0].set_title(dataset.class_names[number], loc="left", fontsize=7)
    content = io.BytesIO()
    with rc_context({"svg.hashsalt": "eideploy"}):
        figure.savefig(content, format=path.suffix[1:], metadata=_undated(path))
    write_atomic(path, content.getvalue())


def _undated(path: Path) -> dict[str, str | None]:
    return {"Date": None} if path.suffix == ".svg" else {"Software": "eideploy"}


def _picture(sample: Array) -> Array:
    """Return (H, W, 3) of RGB, or (H, W) of anything else, from 0 to its largest value."""
    if sample.ndim == 4:
        sample = sample.sum(0)
    channels, height, width = sample.shape
    if height == width == 1:
        return sample.reshape(1, channels)
    if channels == 3:
        return np.asarray(sample.transpose(1, 2, 0) / max(1.0, sample.max()))
    return np.asarray(sample.sum(0))
