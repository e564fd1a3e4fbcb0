"""CIFAR-10 and CIFAR-100, read from the published binary files: no pickle, no code in them.

A record is its classes, one byte each, then 32x32 bytes of red, of green and of blue. CIFAR-10 has
one class to a record; CIFAR-100 has the coarse one of 20, which is not used, then the fine one.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy.data.dataset import Dataset, Labels, Stored
from eideploy.data.pipelines import PIPELINES
from eideploy.data.sources import SOURCES, Source

SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
GREYS = 255.0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The files of one of the two sets; `records` is what each file holds."""

    source: Source
    train: tuple[tuple[str, int], ...]  # (file, records)
    test: tuple[tuple[str, int], ...]
    classes: tuple[int, ...]  # of each class byte; the last is the one that is learnt


CIFAR10 = Layout(
    source=SOURCES["cifar10"],
    train=tuple((f"data_batch_{number}.bin", 10_000) for number in range(1, 6)),
    test=(("test_batch.bin", 10_000),),
    classes=(10,),
)
CIFAR100 = Layout(
    source=SOURCES["cifar100"],
    train=(("train.bin", 50_000),),
    test=(("test.bin", 10_000),),
    classes=(20, 100),
)


def cifar(data_dir: Path | None, layout: Layout) -> Dataset:
    """Return the images (N, 3, 32, 32) as uint8, divided by 255 when a batch is taken.

    Raises:
        DataError: a file is missing, or has another size or another class than published.
    """
    folder = layout.source.locate(data_dir)
    parts = layout.train + layout.test
    if gone := [name for name, _ in parts if not (folder / name).is_file()]:
        raise layout.source.missing(f"{', '.join(gone)} missing", where=str(folder))
    train_x, train_y = _read(folder, layout.train, layout)
    test_x, test_y = _read(folder, layout.test, layout)
    return Dataset(
        name=layout.source.name,
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=layout.classes[-1],
        divisor=GREYS,
        augmentation=PIPELINES[layout.source.name],
    )


def _read(
    folder: Path, files: tuple[tuple[str, int], ...], layout: Layout
) -> tuple[Stored, Labels]:
    """Return the images and classes of some files, whose sizes are checked before any is read."""
    heads = len(layout.classes)
    for name, records in files:
        size, published = (folder / name).stat().st_size, records * (heads + PIXELS)
        if size != published:
            raise layout.source.damaged(
                f"the file has {size} bytes, not the {published} of {records} records",
                folder / name,
            )
    images, labels = [], []
    for name, records in files:
        content = np.fromfile(folder / name, dtype=np.uint8).reshape(records, heads + PIXELS)
        for place, classes in enumerate(layout.classes):
            _check_classes(content[:, place], classes, folder / name, layout.source)
        images.append(content[:, heads:].reshape(records, *SHAPE))
        labels.append(content[:, heads - 1].astype(np.int64))
    return np.concatenate(images), np.concatenate(labels)


def _check_classes(labels: Stored, classes: int, path: Path, source: Source) -> None:
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        raise source.damaged(
            f"record {wrong[0]} has class {labels[wrong[0]]}, not one of 0 to {classes - 1}", path
        )
