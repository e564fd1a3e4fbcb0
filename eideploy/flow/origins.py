"""Where the samples of a training come from, and what its run keeps of them."""

from typing import Any

from eideploy.config.sections import IN_MEMORY, Data
from eideploy.data import Dataset
from eideploy.data.origin import Origin, described
from eideploy.data.own import ReadAs


def origin_of(data: Data) -> Origin:
    """Return where the data of a configuration come from."""
    how = ReadAs(**{key: getattr(data, key) for key in vars(ReadAs())})
    own = bool(data.path) or data.name == IN_MEMORY
    return Origin(name=data.name, path=data.path, own=own, how=how)


def trained_on(data: Data, dataset: Dataset) -> dict[str, Any]:
    """Return what a run's manifest tells of the data that it was trained on."""
    return {**origin_of(data).with_samples(dataset).content, **described(dataset)}
