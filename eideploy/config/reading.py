"""From TOML values and the words of `--set` to dataclasses, and back to TOML text."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Self, get_type_hints

from eideploy.config.synonyms import advice
from eideploy.errors import ConfigError
from eideploy.tables import parse_toml
from eideploy.typed import Fault, bounds_of, typed

Above = Callable[[object, str], Iterable[str]]
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
            part = getattr(self, section) if section else self
            is_text = get_type_hints(type(part)).get(key) is str
            value = parse_text(text)
            holder[key] = text if is_text and not isinstance(value, str) else value
        return self.of_table(content, where="--set")

    def to_toml(self, above: Above = lambda _holder, _key: ()) -> str:
        """Return the TOML text that reads back as this very configuration.

        `above` gives lines to stand above a key of a section, or, without a key, above the section.
        """
        sections = {k: v for k, v in vars(self).items() if dataclasses.is_dataclass(v)}
        lines = _lines(self, [key for key in vars(self) if key not in sections], above)
        for name, section in sections.items():
            lines += ["", *above(section, ""), f"[{name}]", *_lines(section, vars(section), above)]
        return "\n".join(lines) + "\n"


def _lines(holder: object, keys: Iterable[str], above: Above) -> list[str]:
    lines: list[str] = []
    for key in keys:
        lines += [*above(holder, key), f"{key} = {toml_value(getattr(holder, key))}"]
    return lines


def leaves(whole: Any) -> list[Leaf]:  # noqa: ANN401
    """Return (key path, the section that holds it, its field) of every value of a dataclass."""
    values: list[Leaf] = []
    for spec in dataclasses.fields(whole):
        part = getattr(whole, spec.name)
        if dataclasses.is_dataclass(part):
            values += [(f"{spec.name}.{s.name}", part, s) for s in dataclasses.fields(part)]
        else:
            values.append((spec.name, whole, spec))
    return values


def beyond_bounds(whole: Any) -> Iterator[Fault]:  # noqa: ANN401 - a dataclass of sections
    """Return a fault for every number that is out of bounds, whoever made the dataclass."""
    for path, holder, spec in leaves(whole):
        hint = get_type_hints(type(holder), include_extras=True)[spec.name]
        value = getattr(holder, spec.name)
        for bounds in bounds_of(hint):
            if isinstance(value, bool):
                what = f"{path} = {value} is not a number"
                yield Fault(what=what, where=path, fix=bounds.fix(path))
            elif isinstance(value, int | float) and (fault := bounds.fault(value)):
                yield Fault(what=f"{path} = {value} {fault}", where=path, fix=bounds.fix(path))


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
