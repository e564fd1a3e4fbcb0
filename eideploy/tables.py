"""Strict TOML tables: every key known, present and of its type."""

import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from eideploy.errors import SpecError

T = TypeVar("T")


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or raise SpecError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError("the file does not exist", where=str(path), fix="check the path") from error
    except (OSError, ValueError) as error:
        raise SpecError(
            f"not a TOML file: {error}", where=str(path), fix="mend the line named"
        ) from error


def build(kind: type[T], table: object, path: Path, prefix: str) -> T:
    """Return the dataclass `kind` from a TOML table; integers must be at least 1.

    Raises:
        SpecError: naming every key that is unknown, missing or wrong.
    """
    if not isinstance(table, dict):
        raise SpecError(
            f"{prefix.rstrip('.')} is not a table", where=str(path), fix="see the shipped specs"
        )
    hints = get_type_hints(kind)
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    faults = [f"{prefix}{key} is unknown" for key in table if key not in names]
    faults += [f"{prefix}{key} is missing" for key in sorted(names - table.keys())]
    values: dict[str, Any] = {}
    for key in names & table.keys():
        hint, value = hints[key], table[key]
        if is_dataclass(hint) and isinstance(hint, type):
            values[key] = build(hint, value, path, f"{prefix}{key}.")
        elif hint is int and (type(value) is not int or value < 1):
            faults.append(f"{prefix}{key} = {value!r} is not a positive whole number")
        elif hint is str and not isinstance(value, str):
            faults.append(f"{prefix}{key} = {value!r} is not a string")
        else:
            values[key] = value
    if faults:
        raise SpecError("; ".join(faults), where=str(path), fix="mend these keys")
    return kind(**values)
