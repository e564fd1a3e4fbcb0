"""Jobs for a mixed-signal chip alone: distil a run into a network for it, simulate its build."""

import os
from collections.abc import Mapping
from pathlib import Path

from eideploy.api import values
from eideploy.api.values import PathLike
from eideploy.flow import training
from eideploy.flow.result import Result


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
