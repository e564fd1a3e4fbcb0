"""Training samples moved a little: shifted, turned, scaled, sheared, by an explicit generator."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from eideploy.config import Data


def augment(images: Tensor, data: Data, rng: np.random.Generator) -> Tensor:
    """Return each sample under its own affine map, uniform within the bounds of `data`.

    Pixels are interpolated bicubically, which keeps strokes of one pixel sharp where linearly would
    blur them; they are zero beyond the border, and clipped to the range that they had.

    Shapes   images: (B, C, H, W), or event frames (B, T, C, H, W), all frames of a sample alike
    """
    if not data.moves:
        return images
    flat = images.flatten(1, -3)
    grid = torch.nn.functional.affine_grid(
        torch.from_numpy(_maps(len(flat), flat.shape[2:], data, rng)),
        list(flat.shape),
        align_corners=False,
    )
    moved = torch.nn.functional.grid_sample(flat, grid, mode="bicubic", align_corners=False)
    return moved.clamp_(0, float(images.max())).view(images.shape)


def _maps(count: int, size: torch.Size, data: Data, rng: np.random.Generator) -> np.ndarray:
    """Return (count, 2, 3) maps from a place in the new image to one in the old, from -1 to 1."""
    height, width = size
    angle = np.radians(data.rotate) * rng.uniform(-1, 1, count)
    shrink = _each(math.exp, math.log1p(data.scale) * rng.uniform(-1, 1, count))
    shear = data.shear * rng.uniform(-1, 1, count)
    shift = 2 * data.shift * rng.uniform(-1, 1, (count, 2)) / (width, height)
    cos, sin = _each(math.cos, angle) * shrink, _each(math.sin, angle) * shrink
    rows = [cos, cos * shear - sin, shift[:, 0], sin, sin * shear + cos, shift[:, 1]]
    return np.stack(rows, axis=1).reshape(count, 2, 3).astype(np.float32)


def _each(function: Callable[[float], float], x: np.ndarray) -> np.ndarray:
    """Apply a function of the C library, as numpy's own round by the width of its vectors."""
    return np.array([function(value) for value in x])
