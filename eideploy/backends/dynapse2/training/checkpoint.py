"""The state of a training for the chip between two epochs, in one file without code."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.training.plan import Plan
from eideploy.backends.dynapse2.training.synapses import Synapses
from eideploy.backends.dynapse2.training.training import Epoch, Progress
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_tensors
from eideploy.model.conditions import Conditions, read_conditions

FILE = "checkpoint.safetensors"
KIND, VERSION = "chip training checkpoint", 1
WHOLE = ("link", "source", "target")  # of the arrays of Synapses; the others are float64


@dataclass(frozen=True, kw_only=True, eq=False)
class Past:
    """How a training came to where it is.

    progress    None: no epoch has ended
    seconds     that it has taken
    conditions  what its bits depended on, an entry for every change; none: not known
    """

    progress: Progress | None = None
    seconds: float = 0.0
    conditions: tuple[Conditions, ...] = ()


def save(
    progress: Progress, folder: Path, *, seconds: float, conditions: tuple[Conditions, ...] = ()
) -> None:
    """Write the checkpoint of `folder`, replacing the earlier one in a single step."""
    content = {
        "batches": progress.batches,
        "epochs": [asdict(epoch) for epoch in progress.epochs],
        "seconds": seconds,
        "conditions": [dict(entry) for entry in conditions],
    }
    write_tensors(
        folder / FILE, vars(progress.synapses), kind=KIND, version=VERSION, content=content
    )


def load(folder: Path, plan: Plan) -> Past:
    """Return where the training in `folder` ended.

    Raises:
        FormatError: damaged, of another kind or version, or of another network.
    """
    path = folder / FILE
    if not path.exists():
        return Past()
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    try:
        synapses = Synapses(**arrays)
        progress = Progress(
            synapses=synapses,
            batches=int(content["batches"]),
            epochs=tuple(Epoch(**entry) for entry in content["epochs"]),
        )
        seconds = float(content["seconds"])
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(f"{type(error).__name__} {error}", path) from error
    if fault := _fault(synapses, plan):
        raise _damaged(fault, path)
    known = read_conditions(content.get("conditions", []), where=str(path))
    return Past(progress=progress, seconds=seconds, conditions=known)


def _fault(synapses: Synapses, plan: Plan) -> str:
    """Return what is wrong with synapses that the plan is to go on with; nothing: empty."""
    count = len(np.atleast_1d(synapses.link))
    most = {
        "link": len(plan.links), "source": plan.inputs + plan.neurons, "target": plan.neurons,
    }  # fmt: skip
    for name, value in vars(synapses).items():
        kind = np.int64 if name in WHOLE else np.float64
        if value.shape != (count,) or value.dtype != kind:
            return f"{name} is {value.dtype} of shape {value.shape}, not {count} of {kind.__name__}"
        if name in WHOLE and not ((value >= 0) & (value < most[name])).all():
            return f"{name} is not within 0 to {most[name] - 1}"
        if name not in WHOLE and not np.isfinite(value).all():
            return f"{name} holds values that are not finite numbers"
    return ""


def _damaged(what: str, path: Path) -> FormatError:
    return FormatError(f"the checkpoint is malformed: {what}", where=str(path), fix=RESTORE)
