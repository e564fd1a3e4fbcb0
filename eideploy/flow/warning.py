"""What results warn of: networks that say nothing, and inputs whose steps are coarse."""

from collections.abc import Sequence
from dataclasses import replace

from eideploy.flow.result import Result
from eideploy.progress import note
from eideploy.report.text import FINER, coarse_text, counted, percent
from eideploy.validate.activity import Activity
from eideploy.validate.compare import Comparison

TRAINED = "see its training by eideploy report RUN, and that the samples are such as it was for"
IMPORTED = (
    "see that it was read as its tool means it (docs/nir.md says by which options), and that the "
    "samples are such as it was trained on"
)
BITS = "choose a scheme of more bits, or calibrate on samples such as it will see"


def activity_warnings(activity: Activity, where: str, fix: str) -> list[str]:
    """Return what is wrong with a network's activity and what to do, in one warning or none.

    Args:
        activity: what it did.
        where: the network and the samples, in words.
        fix: what to do.
    """
    found = [
        f"the neurons of {name} fire at {percent(rate, 3)} of the steps"
        for name, rate in activity.silent.items()
    ]
    if activity.constant:
        found.append("the logits are the same for all samples")
    return [f"{where}, {', '.join(found)}: {fix}"] if found else []


def comparison_warnings(comparison: Comparison, *, imported: bool) -> list[str]:
    """Return what is wrong with a network that was compared, in floats or else as integers.

    A grid of its input that is coarse is told in any case.
    """
    own, on = (IMPORTED if imported else TRAINED), counted(comparison.samples, "sample")
    floats = activity_warnings(comparison.float_activity, f"in floats, on {on}", own)
    silent = floats or activity_warnings(comparison.activity, f"as integers, on {on}", BITS)
    coarse = f"{coarse_text(comparison.input.rounding)}: {FINER}"
    return [*silent, coarse] if comparison.input.is_coarse else silent


def with_warnings(result: Result, warnings: Sequence[str]) -> Result:
    """Return a result that holds warnings, in its text and its content; they go to stderr, too."""
    lines = [f"warning: {line}" for line in warnings]
    for line in lines:
        note(line)
    return replace(
        result,
        text="\n".join([result.text, *([""] if lines else []), *lines]),
        content={**result.content, "warnings": [*warnings]},
    )
