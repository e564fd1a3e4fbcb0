"""Samples moved as in any training, between the steps of the compiled kernel."""

from collections.abc import Callable

import numpy as np
import torch

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.config.sections import Data
from eideploy.model.augment import augment


def augmentation(data: Data) -> Callable[[Array, np.random.Generator], Array]:
    """Return what moves samples, (n, C, H, W); torch has one thread from now on.

    Others of its threads would spin beside the kernel's.
    """
    torch.set_num_threads(1)

    def moved(samples: Array, rng: np.random.Generator) -> Array:
        return np.asarray(augment(torch.from_numpy(samples), data, rng).numpy())

    return moved
