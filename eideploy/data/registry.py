"""The data sets by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from eideploy.data.cifar import CIFAR10, CIFAR100, cifar
from eideploy.data.dataset import Dataset
from eideploy.data.digits import digits
from eideploy.data.digits_events import digits_events
from eideploy.data.event_sets import CIFAR10_DVS, DVS_GESTURE, NMNIST
from eideploy.data.mnist import FASHION, MNIST, mnist
from eideploy.data.recordings import event_set
from eideploy.data.shd import shd
from eideploy.data.tinyimagenet import tinyimagenet
from eideploy.errors import ConfigError, UsageError

BUNDLED = ("digits", "digits-events")  # read from no folder
Loader = Callable[[Path | None, int | None], Dataset]  # from the folder of data sets and the frames
RECORDINGS: Mapping[str, Loader] = {  # whose samples change from frame to frame
    "digits-events": lambda _, steps: digits_events(steps),
    "dvs-gesture": lambda folder, steps: event_set(folder, DVS_GESTURE, steps),
    "cifar10-dvs": lambda folder, steps: event_set(folder, CIFAR10_DVS, steps),
    "nmnist": lambda folder, steps: event_set(folder, NMNIST, steps),
    "shd": shd,
}
DATASETS: Mapping[str, Loader] = {
    "digits": lambda _, __: digits(),
    "mnist": lambda folder, _: mnist(folder, MNIST),
    "fashion-mnist": lambda folder, _: mnist(folder, FASHION),
    "cifar10": lambda folder, _: cifar(folder, CIFAR10),
    "cifar100": lambda folder, _: cifar(folder, CIFAR100),
    "tinyimagenet": lambda folder, _: tinyimagenet(folder),
    **RECORDINGS,
}


def load(name: str, data_dir: str | Path | None = None, *, steps: int | None = None) -> Dataset:
    """Return the data set of that name.

    Args:
        name: one of `DATASETS`.
        data_dir: the folder that holds the sets that are not bundled, each in its own folder.
        steps: frames of an event recording, the published number if None; images take no heed.

    Raises:
        ConfigError: there is no such data set.
        UsageError: `data_dir`, and a set that is bundled.
        DataError: a file is missing or damaged, or what reads it is not installed.
    """
    if name not in DATASETS:
        raise ConfigError(
            f"there is no data set {name}", where="data.name", fix=f"use {', '.join(DATASETS)}"
        )
    if data_dir is not None and name in BUNDLED:
        raise UsageError(
            f"--data-dir has no effect on the data set {name}, which is bundled",
            where="--data-dir",
            fix="leave it out; it is for the sets that are not bundled, which eideploy train takes "
            f"by --set data.name: {', '.join(known for known in DATASETS if known not in BUNDLED)}",
        )
    return DATASETS[name](None if data_dir is None else Path(data_dir), steps)
