"""Job: train what is asked for: a new network, one for a chip, or a run that goes on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eideploy.circuit.integer import ZeroPolicy
from eideploy.config import DEFAULT_PRESET
from eideploy.config.chip import is_for_chip
from eideploy.errors import UsageError
from eideploy.flow import finetuning, train
from eideploy.flow.request import option, refuse_idle, require_known
from eideploy.flow.result import Result
from eideploy.numeric.division import Divider

NEW = "in a new training, without --resume and --finetune"
OF_CIRCUITS = "in a new training of E-I circuits"
BEGUN = "where a training begins, without --resume"
LOGGED = "where E-I circuits are trained, not networks for a mixed-signal chip"
INTEGERS = "with --finetune RUN and no --target"
FINETUNED = "with --finetune RUN; the preset digits-dynapse2 is for a mixed-signal chip by itself"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to train; the defaults are those of the command line."""

    preset: str | None = option("the preset", where=NEW)  # None: digits-conv
    settings: Mapping[str, str] = option("--set", default_factory=dict, where=BEGUN)
    seed: int | None = option(where=BEGUN)  # None: the preset's
    reset: Literal["soft", "hard"] | None = option(where=OF_CIRCUITS)  # None: the preset's
    finetune: Path | None = option(where=BEGUN)  # a finished run to go on with
    target: str | None = option(where=FINETUNED)  # the chip that it is distilled for
    scheme: str | None = option(where=INTEGERS)  # None: int8
    divider: Divider | None = option("--lut or --division", where=INTEGERS)  # None: 8 by 8 bits
    zero_policy: ZeroPolicy | None = option(where=INTEGERS)  # None: minimum
    data_dir: Path | None = option()
    tensorboard: bool = option(default=False, where=LOGGED)
    resume: Path | bool = option(default=False)  # an unfinished run, or True for the latest
    out: Path | None = option(where=BEGUN)  # None: a numbered folder

    @property
    def overrides(self) -> dict[str, str]:
        """The settings that are changed, however it was said.

        Raises:
            UsageError: one of them is said twice.
        """
        own = {"seed": self.seed, "network.reset": self.reset}
        said = {key: str(value) for key, value in own.items() if value is not None}
        if twice := said.keys() & self.settings.keys():
            key = min(twice)
            raise UsageError(
                f"{key} is set twice, to {said[key]} and to {self.settings[key]}",
                where=f"--{key.rpartition('.')[2]}, --set {key}",
                fix="leave out one of them",
            )
        return {**self.settings, **said}


def run(request: Request) -> Result:
    """Train.

    Raises:
        UsageError: options that have no effect in the training asked for; a run that is not there.
        ConfigError, DataError, FormatError, CapacityError, StoppedError: as of that training.
    """
    require_known(request)
    if request.resume is not False:
        refuse_idle(request, (LOGGED,), here="on a run that is resumed as it was begun")
        return train.resume(
            None if request.resume is True else Path(request.resume),
            data_dir=request.data_dir,
            tensorboard=request.tensorboard,
        )
    if request.finetune is not None:
        return _go_on(request, request.finetune)
    preset = request.preset or DEFAULT_PRESET
    if is_for_chip(preset):
        refuse_idle(request, (NEW, BEGUN), here="in a training for a mixed-signal chip")
        from eideploy.flow.chip_training import train_for_chip

        return train_for_chip(
            preset, overrides=request.overrides, out=request.out, data_dir=request.data_dir
        )
    refuse_idle(request, (NEW, OF_CIRCUITS, BEGUN, LOGGED), here="in a new training")
    return train.train(
        preset,
        overrides=request.overrides,
        out=request.out,
        data_dir=request.data_dir,
        tensorboard=request.tensorboard,
    )


def _go_on(request: Request, parent: Path) -> Result:
    """Train a finished run through its integers, or distil it for a chip."""
    if request.target is None:
        refuse_idle(request, (BEGUN, INTEGERS, LOGGED), here="on a run that is fine-tuned")
        return finetuning.finetune(
            finetuning.Request(
                parent=parent,
                scheme=request.scheme,
                divider=request.divider,
                zero_policy=request.zero_policy,
                overrides=request.overrides,
                data_dir=request.data_dir,
                tensorboard=request.tensorboard,
            ),
            out=request.out,
        )
    refuse_idle(request, (BEGUN, FINETUNED), here="on a run that is distilled for a chip")
    from eideploy.flow.adapting import distil

    return distil(
        parent,
        request.target,
        overrides=request.overrides,
        out=request.out,
        data_dir=request.data_dir,
    )
