"""What train is asked for: a new network, one for a chip, or a run that goes on."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from eideploy.backends.dividing import LUT, METHOD, Dividing, Division
from eideploy.errors import UsageError
from eideploy.flow.requests.shared import TARGET, FromDataSet
from eideploy.options import IN_PYTHON, Option, PathLike, Request, as_path
from eideploy.options.choices import ZeroPolicy
from eideploy.shown import kind_of

if TYPE_CHECKING:
    from eideploy.data.origin import Place

    Samples = PathLike | Any
else:
    Samples = PathLike  # their name on the command line; Python may give the samples themselves

Callbacks = Sequence[Callable[[Any], object]]
NEW = "in a new training, without --resume and --finetune"
OF_CIRCUITS = "in a new training of E-I circuits"
BEGUN = "where a training begins, without --resume"
CHIPS = "on a network for a mixed-signal chip"
LOGGED = "where E-I circuits are trained, not networks for a mixed-signal chip"
INTEGERS = "with --finetune RUN and no --target"
DISTILLED = "with --finetune RUN and a mixed-signal --target"
FINETUNED = "with --finetune RUN; the preset digits-dynapse2 is for a mixed-signal chip by itself"


@dataclass(frozen=True, kw_only=True)
class ToIntegers(Dividing):
    """How a network becomes the integers that it is fine-tuned through."""

    heading = "with --finetune: the integers that the run will be compiled to"
    scheme: Annotated[PathLike | None, Option(metavar="NAME|SCHEME.toml", where=INTEGERS)] = None
    """The number formats (default: int8)."""
    lut: Annotated[str | None, LUT, Option(where=INTEGERS)] = None
    """Divide by a table of 2^N entries of N (or M) bits (default: 8 by 8 bits)."""
    division: Annotated[Division | None, METHOD, Option(where=INTEGERS)] = None
    """Divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant."""
    zero_policy: Annotated[ZeroPolicy | None, Option(where=INTEGERS)] = None
    """What replaces a zero divisor: the layer's smallest positive one (default), or a calibrated
    constant."""


def as_texts(overrides: Mapping[str, object]) -> dict[str, str]:
    """Return settings as texts of TOML values; from Python they may be values.

    Raises:
        UsageError: they are no mapping.
    """
    if not isinstance(overrides, Mapping):
        raise UsageError(
            f"the overrides are {kind_of(overrides)}, not a mapping",
            where="overrides",
            fix='give a mapping from keys to values, e.g. {"training.epochs": 20}',
        )
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in overrides.items()
    }


@dataclass(frozen=True, kw_only=True)
class Begun(Request):
    """How a training begins."""

    overrides: Annotated[
        Mapping[str, object], Option(name="set", metavar="KEY=VALUE", where=BEGUN)
    ] = field(default_factory=dict)
    """Change a setting, e.g. training.epochs=20; may be repeated, the last value counts. With
    --resume only training.epochs, for more epochs."""
    seed: Annotated[int | None, Option(where=BEGUN)] = None
    """Seed of everything random (default: the preset's)."""
    out: Annotated[PathLike | None, Option(metavar="RUN", where=BEGUN)] = None
    """New folder (default: numbered)."""

    def settings(self) -> dict[str, str]:
        """Return the settings that are changed, however that was said, as texts of TOML values.

        Raises:
            UsageError: one of them is said twice.
        """
        texts = as_texts(self.overrides)
        named = {key: str(value) for key, value in self._named().items() if value is not None}
        if twice := named.keys() & texts.keys():
            key = min(twice)
            option = "data" if key.startswith("data.") else key.rpartition(".")[2]
            raise UsageError(
                f"{key} is set twice, to {named[key]} and to {texts[key]}",
                where=f"--{option}, --set {key}",
                fix="leave out one of them",
            )
        return {**texts, **named}

    def _named(self) -> Mapping[str, object]:
        """Return the settings that have an option of their own."""
        return {"seed": self.seed}


@dataclass(frozen=True, kw_only=True)
class Logged(Request):
    """What a training tells."""

    tensorboard: Annotated[bool, Option(where=LOGGED)] = False
    """Also write a TensorBoard log into the run."""
    callbacks: Callbacks = field(default=(), metadata=IN_PYTHON)
    """Functions that are called after every epoch with its EpochMetrics; what one raises ends the
    training, whose checkpoint stays."""

    def __post_init__(self) -> None:
        super().__post_init__()
        callbacks = self.callbacks
        if not isinstance(callbacks, Sequence) or not all(map(callable, callbacks)):
            raise UsageError(
                f"{callbacks!r} is not a list of functions",
                where="callbacks",
                fix="give functions that take an EpochMetrics, e.g. callbacks=[print]",
            )

    def refuse_callbacks(self) -> None:
        """Refuse callbacks where networks for a mixed-signal chip are trained.

        Raises:
            UsageError: there are some.
        """
        if self.callbacks:
            raise UsageError(
                f"callbacks have no effect {CHIPS}",
                where="callbacks",
                fix=f"leave them out, which have an effect {LOGGED}",
            )


@dataclass(frozen=True, kw_only=True)
class Train(ToIntegers, Logged, FromDataSet, Begun):
    """Train a network into a run folder.

    The run is the network of the last epoch; RUN/best.safetensors, of which eideploy import makes
    a run, is that of the best.

    Examples:
      eideploy train digits-mlp --seed 1
      eideploy train --set training.epochs=20 --set 'network.widths=[16, "P", 32]'
      eideploy train --data mine.npz
      eideploy train cifar10-vgg16 --data-dir ~/data
      eideploy train --resume
    """

    preset: Annotated[PathLike | None, Option(metavar="PRESET|CONFIG.toml", where=NEW)] = field(
        default=None, kw_only=False
    )
    """One of digits-conv (default), cifar10-vgg16, ..., or a configuration file."""
    reset: Annotated[Literal["soft", "hard"] | None, Option(where=OF_CIRCUITS)] = None
    """Reset a membrane that fires by subtracting the threshold (soft, default) or to zero
    (hard)."""
    data: Annotated[Samples | None, Option(metavar="PATH|NAME")] = None
    """Train on data of your own, a file or a folder (docs/data.md; in Python also a Dataset, arrays
    (x, y), a torch Dataset or DataLoader), or on the data set of that name; without a preset, the
    network that suits it. With a run: where its data is now."""
    finetune: Annotated[PathLike | None, Option(metavar="RUN", where=BEGUN)] = None
    """Fine-tune a finished run through the integers that it will be compiled to."""
    target: Annotated[PathLike | None, TARGET, Option(where=FINETUNED)] = None
    """With --finetune: distil the run into a network for this mixed-signal chip instead."""
    distil_on: Annotated[PathLike | None, Option(metavar="X.npy", where=DISTILLED)] = None
    """With --finetune and --target: distil on these images, in the run's input range, instead of
    its data set."""
    resume: Annotated[PathLike | bool, Option(metavar="RUN", alone=True)] = False
    """Continue an interrupted run (default: the latest)."""

    def _named(self) -> Mapping[str, object]:
        of_data = {} if self.data is None or self.finetune is not None else _data(self.data)
        return {**super()._named(), "network.reset": self.reset, **of_data}

    def place(self) -> "Place":
        """Return where data lie, and those that are in memory.

        Raises:
            UsageError: data in memory, and a run, which knows where its own were.
            DataError: what is in memory are no samples with classes.
        """
        if self.finetune is None and self.resume is False:
            return _place(as_path(self.data_dir), None if is_path(self.data) else self.data)
        if not is_path(self.data):
            raise UsageError(
                "data in memory has no effect on a run, which has its own",
                where="data",
                fix="leave it out, or name the file that holds the run's own data now",
            )
        return super().place()


def _place(data_dir: Path | None, data: object) -> "Place":
    from eideploy.config.sections import IN_MEMORY
    from eideploy.data.origin import Place
    from eideploy.data.own.memory import dataset_of

    dataset = None if data is None else dataset_of(data, IN_MEMORY)
    return Place(data_dir=data_dir, given=dataset)


def is_path(data: object) -> bool:
    """Return whether data are named, and not there already."""
    return data is None or isinstance(data, str | os.PathLike)


def _data(data: Samples) -> Mapping[str, str]:
    """Return the settings that name the data: a set, unless a file or folder is called so."""
    from eideploy.config.sections import IN_MEMORY, own_name
    from eideploy.data import DATASETS  # late: with it comes numpy

    if not is_path(data):
        return {"data.name": json.dumps(IN_MEMORY), "data.path": '""'}
    name = os.fspath(data)
    if name in DATASETS and not Path(name).exists():
        return {"data.name": json.dumps(name), "data.path": '""'}
    return {"data.name": json.dumps(own_name(name)), "data.path": json.dumps(name)}


@dataclass(frozen=True, kw_only=True)
class Resume(Logged, FromDataSet):
    """Continue an interrupted training, bit for bit; or a finished one for more epochs."""

    run: PathLike | None = field(default=None, kw_only=False)
    """The run (default: the latest that is unfinished)."""
    overrides: Annotated[Mapping[str, object], Option(name="set", metavar="KEY=VALUE")] = field(
        default_factory=dict
    )
    """training.epochs, where it is to have more."""


@dataclass(frozen=True, kw_only=True)
class Finetune(ToIntegers, Logged, FromDataSet, Begun):
    """Train a finished run on, through the integers that it will be compiled to."""

    run: PathLike = field(kw_only=False)
    """The finished run to begin with."""


@dataclass(frozen=True, kw_only=True)
class Distil(FromDataSet, Begun):
    """Distil a finished run into a network for a mixed-signal chip."""

    run: PathLike = field(kw_only=False)
    """The finished run that it imitates."""
    target: Annotated[PathLike, TARGET] = field(default="dynapse2", kw_only=False)
    """The chip."""
    distil_on: PathLike | None = None
    """Images to distil on, an .npy file in the run's input range, instead of its data set."""
