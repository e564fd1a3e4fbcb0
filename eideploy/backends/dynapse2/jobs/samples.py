"""Samples for a mixed-signal chip: of the user, of a data set, and a few to calibrate by."""

from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.folders import ChipBuild
from eideploy.backends.dynapse2.options import DPI
from eideploy.data import RECORDINGS, Dataset
from eideploy.data.origin import Origin, Place, class_names
from eideploy.errors import DataError, UsageError
from eideploy.flow.requests.shared import WITH_INPUT
from eideploy.flow.requests.simulate import OnSamples
from eideploy.flow.samples import read_checked, read_labels, split_of
from eideploy.options import refuse_idle


def load_images(origin: Origin, place: Place) -> Dataset:
    """Return a data set as a chip can be shown it.

    Raises:
        DataError: recordings; or the data set is missing or damaged.
    """
    require_images(origin)
    dataset = origin.load(place, steps=None)
    if dataset.steps is not None:
        raise _of_recordings(origin.name)
    return dataset


def require_images(origin: Origin) -> None:
    """Refuse recordings, of a data set or the user's own, before any of them is read.

    Raises:
        DataError: its samples change from frame to frame.
    """
    if origin.how.sensor if origin.own else origin.name in RECORDINGS:
        raise _of_recordings(origin.name)


def _of_recordings(name: str) -> DataError:
    return DataError(
        f"{name} holds recordings, which change from frame to frame; "
        "a mixed-signal chip takes still images, each value sent at a constant rate of events",
        where=f"data set {name}",
        fix="choose a data set of images, e.g. digits, for the run and for the chip",
    )


def own_or_split(
    build: ChipBuild, options: OnSamples, *, inputs: int, classes: int
) -> tuple[Array, Array | None]:
    """Return the samples, in 0..1, and their labels if they have any.

    Raises:
        UsageError: options that have no effect on samples of one's own; no data set.
        DataError: samples that the chip cannot be sent.
    """

    def check(batch: Array) -> None:
        size = int(np.prod(batch.shape[1:]))
        if size != inputs:
            raise DataError(
                f"a sample has {size} values, the chip is sent {inputs}",
                where="samples",
                fix="give samples of the size that the network was trained on",
            )
        if batch.min() < 0 or batch.max() > 1:
            raise DataError(
                f"values run from {batch.min():g} to {batch.max():g}, not within 0 to 1",
                where="samples",
                fix="scale them: a value of 1 is sent at the peak rate",
            )

    if options.input is not None:
        refuse_idle(options, (DPI, WITH_INPUT), here="on samples of your own")
        samples, some = read_checked(Path(options.input), check), slice(options.samples)
        if options.labels is None:
            return samples[some], None
        names = class_names(build.content, classes)
        return samples[some], read_labels(Path(options.labels), names, len(samples))[some]
    if build.origin is None:
        raise UsageError(
            "the build has no data set",
            where=str(build.folder),
            fix="give samples with --input samples.npy, or compile a run that has a data set",
        )
    data = load_images(build.origin, options.place())
    samples, labels = split_of(data, options.split, options.samples)
    return samples / data.high, labels


def flat_for(samples: Array, build: ChipBuild, inputs: int) -> Array:
    """Return samples of a build's data set as rows of values, one for each source.

    Raises:
        DataError: they have more or fewer, as those of other data.
    """
    flat = samples.reshape(len(samples), -1)
    if flat.shape[1] != inputs:
        raise DataError(
            f"a sample has {flat.shape[1]} values, the chip is sent {inputs}",
            where=f"data set {build.data}",
            fix="pass the training data with --data",
        )
    return flat


def labelled_few(
    build: ChipBuild, options: OnSamples, count: int, *, option: str = "--calibrate-chips"
) -> tuple[Array, Array]:
    """Return the first training samples of every class, `count` each, and their labels.

    Raises:
        UsageError: the samples asked for are not those of the test split alone.
    """
    if options.input is not None or (options.split or "test") != "test" or build.origin is None:
        raise UsageError(
            "chips are fitted to training samples, and then tried on test samples",
            where=option,
            fix="leave it out, or leave out --split and name a build that has a data set",
        )
    return first_of_training(build.origin, options.place(), count)


def first_of_training(origin: Origin, place: Place, count: int) -> tuple[Array, Array]:
    """Return the first training samples of every class, `count` each, and their labels.

    Raises:
        DataError: the data set is missing, damaged, or of recordings.
    """
    data = load_images(origin, place)
    chosen = [np.flatnonzero(data.train_y == c)[:count] for c in range(data.classes)]
    rows = np.concatenate(chosen)
    return data.train.batch(rows) / data.high, data.train_y[rows]
