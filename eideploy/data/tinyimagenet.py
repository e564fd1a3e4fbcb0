"""TinyImageNet from its published folders, decoded once by Pillow; the network sees 32x32."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eideploy.data.cache import cached
from eideploy.data.checks import is_litter
from eideploy.data.dataset import Dataset, Labels, Stored
from eideploy.data.optional import require
from eideploy.data.pipelines import PIPELINES
from eideploy.data.sources import SOURCES

SOURCE = SOURCES["tinyimagenet"]
CLASSES, TRAIN_EACH, TEST = 200, 500, 10_000  # published counts
KEPT = (3, 64, 64)
SEEN = (32, 32)  # training crops and test images are brought to this size, as in the paper
GREYS = 255.0
MAX_BYTES = 1 << 20  # of one file; the published ones have a few thousand
LONGEST_NAME = 60  # letters, at most 4 bytes each; the published ones have 14


def tinyimagenet(
    data_dir: Path | None,
    *,
    classes: int = CLASSES,
    train_each: int = TRAIN_EACH,
    test: int = TEST,
) -> Dataset:
    """Return the images (N, 3, 64, 64) as uint8; the published validation images are the test.

    Classes are numbered in the order of their names.

    Raises:
        DataError: a file is missing or damaged, or there are not as many as published.
    """
    folder = SOURCE.locate(data_dir)
    require("PIL", folder)
    train_files, train_y = _training_files(folder, classes, train_each)
    names = sorted({path.parent.parent.name for path in train_files})
    test_files, test_y = _test_files(folder, names, test)
    return Dataset(
        name=SOURCE.name,
        train_x=_images(folder, "train", train_files),
        train_y=train_y,
        test_x=_images(folder, "val", test_files),
        test_y=test_y,
        classes=classes,
        divisor=GREYS,
        size=SEEN,
        augmentation=PIPELINES[SOURCE.name],
    )


def _training_files(folder: Path, classes: int, each: int) -> tuple[list[Path], Labels]:
    names = sorted(path.name for path in (folder / "train").glob("*/") if path.is_dir())
    if len(names) != classes:
        raise SOURCE.missing(
            f"{len(names)} classes are there, not {classes}", where=str(folder / "train")
        )
    files: list[Path] = []
    for name in names:
        images = folder / "train" / name / "images"
        paths = sorted(path for path in images.glob("*.JPEG") if not is_litter(path))
        if len(paths) != each:
            raise SOURCE.missing(f"{len(paths)} images are there, not {each}", where=str(images))
        files += paths
    return files, np.repeat(np.arange(classes), each)


def _test_files(folder: Path, names: Sequence[str], count: int) -> tuple[list[Path], Labels]:
    listing = folder / "val" / "val_annotations.txt"
    try:
        lines = listing.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise SOURCE.missing("val_annotations.txt is missing", where=str(listing)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SOURCE.damaged(f"the file is not a text: {error}", listing) from error
    number = {name: place for place, name in enumerate(names)}
    files, labels = [], []
    for place, line in enumerate(lines, 1):
        file, _, rest = line.partition("\t")
        name = rest.partition("\t")[0]
        if name not in number or Path(file).name != file or len(file) > LONGEST_NAME:
            raise SOURCE.damaged(f"line {place} names no image and class: {line[:80]!r}", listing)
        files.append(folder / "val" / "images" / file)
        labels.append(number[name])
    if len(files) != count:
        raise SOURCE.damaged(f"{len(files)} images are listed, not {count}", listing)
    if gone := [path for path in files if not path.is_file()]:
        raise SOURCE.missing(
            f"{len(gone)} of {count} listed images are missing, first {gone[0].name}",
            where=str(gone[0].parent),
        )
    return files, np.array(labels, dtype=np.int64)


def _images(folder: Path, part: str, files: Sequence[Path]) -> Stored:
    samples = (_decode(path) for path in files)
    return cached(folder, part, files, samples, shape=(len(files), *KEPT), dtype=np.uint8)


def _decode(path: Path) -> Stored:
    from PIL import Image

    if path.stat().st_size > MAX_BYTES:
        raise SOURCE.damaged(f"the image has more than {MAX_BYTES} bytes", path)
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            if image.size != KEPT[:0:-1]:
                raise SOURCE.damaged(f"the image has {image.size} pixels, not (64, 64)", path)
            return np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise SOURCE.damaged(f"the image cannot be decoded: {error}", path) from error
