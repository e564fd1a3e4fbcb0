"""Job: train what is asked for: a new network, one for a chip, or a run that goes on."""

import os
from dataclasses import replace
from typing import Any

from eideploy.backends import families
from eideploy.errors import UsageError
from eideploy.flow import finetuning, train
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.train import (
    BEGUN,
    INTEGERS,
    LOGGED,
    NEW,
    OF_CIRCUITS,
    Distil,
    Finetune,
    Resume,
    Train,
)
from eideploy.flow.result import Result
from eideploy.options import PathLike, as_path, refuse_idle
from eideploy.target import family_of, spec_of

LONGER = "training.epochs"  # what a run that is resumed may have changed


def run(request: Train) -> Result:
    """Train.

    Raises:
        UsageError: options that have no effect in the training asked for; a run that is not there.
        ConfigError: no such preset, or settings that make no sense.
        DataError: the data set is missing or damaged; or `out` exists already.
        FormatError: a damaged run.
        CapacityError: a network that the chip cannot hold, a division that the target cannot do.
        StoppedError: the user pressed Ctrl-C; `resume_run` goes on.
    """
    if request.resume is not False:
        _refuse_changes(request)
        own = replace(request, overrides={})
        refuse_idle(own, (READING, LOGGED), here="on a run that is resumed as it was begun")
        return train.resume(request)
    if request.finetune is not None:
        return _go_on(request, request.finetune)
    preset = None if request.preset is None else os.fspath(request.preset)
    if preset is not None and (trainer := families.trainer_of(preset)):
        request.refuse_callbacks()
        return trainer.train(request, preset)
    refuse_idle(request, (READING, NEW, OF_CIRCUITS, BEGUN, LOGGED), here="in a new training")
    settings = request.settings()
    return train.train(
        preset,
        overrides=settings,
        suited=request.data is not None or "data.path" in settings,
        out=as_path(request.out),
        place=request.place(),
        tensorboard=request.tensorboard,
        callbacks=request.callbacks,
    )


def _refuse_changes(request: Train) -> None:
    """Refuse settings that a run which is resumed cannot change."""
    if others := [key for key in request.overrides if key != LONGER]:
        raise UsageError(
            f"{others[0]} cannot be changed in a run that is resumed, only {LONGER}",
            where=f"--set {others[0]}",
            fix="leave it out, or train again with it, without --resume",
        )


def _go_on(request: Train, parent: PathLike) -> Result:
    """Train a finished run through its integers, or distil it for a chip."""
    request.place()  # which refuses data in memory
    if request.target is None:
        refuse_idle(request, (READING, BEGUN, INTEGERS, LOGGED), here="on a run that is fine-tuned")
        return finetuning.finetune(
            Finetune(
                parent,
                scheme=request.scheme,
                lut=request.lut,
                division=request.division,
                zero_policy=request.zero_policy,
                overrides=request.settings(),
                data_dir=request.data_dir,
                data=request.data,
                tensorboard=request.tensorboard,
                callbacks=request.callbacks,
                out=request.out,
            )
        )
    path = spec_of(os.fspath(request.target))
    family = family_of(path)
    if family.trainer is None:
        raise UsageError(
            f"a run is compiled for {family.kind} as it is, not distilled",
            where=f"--target {request.target}",
            fix="leave out --finetune and --target, and compile it",
        )
    request.refuse_callbacks()
    return family.trainer.distil(request, family.read_spec(path))


def resume(request: Resume) -> Result:
    """Go on with an interrupted training.

    Raises:
        UsageError: there is no unfinished run; options that have no effect.
        FormatError: its configuration or its checkpoint is damaged.
    """
    return run(Train(resume=request.run or True, **_beside_run(request)))


def finetune(request: Finetune) -> Result:
    """Train a finished run on.

    Raises:
        UsageError: no such run, scheme or division; options that have no effect.
        ConfigError: a setting that a fine-tuning keeps.
        FormatError: a damaged run.
    """
    return run(Train(finetune=request.run, **_beside_run(request)))


def distil(request: Distil) -> Result:
    """Train a network for a mixed-signal chip.

    Raises:
        UsageError: no such run; a digital target; options that have no effect.
        ConfigError, CapacityError, DataError, FormatError: as of `train_network`.
    """
    return run(Train(finetune=request.run, **_beside_run(request)))


def _beside_run(request: Resume | Finetune | Distil) -> dict[str, Any]:
    return {name: value for name, value in vars(request).items() if name != "run"}
