"""Data sets as plain arrays: images in [0, 1] with their classes, split once and for all."""

from eideploy.data.dataset import Dataset
from eideploy.data.registry import DATASETS, load

__all__ = ["DATASETS", "Dataset", "load"]
