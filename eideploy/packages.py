"""What installed packages offer by entry points; a package that is broken is named."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy.errors import PackageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def offered(group: str) -> tuple["EntryPoint", ...]:
    """Return the entry points of a group; where no file holds it, without reading all."""
    files = (file for place in sys.path for file in Path(place).glob("*-info/entry_points.txt"))
    if not any(group.encode() in file.read_bytes() for file in files):
        return ()
    from importlib.metadata import entry_points  # late: it takes longer than all of the help

    return tuple(entry_points(group=group))


def loaded(
    point: "EntryPoint", what: str, make: Callable[[Any], object] = lambda found: found
) -> object:
    """Return what an entry point names, or what `make` makes of it; `what` it is, for errors.

    Raises:
        PackageError: the package cannot be imported, or its class not used.
    """
    try:
        return make(point.load())
    except Exception as error:  # whatever a package of somebody else's does
        raise broken(point, what, f"{type(error).__name__}: {error}") from error


def broken(point: "EntryPoint", what: str, reason: str) -> PackageError:
    """Return the error of an entry point that cannot be used."""
    package = point.dist.name if point.dist else point.value
    return PackageError(
        f"the package {package} offers the {what} {point.name}, which cannot be used: {reason}",
        where=f"entry point {point.name} = {point.value}",
        fix=f"fix or update {package}, or pip uninstall {package}",
    )
