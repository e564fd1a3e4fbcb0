"""Backends: program to files. A target's spec names the one that serves it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from eideploy.backends import digital
from eideploy.errors import SpecError
from eideploy.program import Program
from eideploy.target import Target

Emit = Callable[[Program, Path], None]
BACKENDS: Mapping[str, Emit] = {"digital": digital.emit}


def of(target: Target) -> Emit:
    """Return what writes the files of a program for `target` into a folder.

    Raises:
        SpecError: the target names a backend that does not exist.
    """
    if target.backend not in BACKENDS:
        raise SpecError(
            f"no backend is called {target.backend!r}",
            where=f"{target.source}, key backend",
            fix=f"write one of {', '.join(BACKENDS)}",
        )
    return BACKENDS[target.backend]
