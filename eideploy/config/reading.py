"""From TOML values and the words of `--set` to dataclasses, and back to TOML text."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin, get_type_hints

from eideploy.config.synonyms import advice
from eideploy.errors import ConfigError
from eideploy.tables import parse_toml
from eideploy.typed import Fault, Within, typed

Leaf = tuple[str, Any, "dataclasses.Field[Any]"]


class Described:
    """A dataclass of sections and values that TOML text describes; every key has a default."""

    @classmethod
    def of_table(cls, content: Mapping[str, Any], *, where: str) -> Self:
        """Return what a TOML table describes; `where` names its origin in errors.

        Raises:
            ConfigError: a key is unknown, or a value does not fit it.
        """
        return typed(cls, content, where=where, error=ConfigError, advice=advice)

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
                known = [key for key, _, _ in leaves(self)]
                raise ConfigError(f"there is no key {path}", where="--set", fix=advice(path, known))
            holder[key] = parse_text(text)
        return self.of_table(content, where="--set")

    def to_toml(self) -> str:
        """Return the TOML text that reads back as this very configuration."""
        sections = {k: v for k, v in vars(self).items() if dataclasses.is_dataclass(v)}
        lines = _lines({k: v for k, v in vars(self).items() if k not in sections})
        for name, section in sections.items():
            lines += ["", f"[{name}]", *_lines(vars(section))]
        return "\n".join(lines) + "\n"


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {toml_value(value)}" for key, value in values.items()]


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


def beyond_bounds(whole: Any) -> Iterator[Fault]:  # noqa: ANN401 - a dataclass of sections
    """Return a fault for every number that is out of bounds, whoever made the dataclass."""
    for path, holder, spec in leaves(whole):
        hint = get_type_hints(type(holder), include_extras=True)[spec.name]
        value = getattr(holder, spec.name)
        for bounds in _bounds(hint):
            if isinstance(value, int | float) and (fault := bounds.fault(value)):
                yield Fault(what=f"{path} = {value} {fault}", where=path, fix=bounds.fix(path))


def _bounds(hint: Any) -> Iterator[Within]:  # noqa: ANN401 - a type
    """Return the bounds in a type, which may be a union."""
    yield from (note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Within))
    if get_origin(hint) in (Union, UnionType):
        for kind in get_args(hint):
            yield from _bounds(kind)


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
