"""Folders of images by class, and single images, decoded by Pillow."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eideploy.data.checks import MAX_BYTES
from eideploy.data.dataset import Stored
from eideploy.data.optional import require
from eideploy.errors import DataError
from eideploy.files import open_plain

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg")
MOST_PIXELS = 1 << 24  # of an image
MOST_HELD = 4 << 30  # bytes of all images of a folder, as they are held in memory
PNG, DEPTH_AT = b"\x89PNG", 24  # where a PNG file says the bits of a channel
GREY, COLOUR = 1, 3  # channels
OPAQUE = 255
UNDECODED = OSError, ValueError, SyntaxError, IndexError  # what Pillow raises of damaged files
PLAIN = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}  # what is made of a mode
Size = tuple[int, int]  # height, width


def read_images(files: Sequence[Path], size: Size | None) -> tuple[Stored, list[str]]:
    """Return images (N, 1 or 3, H, W) as bytes, and in words what was made of them.

    They are grey where all are, else RGB; of one size, or brought to `size`.

    Raises:
        DataError: one that cannot be decoded, is of another size or has more than 8 bits.
    """
    heads = [_head(path) for path in files]
    channels = COLOUR if any(mode == "RGB" for mode, _ in heads) else GREY
    sizes = [own_size for _, own_size in heads]
    target = size or sizes[0]
    if size is None:
        _check_sizes(files, sizes)
    if (size_in_all := len(files) * channels * target[0] * target[1]) > MOST_HELD:
        raise DataError(
            f"{len(files)} images of {target[0]}x{target[1]} take {size_in_all} bytes, "
            f"more than {MOST_HELD}",
            where=str(files[0].parent.parent),
            fix="resize them with data.size, or save them as .npy files, which are mapped",
        )
    images = np.empty((len(files), channels, *target), np.uint8)
    for place, path in enumerate(files):
        images[place] = as_bytes(decoded(path), channels, target)
    by = f"{target[0]}x{target[1]} (height x width)"
    resized = sum(own_size != target for own_size in sizes)
    notes = [f"{resized} of {len(files)} images resized to {by}"] if resized else []
    return images, notes


def as_bytes(image: "Image", channels: int, size: Size) -> Stored:
    """Return an image as bytes (channels, H, W), grey by ITU-R 601, resized linearly."""
    from PIL.Image import Resampling

    image = image.convert("L" if channels == GREY else "RGB")
    if image.size != size[::-1]:
        image = image.resize(size[::-1], Resampling.BILINEAR)
    pixels = np.asarray(image)
    return pixels[None] if channels == GREY else pixels.transpose(2, 0, 1)


def decoded(path: Path) -> "Image":
    """Return an image as grey levels or RGB, upright as its camera says.

    Raises:
        DataError: damaged, larger than MOST_PIXELS, or of over 8 bits per channel; transparent.
    """
    ImageOps = require("PIL.ImageOps", path)  # noqa: N806 - the module's own name
    with _opened(path) as image:
        upright = ImageOps.exif_transpose(image)
        if "A" in upright.getbands() or "transparency" in upright.info:
            return _opaque(upright, path)
        converted: Image = upright.convert(PLAIN[upright.mode])
        return converted


def _head(path: Path) -> tuple[str, Size]:
    """Return what an image will be decoded to, L or RGB, and its height and width."""
    from PIL.ExifTags import Base

    with _opened(path) as image:
        grey = image.getbands()[0] in ("L", "1")
        sideways = image.getexif().get(Base.Orientation, 1) >= 5
        width, height = image.size[::-1] if sideways else image.size
        return "L" if grey else "RGB", (height, width)


@contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    """Yield an image that is not decoded yet, but is of a kind that is."""
    pillow = require("PIL.Image", path)
    try:
        with open_plain(path) as file, warnings.catch_warnings():
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            if (size := path.stat().st_size) > MAX_BYTES:
                raise ValueError(f"it has {size} bytes, more than {MAX_BYTES}")
            head = file.read(DEPTH_AT + 1)
            image: Image = pillow.open(file, formats=["PNG", "JPEG"])
            _check(image, head, path)
            yield image
    except (*UNDECODED, pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise DataError(
            f"the image cannot be decoded: {_reason(error)}",
            where=str(path),
            fix="replace it by a PNG or JPEG file, or remove it",
        ) from error


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # its text shows the file object
        return "it is neither a PNG nor a JPEG"
    return getattr(error, "strerror", None) or str(error)


def _check(image: "Image", head: bytes, path: Path) -> None:
    if image.size[0] * image.size[1] > MOST_PIXELS:
        what = f"the image has {image.size[0]} x {image.size[1]} pixels, more than {MOST_PIXELS}"
        raise DataError(what, where=str(path), fix="save it smaller")
    if head.startswith(PNG) and head[DEPTH_AT] > 8:
        raise DataError(
            f"the image has {head[DEPTH_AT]} bits per channel",
            where=str(path),
            fix="save it with 8, or all samples as an array of whole numbers in an .npz file",
        )
    if image.mode not in (*PLAIN, "LA", "RGBA"):
        raise DataError(
            f"the image has the mode {image.mode}", where=str(path), fix="save it as grey or RGB"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise DataError(
            f"the image has {image.n_frames} frames",  # type: ignore[attr-defined]
            where=str(path),
            fix="save one image per file",
        )


def _opaque(image: "Image", path: Path) -> "Image":
    """Return an image that has transparency and makes no use of it."""
    grey = image.mode in ("L", "LA")
    whole = image.convert("RGBA")
    if np.asarray(whole)[..., 3].min() < OPAQUE:
        raise DataError(
            "the image has transparent pixels, whose colour is undefined",
            where=str(path),
            fix="put it on a background, and save it without transparency",
        )
    return whole.convert("L" if grey else "RGB")


def _check_sizes(files: Sequence[Path], sizes: Sequence[Size]) -> None:
    other = next((place for place, size in enumerate(sizes) if size != sizes[0]), None)
    if other is not None:
        (height, width), first = sizes[other], sizes[0]
        raise DataError(
            f"the image is {height} pixels high and {width} wide, {files[0].name} is "
            f"{first[0]} high and {first[1]} wide",
            where=str(files[other]),
            fix=f"resize all with --set data.size={first[0]}x{first[1]}, or remove it",
        )
