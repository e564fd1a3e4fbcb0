"""Data sets as plain arrays: images in [0, 1] with their classes, split once and for all."""

from eideploy.data.dataset import Dataset
from eideploy.data.registry import BUNDLED, DATASETS, RECORDINGS, load

__all__ = ["BUNDLED", "DATASETS", "RECORDINGS", "Dataset", "load"]
