"""MNIST and Fashion-MNIST from their published idx files, plain or packed by gzip."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy.data.dataset import Dataset
from eideploy.data.own.idx import missing_idx, read_idx
from eideploy.data.sources import SOURCES, Source

GREYS = 255.0
INSTALLED = Path("/usr/share/datasets/fashion-mnist")  # by Debian
CLOTHES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"


@dataclass(frozen=True, kw_only=True)
class IdxSet:
    """A set of idx files.

    installed  whether Debian has it
    names      of the classes
    """

    source: Source
    installed: bool
    names: tuple[str, ...]


MNIST = IdxSet(source=SOURCES["mnist"], installed=False, names=tuple("0123456789"))
FASHION = IdxSet(
    source=SOURCES["fashion-mnist"],
    installed=True,
    names=tuple(CLOTHES.split(",")),
)


def mnist(data_dir: Path | None, spec: IdxSet) -> Dataset:
    """Return the images (N, 1, 28, 28) as uint8, divided by 255 when a batch is taken.

    Raises:
        DataError: a file is missing or damaged.
    """
    use_installed = data_dir is None and spec.installed and INSTALLED.is_dir()
    folder = INSTALLED if use_installed else spec.source.locate(data_dir)
    if gone := missing_idx(folder):
        raise spec.source.missing(f"{', '.join(gone)} missing", where=str(folder))
    parts = read_idx(folder)
    labels = {key: parts[key].astype(np.int64) for key in ("y_train", "y_test")}
    return Dataset(
        name=spec.source.name,
        train_x=parts["x_train"][:, None],
        train_y=labels["y_train"],
        test_x=parts["x_test"][:, None],
        test_y=labels["y_test"],
        classes=len(spec.names),
        names=spec.names,
        divisor=GREYS,
    )
