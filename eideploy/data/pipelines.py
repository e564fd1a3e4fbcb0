"""The published augmentation of each data set: functions of a training batch, in order."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from numpy.typing import NDArray

from eideploy.data.augment import (
    one_of_three,
    random_crop,
    random_flip,
    random_resized_crop,
    random_temporal_deletion,
    red_cutout,
)
from eideploy.data.colour import colour_jitter
from eideploy.data.resample import resize

Images = NDArray[np.float32]
Augmentation = Callable[[Images, np.random.Generator], Images]
DVS_SIZE = (48, 48)  # what the paper resizes 128 x 128 event frames to


def _resize_dvs(frames: Images, _: np.random.Generator) -> Images:
    return resize(frames, DVS_SIZE)


CIFAR: tuple[Augmentation, ...] = (partial(random_crop, padding=4), red_cutout, random_flip)
PIPELINES: Mapping[str, tuple[Augmentation, ...]] = {
    "cifar10": CIFAR,
    "cifar100": CIFAR,
    "tinyimagenet": (
        partial(random_resized_crop, size=(32, 32), scale=(0.08, 1.0)),
        random_flip,
        colour_jitter,
        red_cutout,
    ),
    "dvs-gesture": (
        partial(random_resized_crop, size=(128, 128), scale=(0.5, 1.0), nearest=True),
        _resize_dvs,
        random_flip,
        partial(random_temporal_deletion, delete=0),  # as published: T of T frames remain
    ),
    "cifar10-dvs": (
        partial(random_resized_crop, size=(128, 128), scale=(0.7, 1.0), nearest=True),
        _resize_dvs,
        random_flip,
        one_of_three,
    ),
}
