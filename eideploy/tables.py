"""Strict TOML tables: every key known, present, of its type and within its bounds."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import MISSING, Field, field, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from eideploy.errors import SpecError
from eideploy.nearest import nearest

T = TypeVar("T")
MOST_TOML = (
    16 << 10
)  # bytes; a larger file is no spec, and tomllib takes the square of a dotted key
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")  # it becomes a part of folder names


def bounded(low: int, high: int, **options: Any) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Return a field whose integer lies in low..high; `options` are those of a field."""
    return field(metadata={"low": low, "high": high}, **options)


def is_file(path: Path) -> bool:
    """Return whether `path` is a file; what is too long to be a path is none."""
    try:
        return path.is_file()
    except OSError:
        return False


def parse_toml(text: str) -> dict[str, Any]:
    """Return the table that a TOML text is.

    Raises:
        ValueError: not TOML, longer than MOST_TOML, nested beyond reason, or a whole number of more
            than 64 bits.
    """
    if len(text) > MOST_TOML:
        raise ValueError(f"it is larger than {MOST_TOML} bytes")
    try:
        table = tomllib.loads(text)
        _refuse_long(table)
    except RecursionError as error:
        raise ValueError("its tables are nested too deep") from error
    return table


def _refuse_long(value: object) -> None:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _refuse_long(part)
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        raise ValueError("a whole number has more than 64 bits")


def read_toml(path: Path, version: int) -> dict[str, Any]:
    """Read a TOML file that begins with `version`, and return the rest.

    Raises:
        SpecError: missing, not TOML, or of another version.
    """
    from eideploy.files import read_text  # late: with it comes numpy, and --help reads no file

    try:
        table = parse_toml(read_text(path, most=MOST_TOML))
    except FileNotFoundError as error:
        raise SpecError("the file does not exist", where=str(path), fix="check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpecError(
            f"not a TOML file: {reason}", where=str(path), fix="mend it, or name another file"
        ) from error
    found = table.pop("version", None)
    if type(found) is not int or found != version:
        said = "the file has no version" if found is None else f"version = {found!r} is not known"
        raise SpecError(said, where=str(path), fix=f"write version = {version} at the top")
    return table


def build(kind: type[T], table: Mapping[str, Any], path: Path, **given: object) -> T:
    """Return the dataclass `kind` from a TOML table and the fields `given`, which it must not hold.

    A field with a default may be missing. An integer lies in its field's bounds, else is at least
    1; a float is positive; a tuple is written as a list; a field called `name` is a NAME.

    Raises:
        SpecError: naming every key that is unknown, missing or wrong.
    """
    faults: list[str] = []
    built = _build(kind, table, "", faults, given)
    refuse(faults, path)
    assert built is not None  # there are no faults
    return built


def refuse(faults: list[str], path: Path) -> None:
    """Raise SpecError if there are `faults`."""
    if faults:
        fix = "mend this key" if len(faults) == 1 else f"mend these {len(faults)} keys"
        raise SpecError("; ".join(faults), where=str(path), fix=fix)


def _build(
    kind: type[T], table: object, prefix: str, faults: list[str], given: Mapping[str, object]
) -> T | None:
    if not isinstance(table, Mapping):
        faults.append(f"{prefix.rstrip('.')} is not a table")
        return None
    hints = get_type_hints(kind)
    own = {f.name: f for f in fields(kind) if f.name not in given}  # type: ignore[arg-type]
    before = len(faults)
    faults += [f"{prefix}{key} is unknown{_instead(key, own)}" for key in table if key not in own]
    faults += [f"{prefix}{k} is missing" for k in own if k not in table and _needed(own[k])]
    values = {
        key: _value(hints[key], own[key], table[key], f"{prefix}{key}", faults)
        for key in own
        if key in table
    }
    return kind(**values, **given) if len(faults) == before else None


def _needed(spec: "Field[Any]") -> bool:
    return spec.default is MISSING and spec.default_factory is MISSING


def _instead(key: object, known: Collection[str]) -> str:
    close = nearest(str(key), known)
    return f", write {close}" if close else f", known are {', '.join(known)}"


def _value(hint: Any, spec: "Field[Any]", value: object, path: str, faults: list[str]) -> object:  # noqa: ANN401
    if is_dataclass(hint) and isinstance(hint, type):
        return _build(hint, value, f"{path}.", faults, {})
    if get_origin(hint) is Mapping:
        if isinstance(value, Mapping) and value:
            of = get_args(hint)[1]
            return {k: _build(of, v, f"{path}.{k}.", faults, {}) for k, v in value.items()}
        faults.append(f"{path} is not a table of tables")
    elif get_origin(hint) is Literal:
        if value not in get_args(hint):
            faults.append(f"{path} = {value!r} is none of {', '.join(get_args(hint))}")
    elif hint is int or set(get_args(hint)) == {int, NoneType}:
        _check_integer(value, spec, path, faults)
    elif hint is float:
        _check_number(value, path, faults)
    elif get_origin(hint) is tuple:
        return _row(hint, spec, value, path, faults)
    elif hint is str and (not isinstance(value, str) or not value.isprintable()):
        faults.append(f"{path} = {value!r} is not a line of text")
    elif spec.name == "name" and not NAME.fullmatch(str(value)):
        faults.append(f"{path} = {value!r} is not of letters, digits, dots and dashes")
    return value


def _row(hint: Any, spec: "Field[Any]", value: object, path: str, faults: list[str]) -> object:  # noqa: ANN401
    if not isinstance(value, list):
        faults.append(f"{path} is not a list")
        return value
    of = get_args(hint)[0]
    return tuple(_value(of, spec, v, f"{path}[{i}]", faults) for i, v in enumerate(value))


def _check_number(value: object, path: str, faults: list[str]) -> None:
    if type(value) not in (int, float) or not 0 < float(str(value)) < float("inf"):
        faults.append(f"{path} = {value!r} is not a positive number")


def _check_integer(value: object, spec: "Field[Any]", path: str, faults: list[str]) -> None:
    low, high = spec.metadata.get("low", 1), spec.metadata.get("high")
    if type(value) is not int or (value < low and high is None):
        faults.append(f"{path} = {value!r} is not a positive whole number")
    elif high is not None and not low <= value <= high:
        faults.append(f"{path} = {value} is not in {low}..{high}")
