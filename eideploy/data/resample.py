"""Batches at another size: the two samplings that the published pipelines use.

`nearest` moves values without mixing them, so event counts stay counts; `linear` weighs neighbours
by a triangle, which is widened when an image shrinks so that every pixel of it counts, as Pillow
and torchvision's antialiased resize do.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Places = NDArray[Any]


def resize(images: Images, size: tuple[int, int]) -> Images:
    """Return images (..., H, W) at another size, linearly; themselves if of that size."""
    if images.shape[-2:] == size:
        return images
    whole = np.zeros(1)
    rows, columns = (
        linear_weights(whole, whole + full, size=out, full=full)[0]
        for out, full in zip(size, images.shape[-2:], strict=True)
    )
    return np.asarray(rows @ images @ columns.T)


def linear_crop(
    images: Images, box: tuple[Places, Places, Places, Places], size: tuple[int, int]
) -> Images:
    """Return each image's own box (top, left, height, width: (B,) each) at `size`, linearly.

    Shapes   images: (B, ..., H, W)
    """
    top, left, height, width = box
    flat = images.reshape(len(images), -1, *images.shape[-2:])
    rows = linear_weights(top, height, size=size[0], full=flat.shape[2])[:, None]
    columns = linear_weights(left, width, size=size[1], full=flat.shape[3])[:, None]
    out = np.asarray(rows @ flat @ columns.swapaxes(-1, -2), dtype=np.float32)
    return out.reshape(*images.shape[:-2], *size)


def nearest_crop(
    images: Images, box: tuple[Places, Places, Places, Places], size: tuple[int, int]
) -> Images:
    """Return each image's own box (top, left, height, width: (B,) each) at `size`, by the nearest.

    Shapes   images: (B, ..., H, W)
    """
    top, left, height, width = (part[:, None] for part in box)
    rows = top + np.arange(size[0]) * height // size[0]
    columns = left + np.arange(size[1]) * width // size[1]
    return gather(images, rows[:, :, None], columns[:, None, :])


def gather(images: Images, rows: Places, columns: Places) -> Images:
    """Return out[b, .., i, j] = images[b, .., rows[b, i, j], columns[b, i, j]], 0 beyond the edge.

    Shapes   images: (B, ..., H, W); rows, columns: (B, h, w), or 1 for h or w
    """
    height, width = images.shape[-2:]
    flat = images.reshape(len(images), -1, height * width)
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    place = np.where(inside, rows * width + columns, 0)
    out = np.take_along_axis(flat, place.reshape(len(flat), 1, -1), axis=2)
    out *= inside.reshape(len(flat), 1, -1)
    return out.reshape(*images.shape[:-2], *inside.shape[1:])


def linear_weights(start: Places, length: Places, *, size: int, full: int) -> NDArray[np.float32]:
    """Return the weight of each of `full` pixels in each of `size` new ones.

        c_i = start + (i + 1/2) length / size - 1/2
        w_ij = max(0, 1 - |j - c_i| / max(1, length / size)) in the box, each row summing to 1

    Shapes   start, length: (B,) in pixels; returned: (B, size, full)
    """
    start, length = start[:, None, None], length[:, None, None]
    ratio = length / size
    centre = start + (np.arange(size)[:, None] + 0.5) * ratio - 0.5
    pixel = np.arange(full)
    weights = np.maximum(0, 1 - np.abs(pixel - centre) / np.maximum(1, ratio))
    weights *= (pixel >= start) & (pixel < start + length)
    return np.asarray(weights / weights.sum(-1, keepdims=True), dtype=np.float32)
