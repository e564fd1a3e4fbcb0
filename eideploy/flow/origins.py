"""Where the samples of a training come from, and what its run keeps of them."""

from typing import Any

from eideploy.config.sections import Data
from eideploy.data import Dataset
from eideploy.data.origin import Origin, described
from eideploy.data.own import ReadAs


def origin_of(data: Data) -> Origin:
    """Return where the data of a configuration come from."""
    how = ReadAs(**{key: getattr(data, key) for key in vars(ReadAs())})
    return Origin(name=data.name, path=data.path, own=bool(data.path), how=how)


def trained_on(data: Data, dataset: Dataset) -> dict[str, Any]:
    """Return what a run's manifest tells of the data that it was trained on."""
    return {**origin_of(data).with_samples(dataset).content, **described(dataset)}
