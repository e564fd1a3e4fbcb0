"""A configuration as TOML with every key, what it means and what it may be."""

from collections.abc import Iterator
from itertools import chain
from textwrap import wrap
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from eideploy.config.reading import Described, toml_value
from eideploy.options.docstrings import docstrings
from eideploy.typed import bounds_of

WIDTH = 98


def commented(whole: Described) -> str:
    """Return the TOML text of a configuration with a comment above every key and section.

    It reads back as the same configuration.
    """
    return whole.to_toml(above=_above)


def _above(holder: object, key: str) -> Iterator[str]:
    """Return the comment of a key, or of a section."""
    kind = type(holder)
    if not key:
        return _comment((kind.__doc__ or "").partition("\n")[0])
    doc = docstrings(kind.__module__).get((kind.__name__, key), "")
    return _comment(" ".join(filter(None, [doc, allowed(kind, key)])))


def _comment(text: str) -> Iterator[str]:
    return (f"# {line}" for line in wrap(text, WIDTH))


def allowed(kind: type[Any], key: str) -> str:
    """Return in words which values a key takes; "" where its type says it."""
    words = [*_allowed(get_type_hints(kind, include_extras=True)[key])]
    return f"One of {', '.join(words)}." if len(words) > 1 else "".join(f"{x}." for x in words)


def _allowed(hint: Any) -> Iterator[str]:  # noqa: ANN401 - a type
    """Yield words for each value, or range of values, that a type takes."""
    if get_origin(hint) is Literal:
        yield from map(toml_value, get_args(hint))
    elif get_origin(hint) in (Union, UnionType):
        yield from chain.from_iterable(map(_allowed, get_args(hint)))
    elif get_origin(hint) is Annotated:
        yield from (f"{each.low:.10g} to {each.high:.10g}" for each in bounds_of(hint))
