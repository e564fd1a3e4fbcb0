"""The state of a training for the chip between two epochs, in one file without code."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.training.plan import Plan
from eideploy.backends.dynapse2.training.synapses import Synapses
from eideploy.backends.dynapse2.training.training import Epoch, Progress
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, stored, write_tensors
from eideploy.model.conditions import Conditions

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


@dataclass(frozen=True, kw_only=True)
class _Content:
    """What stands in the file beside the synapses."""

    batches: int
    epochs: tuple[Epoch, ...]
    seconds: float
    conditions: tuple[Conditions, ...] = ()


def save(
    progress: Progress, folder: Path, *, seconds: float, conditions: tuple[Conditions, ...] = ()
) -> None:
    """Write the checkpoint of `folder`, replacing the earlier one in a single step."""
    content = _Content(
        batches=progress.batches, epochs=progress.epochs, seconds=seconds, conditions=conditions
    )
    write_tensors(
        folder / FILE, vars(progress.synapses), kind=KIND, version=VERSION, content=asdict(content)
    )


def load(folder: Path, plan: Plan) -> Past:
    """Return where the training in `folder` ended.

    Raises:
        FormatError: damaged, of another kind or version, or of another network.
    """
    path = folder / FILE
    if not path.exists():
        return Past()
    arrays, table = read_tensors(path, kind=KIND, version=VERSION)
    content = stored(_Content, table, what="the checkpoint", where=str(path))
    try:
        synapses = Synapses(**arrays)
    except TypeError as error:
        raise _damaged(str(error), path) from error
    if fault := _fault(synapses, plan):
        raise _damaged(fault, path)
    progress = Progress(synapses=synapses, batches=content.batches, epochs=content.epochs)
    return Past(progress=progress, seconds=content.seconds, conditions=content.conditions)


def _fault(synapses: Synapses, plan: Plan) -> str:
    """Return what is wrong with synapses that the plan is to go on with; nothing: empty."""
    count = len(np.atleast_1d(synapses.link))
    places = (len(plan.links), plan.inputs + plan.neurons, plan.neurons)
    most = dict(zip(WHOLE, places, strict=True))
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
