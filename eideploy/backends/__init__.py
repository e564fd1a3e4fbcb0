"""Backends: program to files. A target's spec names the one that serves it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from eideploy.backends import digital
from eideploy.errors import SpecError
from eideploy.program import Program

BACKENDS: Mapping[str, Callable[[Program, Path], None]] = {"digital": digital.emit}


def emit(program: Program, folder: Path) -> None:
    """Write the files of `program` for its target into `folder`.

    Raises:
        SpecError: the target names a backend that does not exist.
    """
    name = program.target.backend
    if name not in BACKENDS:
        raise SpecError(
            f"no backend is called {name!r}",
            where=f"{program.target.source}, key backend",
            fix=f"write one of {', '.join(BACKENDS)}",
        )
    BACKENDS[name](program, folder)
