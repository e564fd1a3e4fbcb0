"""The sections of a configuration: every key, its type, its bounds and its default."""

import dataclasses
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Literal

from eideploy.config.reading import toml_value
from eideploy.errors import ConfigError
from eideploy.options.option import AREA, is_area
from eideploy.typed import Matching, Within

Width = int | Literal["P"]
Size = Annotated[int, Within(1, 65_536)]
Rate = Annotated[float, Within(0.0, 10.0)]
Share = Annotated[float, Within(0.0, 1.0)]
Area = Annotated[str, Matching(lambda text: not text or is_area(text), AREA)]
DATA = "digits"
IN_MEMORY = "memory/"  # what data of the user's without a file are called


def own_name(path: str) -> str:
    """Return what data of the user's are called: no set by name has a dot or a slash."""
    own = PurePath(path)
    return own.name if own.suffix else f"{own.name}/"


def is_set(name: str) -> bool:
    """Return whether a name was given, and is that of a set."""
    return name != DATA and "." not in name and "/" not in name


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The architecture; classes and the input's shape come from the data set."""

    kind: Literal["mlp", "vgg", "resnet"] = "vgg"
    """The shape of the network. A resnet has stages of basic blocks, one stage per width."""
    widths: tuple[Width, ...] = (16, "P", 32, "P", 64)
    """Excitatory neurons, or channels, of each layer; "P" is 2x2 mean pooling."""
    blocks: Annotated[int, Within(1, 64)] = 2
    """Basic blocks in each stage, of a resnet only."""
    normalization: Literal["ei", "batch"] = "ei"
    """"ei", or "batch" for the BatchNorm baseline, which has no circuit to compile."""
    classifier: Literal["flatten", "pool"] = "flatten"
    """How a vgg ends: by all values of the last maps, or by the mean of each ("pool")."""
    ei_ratio: Annotated[int, Within(1, 64)] = 4
    """Excitatory neurons, or channels, to each inhibitory one."""
    tau: Annotated[float, Within(1.0, 1024.0)] = 2.0
    """Time constant of the membranes in steps (M7); fine-tuning needs a power of two."""
    reset: Literal["soft", "hard"] = "soft"
    """A spike subtracts the threshold ("soft", M7), or sets the membrane to zero ("hard", M20)."""
    steps: Annotated[int, Within(1, 1024)] = 4
    """Time steps T: how often an image is shown, or the frames of an event recording."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimiser and its schedule (M14, M15), and the loss (M16)."""

    epochs: Annotated[int, Within(1, 100_000)] = 40
    """Passes over the training samples."""
    max_iterations: Annotated[int, Within(0, 2**31)] = 0
    """Batches after which to stop early, on the schedule of the whole; 0 for never."""
    batch: Size = 32
    """Samples in a batch, of all processes together."""
    optimizer: Literal["sgd", "adam"] = "sgd"
    """SGD with momentum, as in the paper (M14), or Adam with steps relative to each parameter
    (M25)."""
    rate: Rate | Literal["auto"] = 0.01
    """Peak learning rate; "auto" to find one by short trainings on a part of the samples."""
    warmup_epochs: Annotated[int, Within(0, 100_000)] = 4
    """Epochs in which the rate rises linearly to its peak, a third of all at most; then it falls as
    a cosine."""
    warmup_rate: Rate = 1e-7
    """Learning rate of the first batch."""
    momentum: Annotated[float, Within(0.0, 0.9999)] = 0.9
    """Of the gradient, in either optimiser (M14, M25)."""
    weight_decay: Share = 5e-4
    """Of parameters: coupled in sgd, as torch.optim.SGD takes it (M14), decoupled in adam (M25)."""
    label_smoothing: Annotated[float, Within(0.0, 0.9)] = 0.0
    """Of the cross entropy (M16)."""
    clip_ratio: Annotated[float, Within(0.0, 1e9)] = 0.1
    """Largest norm of a gradient, in units of the norm of its parameter; 0 for no limit."""
    setbacks: Annotated[int, Within(0, 100)] = 5
    """How often an epoch may be begun again at 0.3 of the rate, where the training collapsed."""
    distillation: Share = 0.0
    """Share of the loss that asks for the outputs of the parent run; in fine-tuning only."""
    precision: Literal["float32", "float64", "bfloat16"] = "float32"
    """Of numbers; bfloat16 is of products only, under torch.autocast."""
    kernel: Literal["auto", "fused", "plain"] = "auto"
    """Division and neurons compiled ("fused"), by torch ("plain"), or fused where possible."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """"auto" takes CUDA where there is one."""
    threads: Annotated[int, Within(1, 1024)] = 1
    """Threads of torch on the CPU; another number gives other bits."""

    @property
    def peak(self) -> float:
        """The peak learning rate.

        Raises:
            ConfigError: it is still to be found.
        """
        if isinstance(self.rate, str):
            raise ConfigError(
                "the learning rate is still to be found, which a new training from the command "
                "line or by train_network does",
                where="training.rate",
                fix="give it a number",
            )
        return self.rate


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set, and how its training samples are changed.

    A sample may be moved, too: each of the last four bounds holds both ways, 0 for not.
    """

    name: str = DATA
    """Data set. Of your own data, the name of the file, or of the folder with a slash."""
    path: str = ""
    """File or folder of your own data (docs/data.md)."""
    size: Area = ""
    """HEIGHTxWIDTH that your own samples are resized to; empty to keep their size."""
    sensor: Area = ""
    """HEIGHTxWIDTH of the camera of your own event recordings."""
    framing: Literal["time", "number"] = "time"
    """Frames of a recording of the same duration, or of the same number of events."""
    augmentation: Literal["published", "none"] = "published"
    """What docs/data.md says of the data set, or none."""
    shift: Annotated[float, Within(0.0, 64.0)] = 0.0
    """Largest random shift of a training sample along either axis, in pixels."""
    rotate: Annotated[float, Within(0.0, 180.0)] = 0.0
    """Largest random rotation, in degrees."""
    scale: Annotated[float, Within(0.0, 0.9)] = 0.0
    """Largest random change of size, relative."""
    shear: Share = 0.0
    """Largest random shear, in columns a row."""

    def __post_init__(self) -> None:
        if self.path and not is_set(self.name):
            object.__setattr__(self, "name", own_name(self.path))

    @property
    def moves(self) -> bool:
        """Whether training samples are moved."""
        return bool(self.shift or self.rotate or self.scale or self.shear)


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What is left out of the method, as in the paper's table 2; by default nothing (M19)."""

    initialisation: Literal["ei", "kaiming"] = "ei"
    """E-I Init, or "kaiming" for W_EE and W_IE."""
    sign: bool = True
    """Whether weights and gains stay >= 0 (M14)."""
    epsilon: Literal["adaptive"] | Annotated[float, Within(1e-12, 1.0)] = "adaptive"
    """What replaces zero divisors: the smallest positive one, or a constant added to all (M6)."""
    gradient_scaling: bool = True
    """Whether the gradient of W_EI is scaled by 1/d (M11)."""
    straight_through: bool = True
    """Whether the gradient passes a replaced divisor straight through (M10)."""

    def changed(self, *among: str) -> tuple[str, ...]:
        """Return the keys, all or those among the given, whose values are not the method's."""
        own = (spec for spec in dataclasses.fields(self) if spec.name in among or not among)
        return tuple(spec.name for spec in own if getattr(self, spec.name) != spec.default)

    @property
    def departures(self) -> tuple[str, ...]:
        """What makes of a trained network no E-I circuit, as `ablation.sign = false`."""
        keys = self.changed("sign", "epsilon")
        return tuple(f"ablation.{key} = {toml_value(getattr(self, key))}" for key in keys)

    @property
    def needs_plain(self) -> bool:
        """Whether plain torch alone computes what is asked for."""
        return bool(self.changed("sign", "epsilon", "gradient_scaling", "straight_through"))
