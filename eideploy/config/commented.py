"""A configuration as TOML with every key, what it means and what it may be."""

import dataclasses
from collections.abc import Iterator
from itertools import chain
from textwrap import wrap
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from eideploy.config.reading import toml_value
from eideploy.options.docstrings import docstrings
from eideploy.typed import Within

WIDTH = 98


def commented(whole: Any) -> str:  # noqa: ANN401 - a dataclass of sections
    """Return the TOML text of a configuration with a comment above every key.

    It reads back as the same configuration.
    """
    parts = vars(whole)
    sections = {name: part for name, part in parts.items() if dataclasses.is_dataclass(part)}
    lines = [*chain.from_iterable(_key(whole, name) for name in parts if name not in sections)]
    for name, section in sections.items():
        lines += ["", *_comment((type(section).__doc__ or "").partition("\n")[0]), f"[{name}]"]
        for key in vars(section):
            lines += _key(section, key)
    return "\n".join(lines) + "\n"


def _key(section: Any, key: str) -> Iterator[str]:  # noqa: ANN401
    """Yield the comment of a key, and the line that sets it."""
    kind = type(section)
    doc = docstrings(kind.__module__).get((kind.__name__, key), "")
    said = " ".join(filter(None, [doc, allowed(kind, key)]))
    yield from _comment(said)
    yield f"{key} = {toml_value(getattr(section, key))}"


def _comment(text: str) -> Iterator[str]:
    yield from (f"# {line}" for line in wrap(text, WIDTH))


def allowed(kind: type[Any], key: str) -> str:
    """Return in words which values a key takes; "" where its type says it."""
    found = [*_allowed(get_type_hints(kind, include_extras=True)[key])]
    return f"One of {', '.join(found)}." if len(found) > 1 else "".join(f"{x}." for x in found)


def _allowed(hint: Any) -> Iterator[str]:  # noqa: ANN401 - a type
    """Yield words for each value, or range of values, that a type takes."""
    if get_origin(hint) is Literal:
        yield from map(toml_value, get_args(hint))
    elif get_origin(hint) in (Union, UnionType):
        yield from chain.from_iterable(map(_allowed, get_args(hint)))
    elif get_origin(hint) is Annotated:
        for bounds in hint.__metadata__:
            if isinstance(bounds, Within):
                yield f"{bounds.low:.10g} to {bounds.high:.10g}"
