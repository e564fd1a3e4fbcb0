"""The families of targets: found by their names, or by what is theirs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eideploy.backends.catalogue import EXECUTORS, FAMILIES, DeclaredFamily
from eideploy.backends.protocol import Family, Trainer
from eideploy.errors import UsageError


def every() -> Iterator[Family[Any]]:
    """Yield all families; one that cannot be used is told on stderr."""
    return map(_whole, FAMILIES.every())


def default() -> Family[Any]:
    """Return the family whose options and executors are taken where nothing else is said."""
    return _whole(FAMILIES.named(next(iter(FAMILIES.shipped))))


def of_executor(name: str) -> Family[Any]:
    """Return the first family that offers an executor.

    Raises:
        KeyError: none does.
    """
    return _whole(EXECUTORS.family(name))


def named(name: str) -> Family[Any]:
    """Return the family called `name`.

    Raises:
        UsageError: there is none.
        PackageError: its package is broken.
    """
    try:
        return _whole(FAMILIES.named(name))
    except KeyError:
        raise UsageError(
            f"no backend is called {name!r}",
            where="key backend",
            fix=f"write one of {', '.join(FAMILIES.names())}, "
            "or install the package that offers it",
        ) from None


def of_build(folder: Path) -> Family[Any]:
    """Return the family that a build was compiled for.

    Raises:
        FormatError: its manifest is damaged.
        UsageError: the family is not installed.
    """
    from eideploy.files import MANIFEST, read_mark

    try:
        return named(read_mark(folder).backend or default().name)
    except UsageError as error:
        raise UsageError(error.what, where=str(folder / MANIFEST), fix=error.fix) from None


def of_run(folder: Path) -> Family[Any] | None:
    """Return the family that a finished run was trained for; None for one of an E-I circuit."""
    return next((one for one in every() if one.trainer and one.trainer.owns(folder)), None)


def trainers() -> Iterator[Trainer]:
    """Yield what trains for targets that E-I circuits are not compiled for."""
    for family in every():
        if family.trainer is not None:
            yield family.trainer


def trainer_of(preset: str) -> Trainer | None:
    """Return what trains a preset or a .toml file; None where it is of E-I circuits."""
    return next((trainer for trainer in trainers() if trainer.describes(preset)), None)


def _whole(declared: DeclaredFamily) -> Family[Any]:
    assert isinstance(declared, Family)  # as all are that a registry holds
    return declared
