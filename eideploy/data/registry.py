"""The data sets by name."""

from collections.abc import Callable, Mapping

from eideploy.data.dataset import Dataset
from eideploy.data.digits import digits
from eideploy.errors import ConfigError

DATASETS: Mapping[str, Callable[[], Dataset]] = {"digits": digits}


def load(name: str) -> Dataset:
    """Return the data set of that name.

    Raises:
        ConfigError: there is no such data set.
    """
    if name not in DATASETS:
        raise ConfigError(
            f"there is no data set {name}", where="data.name", fix=f"use {', '.join(DATASETS)}"
        )
    return DATASETS[name]()
