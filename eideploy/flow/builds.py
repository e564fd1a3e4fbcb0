"""Which build a job is about where none is named: the latest that can do what is asked."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends import families
from eideploy.backends.protocol import Family
from eideploy.errors import EideployError, UsageError
from eideploy.options import Request, refuse_others
from eideploy.progress import note

Able = Callable[[Family[Any], Path], bool]


def latest_able(able: Able, backend: str | None = None) -> Path | None:
    """Return the build that was made last of those that are able to, or if none is, of all.

    Args:
        able: whether a build of a family is, asked until one is.
        backend: whose builds are asked; all if None.
    """
    builds = folders.latest_builds(backend)
    return next((one for one in builds if _is(able, one)), next(iter(builds), None))


def taking(request: Request, command: str) -> Able:
    """Return what tells the builds whose command takes all options that are given."""
    return lambda family, _: takes(family, request, command)


def takes(family: Family[Any], request: Request, command: str) -> bool:
    """Return whether the command takes all options that are given for a family's builds."""
    try:
        refuse_others(request, family.options.get(command), here="")
    except UsageError:
        return False
    return True


def note_latest(build: Path, more: str = "") -> None:
    """Say which build is taken, and for what it is where a later one is for something else."""
    only = "" if build == folders.latest_build() else f" for {families.of_build(build).kind}"
    note(f"using {build}, the latest build{only}{more}")


def _is(able: Able, build: Path) -> bool:
    try:
        return able(families.of_build(build), build)
    except EideployError:  # named itself, it is refused
        return False
