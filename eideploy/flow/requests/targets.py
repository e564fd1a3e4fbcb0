"""What targets is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import TARGET
from eideploy.options import PathLike, Request


@dataclass(frozen=True, kw_only=True)
class ListTargets(Request):
    """List the targets, or check a spec of your own."""


@dataclass(frozen=True, kw_only=True)
class CheckTarget(Request):
    """Check a target's spec.toml and list what it offers."""

    spec: Annotated[PathLike, TARGET] = field(kw_only=False)
    """One of the listed targets, or a file."""
