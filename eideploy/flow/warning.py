"""What results warn of: networks that say nothing."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TextIO

from eideploy.flow.result import Result
from eideploy.progress import note
from eideploy.report.text import percent
from eideploy.validate.activity import Activity

TRAINED = (
    "check its training with eideploy report RUN, and that the samples are like those it was "
    "trained on"
)
IMPORTED = (
    "check that it was read as its tool means it (docs/nir.md has the options), and that the "
    "samples are like those it was trained on"
)


def activity_warnings(activity: Activity, where: str, fix: str) -> list[str]:
    """Return what is wrong with a network's activity and what to do, in one warning or none.

    Args:
        activity: what it did.
        where: the network and the samples, in words.
        fix: what to do.
    """
    faults = [
        f"the neurons of {name} fire at {percent(rate, 3)} of the steps, "
        "but for those that fire at every one"
        for name, rate in activity.silent.items()
    ]
    if activity.constant:
        faults.append("the logits are the same for all samples")
    return [f"{where}, {', '.join(faults)}: {fix}"] if faults else []


def with_warnings(result: Result, warnings: Sequence[str]) -> Result:
    """Return a result that holds warnings, in its text and its content.

    They go to stderr, too, unless both are one terminal, which would show them twice.
    """
    lines = [f"warning: {line}" for line in warnings]
    if not (_is_terminal(sys.stdout) and _is_terminal(sys.stderr)):
        for line in lines:
            note(line)
    return replace(
        result,
        text="\n".join([result.text, *([""] if lines else []), *lines]),
        content={**result.content, "warnings": [*warnings]},
    )


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()
