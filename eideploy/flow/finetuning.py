"""Job: fine-tune a run through the integers that it will be compiled to."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from eideploy import folders
from eideploy.circuit.store import save
from eideploy.errors import UsageError
from eideploy.execute.observe import observe
from eideploy.files import MANIFEST, sha256, write_atomic, write_json
from eideploy.flow import train
from eideploy.flow.finetuned import CALIBRATED, GOAL, PARENT, goal_of, require_one_process
from eideploy.flow.kept_samples import CALIBRATION_SAMPLES
from eideploy.flow.origins import origin_of
from eideploy.flow.requests.train import Finetune
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.options import as_path
from eideploy.recipe import Finetuned, Recipe, usual
from eideploy.scheme import load_scheme

TENTH = 10  # of the parent's epochs, by default
RATE = 0.3  # of the parent's peak rate, by default
CLIP_RATIO = 1.0  # a divisor near zero gives gradients that empty a layer for good
OF_DATA = ("data.name", "data.path", "data.size", "data.sensor", "data.framing")
OF_THE_RUN = ("network.", "ablation.", *OF_DATA)
OF_INTEGERS = ("training.kernel", "training.device", "training.precision")


def finetune(request: Finetune) -> Result:
    """Train the parameters of a finished run through the integers, into a run of its own.

    Raises:
        UsageError: no such run, scheme or division, a run without a checkpoint, a setting that the
            run fixes, or several processes.
        CapacityError: the target cannot divide so.
        ConfigError, DataError, StoppedError: as of a training.
    """
    from eideploy.model.checkpoint import FILE, load_state

    require_one_process()
    settings = request.settings()
    _refuse_kept(settings)
    run = find_run(Path(request.run))
    if not (run.folder / FILE).is_file():
        raise UsageError(
            "the run has no checkpoint to continue from",
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
            rate=training.peak * RATE,
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
    goal_of(recipe, ranges).integers(run.circuit)  # refused now rather than in a folder of its own
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
            callbacks=request.callbacks,
        )
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
