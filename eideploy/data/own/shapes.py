"""What the axes of an array of samples are."""

import numpy as np

from eideploy.data.dataset import Stored
from eideploy.errors import DataError

CHANNELS = (1, 3, 4)  # of an image whose channels stand last
SHAPES = "(N, F), (N, H, W), (N, C, H, W), or (N, T, C, H, W) for event frames"


def with_axes(samples: Stored, where: str) -> tuple[Stored, str]:
    """Return samples (N, C, H, W) or (N, T, C, H, W), and in words what was done; "" for nothing.

    Features (N, F) become F channels of one pixel, images (N, H, W) get one channel, and images
    (N, H, W, C) whose last axis can only be channels have them moved first.

    Raises:
        DataError: another number of axes, or no sample.
    """
    if not samples.size:
        raise DataError("there is no sample", where=where, fix=f"save samples {SHAPES}")
    if samples.ndim == 2:
        return samples[:, :, None, None], f"{samples.shape[1]} features"
    if samples.ndim == 3:
        return samples[:, None], ""
    if samples.ndim == 4 and _channels_last(samples.shape):
        return np.moveaxis(samples, 3, 1), "channels stood last, (N, H, W, C), and were moved first"
    if samples.ndim in (4, 5):
        return samples, ""
    raise DataError(
        f"the samples have the shape {samples.shape}", where=where, fix=f"give them as {SHAPES}"
    )


def _channels_last(shape: tuple[int, ...]) -> bool:
    return shape[3] in CHANNELS and shape[1] not in CHANNELS and shape[2] > shape[3]
