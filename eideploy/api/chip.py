"""Jobs for a mixed-signal chip alone: distil a run into a network for it, simulate its build."""

import os
from collections.abc import Mapping
from pathlib import Path

from eideploy.api import values
from eideploy.api.values import PathLike
from eideploy.flow import chip_simulation, training
from eideploy.flow.result import Result
from eideploy.flow.samples import Split


def distil_run(
    run: PathLike,
    target: PathLike = "dynapse2",
    *,
    seed: int | None = None,
    overrides: Mapping[str, object] | None = None,
    data_dir: PathLike | None = None,
    out: PathLike | None = None,
) -> Result:
    """Train a network for a mixed-signal chip: `eideploy train --finetune RUN --target dynapse2`.

    Args:
        run: the finished run that it imitates.
        target: the chip, or the path of a spec.
        seed: of everything random; None for the preset's.
        overrides: settings to change.
        data_dir: where the data sets that are not bundled lie.
        out: the new folder; None for a numbered one in `runs/`.

    Raises:
        UsageError: no such run; a digital target.
        ConfigError, CapacityError, DataError, FormatError: as of `train_network`.
    """
    request = training.Request(
        finetune=Path(run),
        target=os.fspath(target),
        settings=values.settings(overrides),
        seed=seed,
        data_dir=values.path(data_dir),
        out=values.path(out),
    )
    return training.run(request)


def simulate_chip(
    build: PathLike | None = None,
    *,
    samples: int | None = None,
    split: Split | None = None,
    chips: int = 5,
    calibrate: int = 0,
    input: PathLike | None = None,  # noqa: A002 - as the option is called
    save: PathLike | None = None,
    data_dir: PathLike | None = None,
) -> Result:
    """Run samples through the chip that a build configures: `eideploy simulate --executor dpi`.

    Args:
        build: a build for a mixed-signal chip; None for the latest.
        samples: the first so many; None for all.
        split: "test" (default), "train" or "all".
        chips: how many chips of each mismatch are drawn.
        calibrate: training samples a class by which each chip's outputs are weighed; 0 for none.
        input: samples of your own in 0..1, an .npy file, instead of a split.
        save: an .npz file for logits, decisions and spike counts without mismatch.
        data_dir: where the data sets that are not bundled lie.

    Raises:
        UsageError: there is no build for a mixed-signal chip; options that have no effect.
        FormatError, SpecError: a damaged build.
        DataError: the data set is missing, or samples that do not fit.
    """
    request = chip_simulation.ChipRequest(
        folder=values.path(build),
        samples=samples,
        split=split,
        chips=chips,
        calibrate=calibrate,
        input=values.path(input),
        save=values.path(save),
        data_dir=values.path(data_dir),
    )
    return chip_simulation.simulate_chip(request)
