"""A whole configuration: a preset under `presets/` and a user's own file are read alike."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from eideploy.backends import families
from eideploy.config.checks import (
    ablation_faults,
    data_faults,
    kind_faults,
    reset_faults,
    training_faults,
    width_faults,
)
from eideploy.config.reading import Described, beyond_bounds
from eideploy.config.sections import Ablation, Architecture, Data, Training
from eideploy.errors import ConfigError
from eideploy.nearest import nearest
from eideploy.tables import MOST_TOML
from eideploy.typed import Within, refuse

DEFAULT_PRESET = "digits-conv"
PRESETS = Path(__file__).resolve().parent.parent / "presets"


@dataclass(frozen=True, kw_only=True)
class Config(Described):
    """One training, completely described.

    Raises:
        ConfigError: a value is out of bounds or contradicts another; the key is named.
    """

    network: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)
    data: Data = field(default_factory=Data)
    ablation: Ablation = field(default_factory=Ablation)
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        faults = (
            *beyond_bounds(self),
            *width_faults(self.network),
            *kind_faults(self.network),
            *data_faults(self.data),
            *training_faults(self.training, steps=self.network.steps),
            *ablation_faults(self.ablation, self.network, self.training),
            *reset_faults(self.network, self.training),
        )
        refuse(faults, error=ConfigError, where="the configuration")


def presets() -> tuple[str, ...]:
    """Return the names of the shipped presets."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def load_config(name: str | Path) -> Config:
    """Read a configuration by preset name or from a path that ends in .toml.

    Raises:
        ConfigError: no such preset or file, not TOML, or a key or value that is wrong.
    """
    from eideploy.files import read_text  # late: with it comes numpy, and --help reads no file

    if str(name) in presets():
        return parse_config((PRESETS / f"{name}.toml").read_text("utf-8"), where=f"preset {name}")
    path = Path(name)
    if path.suffix != ".toml":
        known = sorted([*presets(), *(one for own in families.trainers() for one in own.presets())])
        close = nearest(str(name), known)
        if not close and path.exists():
            raise ConfigError(
                f"{name} is neither a preset nor a configuration file that ends in .toml",
                where="the preset",
                fix=f"write --data {name}, if it holds your data",
            )
        raise ConfigError(
            f"there is no preset {name}",
            where="the preset",
            fix=f"{f'write {close}, or ' if close else ''}name one of {', '.join(known)}, or a "
            "file that ends in .toml",
        )
    try:
        text = read_text(path, most=MOST_TOML)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"cannot read the configuration: {error}", where=str(path), fix="name a readable file"
        ) from error
    return parse_config(text, where=str(path))


def parse_config(text: str, *, where: str) -> Config:
    """Read a configuration from TOML text; `where` names its origin in errors.

    Raises:
        ConfigError: not TOML, or a key or value that is wrong.
    """
    return Config.of_toml(text, where=where)
