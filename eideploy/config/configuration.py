"""A whole configuration: a preset under `presets/` and a user's own file are read alike."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eideploy.config.checks import check_ablation, check_reset, check_training, check_widths
from eideploy.config.reading import build, check_bounds, leaves, parse_text, toml_value, unknown_key
from eideploy.config.sections import Ablation, Architecture, Data, Training, bounded
from eideploy.errors import ConfigError
from eideploy.tables import MOST_TOML, parse_toml

DEFAULT_PRESET = "digits-conv"
PRESETS = Path(__file__).resolve().parent.parent / "presets"


@dataclass(frozen=True, kw_only=True)
class Config:
    """One training, completely described.

    Raises:
        ConfigError: a value is out of bounds or contradicts another; the key is named.
    """

    network: Architecture = field(default_factory=Architecture)
    training: Training = field(default_factory=Training)
    data: Data = field(default_factory=Data)
    ablation: Ablation = field(default_factory=Ablation)
    seed: int = bounded(0, 0, 2**32 - 1)

    def __post_init__(self) -> None:
        for path, holder, spec in leaves(self):
            check_bounds(path, getattr(holder, spec.name), spec)
        check_widths(self.network)
        check_training(self.training, steps=self.network.steps)
        check_ablation(self.ablation, self.network, self.training)
        check_reset(self.network, self.training)

    def with_overrides(self, overrides: Mapping[str, str]) -> "Config":
        """Return a copy with values such as `{"training.epochs": "3"}`, which `--set` gives.

        Raises:
            ConfigError: a key is unknown, or a value does not fit it.
        """
        content = dataclasses.asdict(self)
        for path, text in overrides.items():
            section, _, key = path.rpartition(".")
            holder = content.get(section) if section else content
            if not isinstance(holder, dict):
                raise unknown_key(path, _known(), "--set")
            holder[key] = parse_text(text)
        return _from_dict(content, where="--set")

    def to_toml(self) -> str:
        """Return the TOML text that reads back as this very configuration."""
        lines = [f"seed = {self.seed}"]
        for section in ("network", "training", "data", "ablation"):
            lines += ["", f"[{section}]"]
            values = vars(getattr(self, section)).items()
            lines += [f"{key} = {toml_value(value)}" for key, value in values]
        return "\n".join(lines) + "\n"


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
        raise ConfigError(
            f"there is no preset {name}",
            where="train",
            fix=f"name one of {', '.join(presets())}, or a file that ends in .toml",
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
    try:
        content = parse_toml(text)
    except ValueError as error:
        raise ConfigError(f"not TOML: {error}", where=where, fix="correct that line") from error
    return _from_dict(content, where=where)


def _from_dict(content: Mapping[str, Any], *, where: str) -> Config:
    return build(Config, content, where=where, known=_known())  # type: ignore[no-any-return]


def _known() -> list[str]:
    return [path for path, _, _ in leaves(Config())]
