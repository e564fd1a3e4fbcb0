"""NIR: a float circuit as a graph that other tools read, and back (docs/nir.md)."""

from importlib import import_module
from typing import Any

_PLACES = {
    "OLD": "file",
    "EIDivision": "extension",
    "dialect_of": "write",
    "graph": "write",
    "load": "read",
    "parse": "read",
    "register": "extension",
    "save": "file",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - late, because help imports what is beside
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
