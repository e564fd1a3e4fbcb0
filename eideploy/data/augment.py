"""Training batches changed at random, each sample in its own way, by an explicit generator.

Every function takes a batch (B, C, H, W) of images or (B, T, C, H, W) of event frames and returns a
new one; all frames of a sample are changed alike. The same generator gives the same bits.
"""

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.data.resample import gather, linear_crop, nearest_crop

Images = NDArray[np.float32]
Generator = np.random.Generator
Ints = NDArray[np.int64]
TRIES = 10  # boxes drawn for a resized crop before the whole image is taken
LEVELS = 255  # levels of a colour: 0 to 255, of 255


def random_crop(images: Images, rng: Generator, *, padding: int) -> Images:
    """Return windows of the images' own size, out of the images with `padding` zeros all around."""
    height, width = images.shape[-2:]
    top, left = rng.integers(-padding, padding + 1, (2, len(images), 1, 1))
    return gather(images, top + np.arange(height)[:, None], left + np.arange(width))


def random_flip(images: Images, rng: Generator, *, p: float = 0.5) -> Images:
    """Return the images, each mirrored left to right with probability `p`."""
    return np.where(_each(rng.random(len(images)) < p, images), images[..., ::-1], images)


def random_roll(images: Images, rng: Generator, *, reach: int) -> Images:
    """Return the images rolled by up to `reach` pixels down and right, or up and left."""
    height, width = images.shape[-2:]
    down, right = rng.integers(-reach, reach + 1, (2, len(images), 1, 1))
    rows = (np.arange(height)[:, None] - down) % height
    return gather(images, rows, (np.arange(width) - right) % width)


def random_rotation(images: Images, rng: Generator, *, degrees: float) -> Images:
    """Return the images turned about their centre by up to `degrees`, by the nearest pixel."""
    height, width = images.shape[-2:]
    angle = np.radians(rng.uniform(-degrees, degrees, (len(images), 1, 1)))
    y = np.arange(height)[:, None] - (height - 1) / 2
    x = np.arange(width) - (width - 1) / 2
    rows = np.cos(angle) * y - np.sin(angle) * x + (height - 1) / 2
    columns = np.sin(angle) * y + np.cos(angle) * x + (width - 1) / 2
    return gather(images, np.rint(rows).astype(np.int64), np.rint(columns).astype(np.int64))


def red_cutout(
    images: Images,
    rng: Generator,
    *,
    p: float = 0.5,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: tuple[float, float] = (0.4, 2.5),
) -> Images:
    """Return the images, each with probability `p` under one rectangle of one random red.

    The rectangle has a share `area` of the image and height / width `aspect`, both uniform, rounded
    down to pixels; it lies within the image. Its first channel is one of 256 levels, the others are
    0: the published code pastes one integer into an RGB image, and Pillow takes that for (c, 0, 0).
    """
    (height, width), count = images.shape[-2:], len(images)
    share, ratio = rng.uniform(*area, count) * height * width, rng.uniform(*aspect, count)
    high = np.minimum(np.sqrt(share * ratio).astype(np.int64), height)
    wide = np.minimum(np.sqrt(share / ratio).astype(np.int64), width)
    top = rng.integers(0, height - high + 1)
    left = rng.integers(0, width - wide + 1)
    colour = np.zeros((count, images.shape[-3], 1, 1), np.float32)
    colour[:, 0, 0, 0] = rng.integers(0, LEVELS + 1, count) / np.float32(LEVELS)
    chosen = rng.random(count) < p
    hidden = _boxes(top, left, high * chosen, wide, (height, width))
    return np.where(_each(hidden, images), _each(colour, images), images)


def square_cutout(images: Images, rng: Generator, *, side: int) -> Images:
    """Return the images, each zero in one square about any of its pixels, cut off at the edge."""
    height, width = images.shape[-2:]
    top = rng.integers(0, height, len(images)) - side // 2
    left = rng.integers(0, width, len(images)) - side // 2
    sides = np.full(len(images), side // 2 * 2)
    hidden = _boxes(top, left, sides, sides, (height, width))
    return np.where(_each(hidden, images), np.float32(0), images)


def random_resized_crop(
    images: Images,
    rng: Generator,
    *,
    size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    nearest: bool = False,
) -> Images:
    """Return a box of each image, at `size`: sampled linearly, or by the nearest for event counts.

    The box has a share `scale` of the image, uniform, and width / height `ratio`, log-uniform; of
    ten drawn the first that fits is taken, and the whole image if none does.
    """
    (height, width), count = images.shape[-2:], len(images)
    share = rng.uniform(*scale, (TRIES, count)) * height * width
    shape = np.exp(rng.uniform(log(ratio[0]), log(ratio[1]), (TRIES, count)))
    wide, high = np.rint(np.sqrt(share * shape)), np.rint(np.sqrt(share / shape))
    fits = (wide >= 1) & (wide <= width) & (high >= 1) & (high <= height)
    pick = fits.argmax(axis=0), np.arange(count)
    boxes = np.where(fits.any(axis=0), (high[pick], wide[pick]), [[height], [width]])
    high, wide = boxes.astype(np.int64)
    box = (rng.integers(0, height - high + 1), rng.integers(0, width - wide + 1), high, wide)
    return (nearest_crop if nearest else linear_crop)(images, box, size)


def random_temporal_deletion(frames: Images, rng: Generator, *, delete: int) -> Images:
    """Return the samples without `delete` of their frames, in order: (B, T - delete, C, H, W)."""
    count, steps = frames.shape[:2]
    order = rng.random((count, steps)).argsort(axis=1)
    remaining = np.sort(order[:, delete:], axis=1)
    return frames[np.arange(count)[:, None], remaining]


def one_of_three(images: Images, rng: Generator) -> Images:
    """Return each sample rolled by up to 5 pixels, turned by up to 30 degrees, or cut by 16x16."""
    which = rng.integers(0, 3, len(images))
    changed = (
        random_roll(images, rng, reach=5),
        random_rotation(images, rng, degrees=30),
        square_cutout(images, rng, side=16),
    )
    choices = [_each(which == place, images) for place in range(2)]
    return np.where(choices[0], changed[0], np.where(choices[1], changed[1], changed[2]))


def _boxes(
    top: Ints, left: Ints, high: Ints, wide: Ints, size: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return (B, H, W), true within each sample's box."""
    y, x = np.arange(size[0])[:, None], np.arange(size[1])
    top, left, high, wide = (part[:, None, None] for part in (top, left, high, wide))
    return np.asarray((y >= top) & (y < top + high) & (x >= left) & (x < left + wide))


def _each(values: NDArray[Any], images: Images) -> NDArray[Any]:
    """Return (B, ...) values shaped to apply to all frames and channels of a batch."""
    between = images.ndim - values.ndim
    return values.reshape(len(values), *[1] * between, *values.shape[1:])
