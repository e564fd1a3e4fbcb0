"""What the bits of a training for the chip depend on beside its configuration.

Its compiled kernel computes alike on every processor; numpy and the augmentation need not.
"""

import numpy as np
import torch

from eideploy.config import Data
from eideploy.model.augment import augment
from eideploy.model.conditions import SAMPLES, SHAPE, Conditions, digest, elementary, versions


def chip_conditions() -> Conditions:
    """Return what the bits of a training here depend on."""
    return {**versions(), "arithmetic": chip_arithmetic()}


def chip_arithmetic() -> str:
    """Return a digest of augmented samples, and of numpy's functions."""
    rng = np.random.default_rng(0)
    samples = torch.from_numpy(rng.random((SAMPLES, *SHAPE), np.float32))
    moved = augment(samples, Data(name="", shift=0.5, rotate=8.0, scale=0.05, shear=0.1), rng)
    return digest([moved.numpy(), *elementary(rng)])
