"""Which families of targets there are: those of eideploy, and those of packages beside it.

A package offers one as an entry point of the group `eideploy.backends`, whose name is the family's
and whose value its class. Nothing is imported before it is asked for.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eideploy.backends.protocol import Family, Trainer
from eideploy.errors import UsageError
from eideploy.packages import Registry

FAMILIES: Registry[Family[Any]] = Registry(
    Family,  # type: ignore[type-abstract]  # what derives from it is not
    what="backend",
    group="eideploy.backends",
    shipped={
        "digital": "eideploy.backends.digital.family:Digital",
        "dynapse2": "eideploy.backends.dynapse2.family:Dynapse2",
        "c": "eideploy.backends.c.family:Microcontroller",
    },
)
every = FAMILIES.every


def default() -> Family[Any]:
    """Return the family whose options and executors are taken where nothing else is said."""
    return FAMILIES.named(next(iter(FAMILIES.shipped)))


def named(name: str) -> Family[Any]:
    """Return the family called `name`.

    Raises:
        UsageError: there is none.
        PackageError: its package is broken.
    """
    try:
        return FAMILIES.named(name)
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


class Executors(Mapping[str, str]):
    """All executors with their line of help; to look one up loads no family behind its own."""

    def __getitem__(self, name: str) -> str:
        return self.family(name).executors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for family in every() for name in family.executors))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # without loading them all to count them

    def family(self, name: str) -> Family[Any]:
        """Return the first family that offers it.

        Raises:
            KeyError: none does.
        """
        for family in every():
            if name in family.executors:
                return family
        raise KeyError(name)


EXECUTORS = Executors()
