"""Untyped data, as TOML and JSON hold it, made into frozen dataclasses: all faults told at once.

A dataclass says by the types of its fields what they may hold: a Literal, another dataclass, or
`Annotated[int, Within(1, 64)]`. pydantic checks it, and is imported when data is first read.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from eideploy.errors import EideployError
from eideploy.nearest import nearest

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, TypeAdapter
    from pydantic_core import CoreSchema, ErrorDetails

T = TypeVar("T")
Place = tuple[int | str, ...]
Advice = Callable[[str, Sequence[str]], str]
LONGEST = 60  # letters of a value in an error
WORDS = {
    "bool_type": "true or false",
    "dataclass_type": "a section",
    "dict_type": "a table",
    "float_type": "a number",
    "int_from_float": "an integer",
    "int_type": "an integer",
    "string_type": "a text",
    "tuple_type": "a list",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a value, and what to do; `where` names its keys, if `what` does not."""

    what: str
    fix: str
    where: str = ""


def refuse(faults: Iterable[Fault], *, error: type[EideployError], where: str) -> None:
    """Raise one `error` of all `faults`, if there are any; `where` is where they do not say it."""
    if listed := list(faults):
        keys = dict.fromkeys(fault.where for fault in listed if fault.where)
        fixes = dict.fromkeys(fault.fix for fault in listed)
        raise error(
            "; ".join(fault.what for fault in listed),
            where=", ".join(keys) or where,
            fix="; ".join(fixes),
        )


@dataclass(frozen=True)
class Checked:
    """What a value has to be beyond its type; stands in an `Annotated`."""

    def fault(self, value: Any) -> str:  # noqa: ANN401 - of the annotated type
        """Return what is wrong with a value, in words that follow it; nothing: empty."""
        raise NotImplementedError

    def fix(self, path: str) -> str:
        """Return what to do about the key `path`."""
        raise NotImplementedError

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """Tell pydantic to ask `fault`."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(value: object) -> object:
            if fault := self.fault(value):
                raise PydanticCustomError("checked", "{fault}", {"fault": fault, "by": self})
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))


@dataclass(frozen=True)
class Within(Checked):
    """A number from `low` to `high`."""

    low: float
    high: float

    def fault(self, value: float) -> str:
        """Say that the value is out of bounds; no number is within them."""
        return "" if self.low <= value <= self.high else f"is outside of {self.low} to {self.high}"

    def fix(self, path: str) -> str:
        """Advise a number in the bounds."""
        return f"choose {path} from {self.low} to {self.high}"


def bounds_of(hint: Any) -> Iterator[Within]:  # noqa: ANN401 - a type
    """Return the bounds in a type, which may be a union."""
    yield from (note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Within))
    if get_origin(hint) in (Union, UnionType):
        for kind in get_args(hint):
            yield from bounds_of(kind)


@dataclass(frozen=True)
class Matching(Checked):
    """A value for which `holds` is true, in `words` that follow "is not"."""

    holds: Callable[[Any], object]
    words: str

    def fault(self, value: object) -> str:
        """Say what the value is not."""
        return "" if self.holds(value) else f"is not {self.words}"

    def fix(self, path: str) -> str:
        """Advise such a value."""
        return f"give {path} {self.words}"


Positive = Annotated[float, Matching(lambda x: 0 < x < math.inf, "a positive number")]
Line = Annotated[str, Matching(str.isprintable, "a line of text")]
Name = Annotated[  # it becomes a part of folder names
    str,
    Matching(
        re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}").fullmatch,
        "a word of at most 64 letters, digits, dots and dashes",
    ),
]


def typed(
    kind: type[T],
    content: object,
    *,
    where: str,
    error: type[EideployError],
    given: Mapping[str, object] | None = None,
    advice: Advice | None = None,
    extra: Literal["forbid", "ignore"] = "forbid",
) -> T:
    """Return the dataclass `kind` that parsed TOML or JSON describes.

    Args:
        kind: the dataclass; a field with a default may be missing.
        content: the table.
        where: its origin, for errors.
        error: what to raise.
        given: fields that are known already, and that the table must not hold.
        advice: what to write instead of a key that there is not, of all that there are.
        extra: whether the table may hold keys that the dataclass has not.

    Raises:
        error: naming every key that is unknown, missing or wrong.
    """
    from pydantic import ValidationError

    known = given or {}
    whole = {**content, **known} if isinstance(content, Mapping) else content
    try:
        built = _adapter(kind).validate_json(json.dumps(whole), strict=True, extra=extra)
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
    else:
        errors = []
    repeated = [key for key in known if isinstance(content, Mapping) and key in content]
    keys = [key for key in _keys(kind, whole, "") if key not in known]
    faults = [_unknown(key, keys, advice or instead) for key in repeated]
    refuse([*faults, *_faults(errors, whole, keys, advice or instead)], error=error, where=where)
    return built


def _adapter(kind: type[T]) -> "TypeAdapter[T]":
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


_ADAPTERS: dict[type[Any], "TypeAdapter[Any]"] = {}


def _keys(hint: Any, content: object, path: str) -> Iterator[str]:  # noqa: ANN401 - a type
    """Return the path of every value that `hint` asks for; of a mapping, by the keys it has."""
    entries = content if isinstance(content, Mapping) else {}
    parts: Mapping[str, Any] = {}
    if is_dataclass(hint):
        parts = get_type_hints(hint, include_extras=True)
    elif get_origin(hint) is Mapping and is_dataclass(get_args(hint)[1]):
        parts = dict.fromkeys(entries, get_args(hint)[1])
    for key, part in parts.items():
        yield from _keys(part, entries.get(key), f"{path}.{key}" if path else key)
    if not parts:
        yield path


def instead(path: str, known: Sequence[str]) -> str:
    """Return what to write instead of the key `path`, which is none of `known`."""
    section, _, word = path.rpartition(".")
    own = {key.rpartition(".")[2]: key for key in known if key.rpartition(".")[0] == section}
    if near := nearest(word, own):
        return f"write {own[near]}"
    if not own and (near := nearest(path, known)):
        return f"write {near}"
    return f"use one of {', '.join(own.values() or known)}"


def _faults(
    errors: "Sequence[ErrorDetails]", content: object, keys: Sequence[str], advice: Advice
) -> Iterator[Fault]:
    """Return a fault for every place that has errors; of a union, each member has its own."""
    by_place: dict[Place, list[ErrorDetails]] = {}
    for entry in errors:
        by_place.setdefault(_place(entry, content), []).append(entry)
    for place, entries in by_place.items():
        path = _path(place)
        if entries[0]["type"] == "unexpected_keyword_argument":
            yield _unknown(path, keys, advice)
        elif entries[0]["type"] == "missing":
            yield Fault(what=f"{path} is missing", fix=f"set {path}")
        else:
            yield _wrong(path, entries, keys)


def _place(entry: "ErrorDetails", content: Any) -> Place:  # noqa: ANN401 - parsed text
    """Return where in the content an error is, without pydantic's words for members of unions."""
    for depth, step in enumerate(entry["loc"]):
        try:
            content = content[step]
        except (LookupError, TypeError):
            return entry["loc"] if entry["type"] == "missing" else entry["loc"][:depth]
    return entry["loc"]


def _path(place: Place) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return "".join(steps).removeprefix(".") or "the whole"


def _unknown(path: str, keys: Sequence[str], advice: Advice) -> Fault:
    return Fault(what=f"there is no key {path}", fix=advice(path, keys))


def _wrong(path: str, entries: "Sequence[ErrorDetails]", keys: Sequence[str]) -> Fault:
    setting = f"{path} = {shortened(entries[0]['input'])}"
    for entry in entries:
        if entry["type"] == "checked":  # it is of the right type
            by: Checked = entry["ctx"]["by"]
            return Fault(what=f"{setting} {entry['ctx']['fault']}", fix=by.fix(path))
    words = " or ".join(dict.fromkeys(map(_words, entries)))
    parts = [key for key in keys if key.startswith(f"{path}.")]
    if entries[0]["type"] == "dataclass_type" and parts:
        return Fault(what=f"{setting} is not {words}", fix=f"set one of {', '.join(parts)}")
    return Fault(what=f"{setting} is not {words}", fix=f"give {path} {words}")


def _words(entry: "ErrorDetails") -> str:
    if entry["type"] == "literal_error":
        expected = str(entry["ctx"]["expected"])
        return f"one of {expected}" if " or " in expected else expected
    if entry["type"] == "too_long":  # a tuple has as many values as its type says
        return f"a list of {entry['ctx']['max_length']} values"
    return WORDS.get(entry["type"], entry["msg"])


def shortened(value: object) -> str:
    """Return a value as Python writes it, or how that begins."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
