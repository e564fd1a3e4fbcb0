"""What a run was fine-tuned for: the integers that it was trained through."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy.circuit import Circuit, Ranges
from eideploy.circuit.store import load as load_circuit
from eideploy.data import Dataset
from eideploy.divisions import Divider
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, read_json
from eideploy.flow.requests.compile import Compile
from eideploy.folders import Run
from eideploy.progress import note
from eideploy.recipe import Finetuned, Recipe, read_finetuned, usual
from eideploy.target import Target, dividing, load_target

if TYPE_CHECKING:
    from eideploy.finetune.network import Goal, IntegerNetwork
    from eideploy.model.networks import Network

GOAL, PARENT, CALIBRATED = "finetune.json", "parent.safetensors", "calibrated.safetensors"


@dataclass(frozen=True, kw_only=True, eq=False)
class Finetuning:
    """What the folder of a fine-tuned run says: where it began and what for."""

    folder: Path
    goal: Finetuned

    def of(self, dataset: Dataset) -> dict[str, Any]:
        """Return what training takes beside what every training does."""
        from eideploy.finetune.network import IntegerNetwork
        from eideploy.model.checkpoint import load_state

        require_one_process()
        ranges = load_circuit(self.folder / CALIBRATED).ranges
        assert ranges is not None  # finetune wrote them
        goal = goal_of(self.goal.recipe, ranges)

        def stand_in(network: "Network") -> "IntegerNetwork":
            return IntegerNetwork(network, goal, dataset.input_shape, dataset.high)

        parent = load_state(self.folder, PARENT).network.eval()
        return {"start": parent, "teacher": parent, "stand_in": stand_in}

    def calibrated(self, circuit: Circuit) -> Circuit:
        """Return the circuit with the calibration that it was trained with."""
        return replace(circuit, ranges=load_circuit(self.folder / CALIBRATED).ranges)


def load(folder: Path) -> Finetuning | None:
    """Return what the folder of a run says of its fine-tuning; None if it is an ordinary one."""
    path = folder / GOAL
    if not path.is_file():
        return None
    return Finetuning(folder=folder, goal=read_finetuned(read_json(path), path))


def recipe_of(run: Run) -> Recipe:
    """Return the recipe that a run was fine-tuned for, or the usual one."""
    content = run.content.get("finetuned")
    return usual() if content is None else read_finetuned(content, run.folder / MANIFEST).recipe


def note_other(run: Run, asked: Recipe) -> None:
    """Say so where a fine-tuned run is compiled to other integers than it was trained through."""
    own = replace(recipe_of(run), inhibition=asked.inhibition)
    if "finetuned" in run.content and (own.label, own.scheme) != (asked.label, asked.scheme):
        note(f"the run was fine-tuned for {own.label}, and is compiled for {asked.label}")


def goal_of(recipe: Recipe, ranges: Ranges) -> "Goal":
    """Return what a network is trained towards, with its calibration."""
    from eideploy.finetune.network import Goal

    return Goal(recipe=recipe, ranges=ranges, target=_target_of(recipe.divider))


def _target_of(divider: Divider) -> Target:
    """Return the usual target, or the first shipped one beside it that divides as it does not."""
    target = load_target(os.fspath(Compile().target))
    if divider.method in target.divider:
        return target
    return next(iter(dividing(divider.method, target).values()), target)


def require_one_process() -> None:
    """Refuse to fine-tune in several processes.

    Raises:
        UsageError: torchrun started several.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "fine-tuning runs in one process",
            where="torchrun",
            fix="start eideploy train without torchrun",
        )
