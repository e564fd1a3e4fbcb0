"""What targets is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.options import Option, PathLike, Request


@dataclass(frozen=True, kw_only=True)
class ListTargets(Request):
    """List the targets, or check a spec of your own."""


@dataclass(frozen=True, kw_only=True)
class CheckTarget(Request):
    """Check a target's spec.toml, and say what it offers."""

    spec: Annotated[PathLike, Option(metavar="NAME|SPEC.toml")] = field(kw_only=False)
    """One of those listed, or a file."""
