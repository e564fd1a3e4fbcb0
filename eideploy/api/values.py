"""What the jobs take, as the jobs of `eideploy.flow` take it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from eideploy.numeric.division import Divider, named

PathLike = str | os.PathLike[str]
Division = str | Divider  # a name as `--division` takes it, or a divider


def path(given: PathLike | None) -> Path | None:
    """Return a path, if one is given."""
    return None if given is None else Path(given)


def name(given: PathLike | None) -> str | None:
    """Return a name or a path as text, if one is given."""
    return None if given is None else os.fspath(given)


def divider(given: Division | None) -> Divider | None:
    """Return a divider, if one is given.

    Raises:
        UsageError: no division has that name.
    """
    return named(given) if isinstance(given, str) else given


def settings(overrides: Mapping[str, object] | None) -> dict[str, str]:
    """Return settings as `--set` gives them: texts of TOML values."""
    given = overrides or {}
    return {key: x if isinstance(x, str) else json.dumps(x) for key, x in given.items()}
