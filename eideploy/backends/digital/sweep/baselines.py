"""Batch-normalised runs beside a sweep's table of contrasts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eideploy.backends.digital.sweep.cells import Baseline
from eideploy.data.origin import Place
from eideploy.errors import UsageError
from eideploy.flow.origins import origin_of
from eideploy.flow.samples import split_of
from eideploy.options.choices import Split


def baselines(
    paths: Sequence[Path],
    contrasts: Sequence[float],
    *,
    data: str | None,
    split: Split,
    count: int | None,
    place: Place,
) -> Baseline | None:
    """Return the mean accuracy of batch-normalised runs at every contrast; None without runs.

    They are evaluated in floats, by torch, on the samples that the sweep takes of `data`.

    Raises:
        UsageError: a run that is no baseline, or of other data.
        FormatError: a folder without a whole checkpoint.
    """
    if not paths:
        return None
    from eideploy.model.checkpoint import load_state
    from eideploy.model.evaluate import predict

    accuracies = []
    for path in paths:
        state = load_state(path)
        if state.config.network.normalization != "batch":
            raise UsageError(
                "the run is an E-I network, not a baseline",
                where=f"--baseline {path}",
                fix="""train one with --set 'network.normalization="batch"'""",
            )
        if state.config.data.name != data:
            raise UsageError(
                f"the baseline was trained on {state.config.data.name}, the runs on {data}",
                where=f"--baseline {path}",
                fix="name one of the same data",
            )
        source = origin_of(state.config.data).load(place, steps=state.config.network.steps)
        x, y = split_of(source, split, count)
        network = state.network.eval()
        scaled = (np.minimum(x * np.float32(contrast), source.high) for contrast in contrasts)
        accuracies.append([float((predict(network, z).argmax(1) == y).mean()) for z in scaled])
    means = np.mean(accuracies, 0)
    return Baseline(
        runs=tuple(path.resolve().name for path in paths),
        contrast=tuple(
            {"contrast": c, "float": float(mean)} for c, mean in zip(contrasts, means, strict=True)
        ),
    )
