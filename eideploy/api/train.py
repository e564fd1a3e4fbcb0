"""Jobs that write a run: train, resume, fine-tune."""

import os
from collections.abc import Mapping
from pathlib import Path

from eideploy.api import values
from eideploy.api.values import Division, PathLike
from eideploy.circuit.integer import ZeroPolicy
from eideploy.config import DEFAULT_PRESET
from eideploy.flow import training
from eideploy.flow.result import Result


def train_network(
    preset: PathLike = DEFAULT_PRESET,
    *,
    seed: int | None = None,
    overrides: Mapping[str, object] | None = None,
    data_dir: PathLike | None = None,
    tensorboard: bool = False,
    out: PathLike | None = None,
) -> Result:
    """Train a preset, or a configuration file, into a run folder: `eideploy train`.

    Args:
        preset: one of `preset_names()`, or the path of a .toml file.
        seed: of everything random; None for the preset's.
        overrides: settings to change, e.g. `{"training.epochs": 3, "network.widths": [16, "P"]}`.
        data_dir: where the data sets that are not bundled lie.
        tensorboard: write a TensorBoard log, too.
        out: the new folder; None for a numbered one in `runs/`.

    Raises:
        ConfigError: no such preset, or settings that make no sense.
        DataError: the data set is missing or damaged; or `out` exists already.
        StoppedError: the user pressed Ctrl-C; `resume_run` goes on.
        UsageError: options that have no effect.
        CapacityError: of a preset for a mixed-signal chip.
    """
    request = training.Request(
        preset=os.fspath(preset),
        settings=values.settings(overrides),
        seed=seed,
        data_dir=values.path(data_dir),
        tensorboard=tensorboard,
        out=values.path(out),
    )
    return training.run(request)


def resume_run(
    run: PathLike | None = None, *, data_dir: PathLike | None = None, tensorboard: bool = False
) -> Result:
    """Go on with an interrupted training, bit for bit: `eideploy train --resume RUN`.

    Raises:
        UsageError: there is no unfinished run.
        FormatError: its configuration or its checkpoint is damaged.
    """
    request = training.Request(
        resume=values.path(run) or True,
        data_dir=values.path(data_dir),
        tensorboard=tensorboard,
    )
    return training.run(request)


def finetune_run(
    run: PathLike,
    *,
    scheme: PathLike | None = None,
    division: Division | None = None,
    zero_policy: ZeroPolicy | None = None,
    seed: int | None = None,
    overrides: Mapping[str, object] | None = None,
    data_dir: PathLike | None = None,
    tensorboard: bool = False,
    out: PathLike | None = None,
) -> Result:
    """Train a finished run on, through its integers: `eideploy train --finetune RUN`.

    Args:
        run: the finished run to begin with.
        scheme: the number formats, a name or a file; None for int8.
        division: how to divide; None for a table of 8 by 8 bits.
        zero_policy: what replaces a zero divisor; None for the layer's smallest positive one.
        seed: of everything random; None for the run's.
        overrides: settings to change, e.g. `{"training.rate": 0.001}`.
        data_dir: where the data sets that are not bundled lie.
        tensorboard: write a TensorBoard log, too.
        out: the new folder; None for a numbered one in `runs/`.

    Raises:
        UsageError: no such run, scheme or division.
        ConfigError: a setting that a fine-tuning keeps.
        FormatError: a damaged run.
    """
    request = training.Request(
        finetune=Path(run),
        scheme=values.name(scheme),
        divider=values.divider(division),
        zero_policy=zero_policy,
        settings=values.settings(overrides),
        seed=seed,
        data_dir=values.path(data_dir),
        tensorboard=tensorboard,
        out=values.path(out),
    )
    return training.run(request)
