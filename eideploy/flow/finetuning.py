"""Job: fine-tune a run through the integers that it will be compiled to."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy import folders
from eideploy.circuit import Circuit, Ranges
from eideploy.circuit.store import load as load_circuit
from eideploy.circuit.store import save
from eideploy.data import Dataset
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, read_json, sha256, write_atomic, write_json
from eideploy.flow.kept_samples import CALIBRATION_SAMPLES
from eideploy.flow.origins import origin_of
from eideploy.flow.requests.train import Finetune
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.folders import Run
from eideploy.options import as_path
from eideploy.progress import note
from eideploy.recipe import Finetuned, Recipe, read_finetuned, usual
from eideploy.scheme import load_scheme
from eideploy.simulate.observe import observe
from eideploy.target import load_target

if TYPE_CHECKING:
    from eideploy.finetune.network import Goal, IntegerNetwork
    from eideploy.model.networks import Network

GOAL, PARENT, CALIBRATED = "finetune.json", "parent.safetensors", "calibrated.safetensors"
TENTH = 10  # of the parent's epochs, by default
RATE = 0.3  # of the parent's peak rate, by default
CLIP_RATIO = 1.0  # a divisor near zero gives gradients that empty a layer for good
TARGET = "digital"
OF_THE_RUN = ("network.", "ablation.", "data.name", "data.path", "data.size")
OF_INTEGERS = ("training.kernel", "training.device", "training.precision")


@dataclass(frozen=True, kw_only=True, eq=False)
class Finetuning:
    """What the folder of a fine-tuned run says: where it began and what for."""

    folder: Path
    goal: Finetuned

    def of(self, dataset: Dataset) -> dict[str, Any]:
        """Return what training takes beside what every training does."""
        from eideploy.finetune.network import IntegerNetwork
        from eideploy.model.checkpoint import load_state

        _require_one_process()
        ranges = load_circuit(self.folder / CALIBRATED).ranges
        assert ranges is not None  # finetune wrote them
        goal = _goal(self.goal.recipe, ranges)

        def stand_in(network: "Network") -> "IntegerNetwork":
            return IntegerNetwork(network, goal, dataset.input_shape, dataset.high)

        parent = load_state(self.folder, PARENT).network.eval()
        return {"start": parent, "teacher": parent, "stand_in": stand_in}

    def calibrated(self, circuit: Circuit) -> Circuit:
        """Return the circuit with the calibration that it was trained with."""
        return replace(circuit, ranges=load_circuit(self.folder / CALIBRATED).ranges)


def finetune(request: Finetune) -> Result:
    """Train the parameters of a finished run through the integers, into a run of its own.

    Raises:
        UsageError: no such run, scheme or division, a run without a checkpoint, a setting that the
            run fixes, or several processes.
        CapacityError: the target cannot divide so.
        ConfigError, DataError, StoppedError: as of a training.
    """
    from eideploy.flow import train
    from eideploy.model.checkpoint import FILE, load_state

    _require_one_process()
    settings = request.settings()
    _refuse_kept(settings)
    run = find_run(Path(request.run))
    if not (run.folder / FILE).is_file():
        raise UsageError(
            "the run has no checkpoint to go on from",
            where=str(run.folder),
            fix="fine-tune a run that eideploy train made",
        )
    state = load_state(run.folder)
    training = state.config.training
    config = replace(
        state.config,
        training=replace(
            training,
            epochs=max(1, training.epochs // TENTH),
            rate=training.rate * RATE,
            warmup_epochs=0,
            clip_ratio=CLIP_RATIO,
            kernel="plain",
            device="cpu",
            precision="float64" if training.precision == "float64" else "float32",
        ),
    ).with_overrides(settings)
    recipe = usual()
    recipe = Recipe(
        scheme=load_scheme(os.fspath(request.scheme)) if request.scheme else recipe.scheme,
        divider=request.divider() or recipe.divider,
        zero_policy=request.zero_policy or recipe.zero_policy,
    )
    origin = run.origin or origin_of(config.data)
    dataset = origin.load(request.place(), steps=config.network.steps)
    samples = dataset.train.batch(slice(CALIBRATION_SAMPLES))
    ranges = observe(run.circuit, samples)
    _goal(recipe, ranges).integers(run.circuit)  # refused now rather than in a folder of its own
    goal = Finetuned(
        parent=run.folder.resolve().name,
        parent_sha256=sha256(run.folder / MANIFEST),
        scheme=recipe.scheme,
        division=recipe.divider.label,
        zero_policy=recipe.zero_policy,
    )
    stem = f"{goal.parent}-{goal.scheme.name}-{goal.division.replace(' ', '')}"
    with folders.new_folder(as_path(request.out), folders.RUNS, stem) as staged:
        save(replace(run.circuit, ranges=ranges), staged.aside / CALIBRATED)
        write_atomic(staged.aside / PARENT, (run.folder / FILE).read_bytes())
        write_json(staged.aside / GOAL, goal.table)
        write_atomic(staged.aside / folders.CONFIG, config.to_toml().encode())
    return train.run(
        train.Job(
            config=config,
            folder=staged.final,
            load=lambda: dataset,
            tensorboard=request.tensorboard,
        )
    )


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


def _goal(recipe: Recipe, ranges: Ranges) -> "Goal":
    from eideploy.finetune.network import Goal

    return Goal(recipe=recipe, ranges=ranges, target=load_target(TARGET))


def _require_one_process() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "fine-tuning runs in one process",
            where="torchrun",
            fix="start eideploy train without torchrun",
        )


def _refuse_kept(overrides: Iterable[str]) -> None:
    for key in overrides:
        if key.startswith((*OF_THE_RUN, *OF_INTEGERS)):
            own = key.startswith(OF_THE_RUN)
            raise UsageError(
                f"{key} is {'that of the run' if own else 'what training through integers needs'}",
                where=f"--set {key}",
                fix="train a run that has it, and fine-tune that one" if own else "leave it out",
            )
