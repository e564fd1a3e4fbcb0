"""What installed packages offer by entry points; a package that is broken is named."""

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from eideploy.errors import PackageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


class Named(Protocol):
    """What calls itself as its entry point does."""

    @property
    def name(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Named)


class Registry(Generic[T]):
    """Objects of one class by their names: those of eideploy, then those of packages.

    A package offers one as an entry point, whose name is the object's and whose value its class.
    Nothing is imported before it is asked for.

    Args:
        kind: a class that all derive from.
        base: the one that packages derive theirs from, as "module.class".
        what: what one is, for errors.
        group: of entry points.
        shipped: those of eideploy, as "module:class".
    """

    def __init__(
        self, kind: type[T], *, base: str, what: str, group: str, shipped: Mapping[str, str]
    ) -> None:
        self.kind, self.base, self.what, self.group, self.shipped = kind, base, what, group, shipped
        self._known: dict[str, T] = {}

    def named(self, name: str) -> T:
        """Return the one called `name`.

        Raises:
            KeyError: there is none.
            PackageError: its package is broken.
        """
        if name not in self._known:
            own = name in self.shipped
            self._known[name] = self._shipped(name) if own else self.of_package(self._offered[name])
        return self._known[name]

    def names(self) -> tuple[str, ...]:
        """Return the names of all, those of eideploy first."""
        return (*self.shipped, *self._offered)

    def every(self) -> Iterator[T]:
        """Yield all; one that cannot be used is told on stderr."""
        for name in self.names():
            try:
                yield self.named(name)
            except PackageError as error:
                sys.stderr.write(f"warning: {error.what}; {error.fix}\n")

    def forget(self) -> None:
        """Look again which packages are installed."""
        self._known.clear()
        vars(self).pop("_offered", None)

    @cached_property
    def _offered(self) -> Mapping[str, "EntryPoint"]:
        points = offered(self.group)
        return {point.name: point for point in points if point.name not in self.shipped}

    def _shipped(self, name: str) -> T:
        module, _, kind = self.shipped[name].partition(":")
        one: T = getattr(import_module(module), kind)()
        return one

    def of_package(self, point: "EntryPoint") -> T:
        """Return what an entry point offers.

        Raises:
            PackageError: it cannot be used.
        """
        one = loaded(point, self.what, lambda kind: kind())
        module, _, name = self.base.rpartition(".")
        base = getattr(import_module(module), name)
        if not (isinstance(one, self.kind) and isinstance(one, base)):
            reason = f"{point.value} does not derive from {self.base}"
            raise broken(point, self.what, reason)
        if one.name != point.name:
            kind = self.base.rpartition(".")[2].lower()
            reason = f"its {kind} calls itself {one.name!r}"
            raise broken(point, self.what, reason)
        return one


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


def class_of(point: "EntryPoint", what: str, kind: type[Any], otherwise: str) -> type[Any]:
    """Return the class of an entry point, which derives from `kind`.

    Raises:
        PackageError: it cannot be used; `otherwise` says what it is not, for errors.
    """
    own = loaded(point, what)
    if not (isinstance(own, type) and issubclass(own, kind)):
        raise broken(point, what, f"{point.value} {otherwise}")
    return own


def broken(point: "EntryPoint", what: str, reason: str) -> PackageError:
    """Return the error of an entry point that cannot be used."""
    package = point.dist.name if point.dist else point.value
    return PackageError(
        f"the package {package} offers the {what} {point.name}, which cannot be used: {reason}",
        where=f"entry point {point.name} = {point.value}",
        fix=f"fix or update {package}, or pip uninstall {package}",
    )
