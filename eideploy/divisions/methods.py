"""Every method of division by its name, as specs and files of circuits have it, or options."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from eideploy import packages
from eideploy.divisions.constant import Constant
from eideploy.divisions.divider import WIDTHS, Divider
from eideploy.divisions.exact import Exact
from eideploy.divisions.mitchell import Mitchell
from eideploy.divisions.none import Undivided
from eideploy.divisions.piecewise import Lines
from eideploy.divisions.shifts import Shift, TwoShifts
from eideploy.divisions.table import FIX, Lut
from eideploy.errors import UsageError
from eideploy.nearest import nearest
from eideploy.shown import kind_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SHIPPED: tuple[type[Divider], ...] = (
    Exact,
    Lut,
    Lines,
    Shift,
    TwoShifts,
    Mitchell,
    Constant,
    Undivided,
)
GROUP = "eideploy.divisions"  # of entry points, by which installed packages offer classes


def methods() -> tuple[type[Divider], ...]:
    """Return the class of every method: the shipped ones, then those of installed packages."""
    return SHIPPED + tuple(map(of_package, packages.offered(GROUP)))


def method_called(method: str) -> type[Divider] | None:
    """Return the class of a method by its name; None where there is no such."""
    return next((kind for kind in _shipped_first() if kind.method == method), None)


def names() -> tuple[str, ...]:
    """Return every name that `--division` takes."""
    return tuple(name for kind in methods() for name in _names(kind))


def named(text: str, *, option: str = "--division") -> Divider:
    """Return the divider that `--division` names: a method, with a size as in "lut:8x10".

    Args:
        text: as above.
        option: what it was given by, for errors.

    Raises:
        UsageError: no such method or size.
    """
    if not isinstance(text, str):
        raise UsageError(
            f"{kind_of(text)} names no division",
            where=option,
            fix="give its name as text, as 'lut:8x8'",
        )
    name, *size = re.split(r"[: ]", text.strip().lower(), maxsplit=1)
    kind = next((kind for kind in _shipped_first() if name in _names(kind)), None)
    if kind is None or (size and not kind.usual_size):
        close = nearest(name, names())
        raise UsageError(
            f"no division is called {text!r}",
            where=option,
            fix=f"choose one of {', '.join(names())}" + (f"; {close}, perhaps" if close else ""),
        )
    divider = kind.parse(*size or [""])
    if divider is None:
        usual = "x".join(map(str, kind.usual_size))
        raise UsageError(
            f"{text!r} gives no size",
            where=option,
            fix=f"write {name}:{usual}, with numbers from {WIDTHS.start} to {WIDTHS.stop - 1}",
        )
    return divider


def parse_lut(text: str) -> Divider:
    """Return the table that `--lut` names: "8bit" for 2^8 entries of 8 bits, "8x10" for 2^8 of 10.

    Raises:
        UsageError: neither form, or a width outside 1..16.
    """
    match = re.fullmatch(r"(\d{1,4})(?:bits?|x(\d{1,4}))", text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} describes no table", where="--lut", fix=FIX)
    index, entry = match.groups()
    return Lut.of_size(int(index), int(entry or index))


def of_package(point: "EntryPoint") -> type[Divider]:
    """Return the class of an entry point.

    Raises:
        PackageError: it cannot be used.
    """
    return packages.class_of(point, "division", Divider, "is not an eideploy.Divider")


def _shipped_first() -> Iterator[type[Divider]]:
    """Yield every class; installed packages are asked only where no shipped one will do."""
    yield from SHIPPED
    yield from methods()[len(SHIPPED) :]


def _names(kind: type[Divider]) -> tuple[str, ...]:
    return (kind.method, *kind.aliases) if kind.divides else ()
