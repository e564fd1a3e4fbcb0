"""The exchange formats: found by their names, or by their files."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from eideploy.backends.catalogue import FORMATS, DeclaredFormat
from eideploy.backends.protocol import Format
from eideploy.errors import UsageError
from eideploy.options import Request
from eideploy.options.fields import all_fields


def every() -> Iterator[Format]:
    """Yield all formats; one that cannot be used is told on stderr."""
    return map(_whole, FORMATS.every())


def named(name: str) -> Format:
    """Return the format called `name`.

    Raises:
        KeyError: there is none.
        PackageError: its package is broken.
    """
    return _whole(FORMATS.named(name))


def executors() -> Mapping[str, Format]:
    """Return the formats that run programs, by the names of their executors."""
    return {name: one for one in every() for name in one.executors}


def reader_of(path: Path | None) -> Format | None:
    """Return the format that reads a file; None where none does."""
    return None if path is None else next((one for one in every() if one.reads(path)), None)


def emitting() -> Iterator[type[Request]]:
    """Yield what may be asked of the files that formats write."""
    yield from (one.emitting for one in every() if one.emitting)


def reading() -> Iterator[type[Request]]:
    """Yield what may be asked of the files that formats read."""
    yield from (one.reading for one in every() if one.reading)


def circumstances(reader: Format | None, emitted: Iterable[str] = ()) -> frozenset[str]:
    """Return where the options of the formats that read and write in a job have an effect."""
    kinds = [reader and reader.reading, *(named(name).emitting for name in emitted)]
    return frozenset(field.option.where for kind in kinds if kind for field in all_fields(kind))


def require(names: Iterable[str]) -> None:
    """Refuse before the work formats that cannot be written here.

    Raises:
        UsageError: a package is not installed.
    """
    for one in map(named, names):
        if one.package and find_spec(one.package) is None:
            raise UsageError(
                f"{one.package} is not installed",
                where=f"--emit {one.name}",
                fix=f"pip install 'eideploy[{one.package}]'",
            )


def _whole(declared: DeclaredFormat) -> Format:
    assert isinstance(declared, Format)  # as all are that a registry holds
    return declared
