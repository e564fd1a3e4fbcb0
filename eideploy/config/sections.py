"""The sections of a configuration: every key, its type, its bounds and its default."""

import dataclasses
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Literal

from eideploy.config.reading import toml_value
from eideploy.typed import Within

Width = int | Literal["P"]
Size = Annotated[int, Within(1, 65_536)]
Rate = Annotated[float, Within(0.0, 10.0)]
Share = Annotated[float, Within(0.0, 1.0)]
DATA = "digits"


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
    widths: tuple[Width, ...] = (16, "P", 32, "P", 64)  # excitatory neurons or channels; P: pooling
    blocks: Annotated[int, Within(1, 64)] = 2  # basic blocks a stage, of a resnet only
    normalization: Literal["ei", "batch"] = "ei"  # batch: the baseline, which is no circuit
    classifier: Literal["flatten", "pool"] = "flatten"  # pool: of a vgg, by the mean of each map
    reset: Literal["soft", "hard"] = "soft"  # soft: by the threshold (M7); hard: to zero (M20)
    # T, time steps an image is shown for, or event frames
    steps: Annotated[int, Within(1, 1024)] = 4


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimiser and its schedule (M14, M15), and the loss (M16)."""

    epochs: Annotated[int, Within(1, 100_000)] = 40
    # batches after which to end; 0: after the epochs
    max_iterations: Annotated[int, Within(0, 2**31)] = 0
    batch: Size = 32
    rate: Rate = 0.01  # peak learning rate
    warmup_epochs: Annotated[int, Within(0, 100_000)] = 4
    warmup_rate: Rate = 1e-7  # learning rate of the first iteration
    momentum: Annotated[float, Within(0.0, 0.9999)] = 0.9
    weight_decay: Share = 5e-4
    label_smoothing: Annotated[float, Within(0.0, 0.9)] = 0.0
    # of a gradient's norm to its parameter's; 0: any
    clip_ratio: Annotated[float, Within(0.0, 1e9)] = 0.0
    distillation: Share = 0.0  # share of the teacher in the loss; fine-tuning
    precision: Literal["float32", "float64", "bfloat16"] = "float32"  # bfloat16: of the currents
    kernel: Literal["auto", "fused", "plain"] = "auto"  # fused: compiled; auto: where it can be
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: cuda where there is one
    threads: Annotated[int, Within(1, 1024)] = 1  # of torch; another number gives other bits


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set, and how its training samples are changed.

    A sample may be moved, too: each of the last four bounds holds both ways, 0 for not.
    """

    name: str = DATA  # of own data it is that of the file, or of the folder with a /
    path: str = ""  # of own data (docs/data.md)
    size: str = ""  # HEIGHTxWIDTH that samples of own data are resized to; empty for as they are
    augmentation: Literal["published", "none"] = "published"  # what docs/data.md says of the set
    shift: Annotated[float, Within(0.0, 64.0)] = 0.0  # pixels, along either axis
    rotate: Annotated[float, Within(0.0, 180.0)] = 0.0  # degrees
    scale: Annotated[float, Within(0.0, 0.9)] = 0.0  # relative change of size
    shear: Share = 0.0  # columns moved per row

    def __post_init__(self) -> None:
        if self.path and not is_set(self.name):
            object.__setattr__(self, "name", own_name(self.path))


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What is left out of the method, as in the paper's table 2; by default nothing (M19)."""

    initialisation: Literal["ei", "kaiming"] = "ei"  # kaiming: of W_EE and W_IE
    sign: bool = True  # weights and gains stay >= 0 (M14)
    # of the divisor (M6)
    epsilon: Literal["adaptive"] | Annotated[float, Within(1e-12, 1.0)] = "adaptive"
    gradient_scaling: bool = True  # of W_EI, by 1/d (M11)
    straight_through: bool = True  # the gradient of the adaptive divisor (M10)

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
