"""TOML as untyped tables, within limits; `typed` makes dataclasses of them."""

import datetime
import tomllib
from pathlib import Path
from typing import Any

from eideploy.errors import SpecError
from eideploy.nearest import advice_on

# bytes; a larger file is no spec, and tomllib takes the square of a dotted key
MOST_TOML = 16 << 10


def is_file(path: Path) -> bool:
    """Return whether `path` is a file; what is too long to be a path is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that a TOML text is.

    Raises:
        ValueError: not TOML, longer than MOST_TOML, nested beyond reason, or with a date or a whole
            number of more than 64 bits, which JSON does not have.
    """
    if len(text) > MOST_TOML:
        raise ValueError(f"it is larger than {MOST_TOML} bytes")
    try:
        table = tomllib.loads(text)
        _refuse_foreign(table)
    except RecursionError as error:
        raise ValueError("its tables are nested too deep") from error
    return table


def _refuse_foreign(value: object) -> None:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _refuse_foreign(part)
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a whole number has more than 64 bits")
    if isinstance(value, datetime.date | datetime.time):
        raise ValueError(f"{value} is a date or a time, which no key takes")


def read_toml(path: Path, version: int) -> dict[str, Any]:
    """Read a TOML file that begins with `version`, and return the rest.

    Raises:
        SpecError: missing, not TOML, or of another version.
    """
    from eideploy.files import read_text  # late: with it comes numpy, and --help reads no file

    try:
        table = parse_toml(read_text(path, most=MOST_TOML))
    except FileNotFoundError as error:
        raise SpecError("the file does not exist", where=str(path), fix=advice_on(path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(
            f"not a TOML file: {reason}",
            where=str(path),
            fix="fix the syntax, or name another file",
        ) from error
    own = table.pop("version", None)
    if type(own) is not int or own != version:
        fault = "the file has no version" if own is None else f"version = {own!r} is not known"
        raise SpecError(fault, where=str(path), fix=f"write version = {version} at the top")
    return table
