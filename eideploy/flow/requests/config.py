"""What config is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from eideploy.options import Option, PathLike, Request


@dataclass(frozen=True, kw_only=True)
class ShowConfig(Request):
    """Print a configuration: every key, its value, and what it means.

    Examples:
      eideploy config digits-mlp
      eideploy config --set training.epochs=20
    """

    preset: Annotated[PathLike, Option(metavar="PRESET|CONFIG.toml")] = field(
        default="digits-conv", kw_only=False
    )
    """One of digits-conv (default), cifar10-vgg16, ..., or a configuration file."""
    overrides: Annotated[Mapping[str, object], Option(name="set", metavar="KEY=VALUE")] = field(
        default_factory=dict
    )
    """Change a setting, e.g. training.epochs=20; may be repeated, the last value counts."""
