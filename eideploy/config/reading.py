"""From TOML values and the words of `--set` to dataclasses, and back to TOML text."""

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from eideploy.config.synonyms import advice
from eideploy.errors import ConfigError
from eideploy.tables import parse_toml

UNIONS = (Union, UnionType)  # which of the two X | Y is depends on X and Y
Leaf = tuple[str, Any, "dataclasses.Field[Any]"]


class Described:
    """A dataclass of sections and values that TOML text describes; every key has a default."""

    @classmethod
    def of_table(cls, content: Mapping[str, Any], *, where: str) -> Self:
        """Return what a TOML table describes; `where` names its origin in errors.

        Raises:
            ConfigError: a key is unknown, or a value does not fit it.
        """
        return build(cls, content, where=where, known=cls._known())  # type: ignore[no-any-return]

    @classmethod
    def of_toml(cls, text: str, *, where: str) -> Self:
        """Return what TOML text describes; `where` names its origin in errors.

        Raises:
            ConfigError: not TOML, or a key or value that is wrong.
        """
        try:
            content = parse_toml(text)
        except ValueError as error:
            raise ConfigError(f"not TOML: {error}", where=where, fix="correct that line") from error
        return cls.of_table(content, where=where)

    def with_overrides(self, overrides: Mapping[str, str]) -> Self:
        """Return a copy with values such as `{"training.epochs": "3"}`, which `--set` gives.

        Raises:
            ConfigError: a key is unknown, or a value does not fit it.
        """
        content = dataclasses.asdict(self)  # type: ignore[call-overload]
        for path, text in overrides.items():
            section, _, key = path.rpartition(".")
            holder = content.get(section) if section else content
            if not isinstance(holder, dict):
                raise unknown_key(path, self._known(), "--set")
            holder[key] = parse_text(text)
        return self.of_table(content, where="--set")

    def to_toml(self) -> str:
        """Return the TOML text that reads back as this very configuration."""
        sections = {k: v for k, v in vars(self).items() if dataclasses.is_dataclass(v)}
        lines = _lines({k: v for k, v in vars(self).items() if k not in sections})
        for name, section in sections.items():
            lines += ["", f"[{name}]", *_lines(vars(section))]
        return "\n".join(lines) + "\n"

    @classmethod
    def _known(cls) -> list[str]:
        return [path for path, _, _ in leaves(cls())]


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in values.items()]


def build(
    kind: type[Any],
    content: Mapping[str, Any],
    *,
    where: str,
    known: Sequence[str],
    prefix: str = "",
) -> Any:  # noqa: ANN401
    """Return the dataclass `kind`, its sections too, filled from a table.

    Args:
        kind: a dataclass.
        content: the table.
        where: the origin of the table, for errors.
        known: every key there is, from which errors advise.
        prefix: what stands before the keys of this table, `section.`.

    Raises:
        ConfigError: a key is unknown, or a value does not fit it.
    """
    hints = get_type_hints(kind)
    values = {}
    for key, value in content.items():
        path = prefix + key
        if key not in hints:
            raise unknown_key(path, known, where)
        hint = hints[key]
        if dataclasses.is_dataclass(hint) and isinstance(value, dict):
            assert isinstance(hint, type)
            values[key] = build(hint, value, where=where, known=known, prefix=f"{path}.")
        elif (read := _read(value, hint)) is not None:
            values[key] = read
        elif dataclasses.is_dataclass(hint):
            keys = ", ".join(k for k in known if k.startswith(f"{path}."))
            raise ConfigError(
                f"{path} = {value!r} is not a section", where=where, fix=f"set one of {keys}"
            )
        else:
            words = _words(hint)
            raise ConfigError(
                f"{path} = {value!r} is not {words}", where=where, fix=f"give {path} {words}"
            )
    return kind(**values)


def _read(value: Any, hint: Any) -> Any:  # noqa: ANN401
    """Return the value as `hint` has it, or None where it does not fit."""
    if get_origin(hint) in UNIONS:
        return next((v for kind in get_args(hint) if (v := _read(value, kind)) is not None), None)
    if get_origin(hint) is tuple:
        widths = isinstance(value, list | tuple) and all(type(v) is int or v == "P" for v in value)
        return tuple(value) if widths else None
    if get_origin(hint) is Literal:
        return value if value in get_args(hint) else None
    if hint is float:
        return float(value) if type(value) in (int, float) else None
    return value if type(value) is hint else None


def _words(hint: Any) -> str:  # noqa: ANN401
    if get_origin(hint) in UNIONS:
        return " or ".join(_words(kind) for kind in get_args(hint))
    if get_origin(hint) is Literal:
        names = get_args(hint)
        return f"one of {', '.join(names)}" if len(names) > 1 else str(names[0])
    names_of = {int: "an integer", float: "a number", str: "a text", bool: "true or false"}
    return names_of.get(hint, 'a list of integers and "P"')


def leaves(whole: Any) -> list[Leaf]:  # noqa: ANN401
    """Return (key path, the section that holds it, its field) of every value of a dataclass."""
    found: list[Leaf] = []
    for spec in dataclasses.fields(whole):
        part = getattr(whole, spec.name)
        if dataclasses.is_dataclass(part):
            found += [(f"{spec.name}.{s.name}", part, s) for s in dataclasses.fields(part)]
        else:
            found.append((spec.name, whole, spec))
    return found


def unknown_key(path: str, known: Sequence[str], where: str) -> ConfigError:
    """Return the error of a key that is none of `known`, with what to write instead."""
    return ConfigError(f"there is no key {path}", where=where, fix=advice(path, known))


def check_bounds(path: str, value: Any, spec: "dataclasses.Field[Any]") -> None:  # noqa: ANN401
    """Raise ConfigError where a number is out of the bounds of its field."""
    if "low" not in spec.metadata or isinstance(value, str):
        return
    low, high = spec.metadata["low"], spec.metadata["high"]
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigError(
            f"{path} = {value} is outside of {low} to {high}",
            where=path,
            fix=f"choose {path} from {low} to {high}",
        )


def parse_text(text: str) -> Any:  # noqa: ANN401
    """Return the TOML value that a text is, or the text itself."""
    try:
        return parse_toml(f"value = {text}")["value"]
    except ValueError:
        return text


def toml_value(value: Any) -> str:  # noqa: ANN401
    """Return the TOML text of a value."""
    if isinstance(value, tuple):
        return f"[{', '.join(toml_value(v) for v in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else repr(value)
