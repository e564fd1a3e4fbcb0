"""Fields of NIR nodes as numbers, and what is said of those that are none."""

import numpy as np

from eideploy.backends.nir.foreign.file import Fields
from eideploy.circuit import Array

CHANGE = "change these nodes in the tool that wrote them: docs/nir.md says what is taken"


class Unsupported(Exception):  # noqa: N818 (it ends up in a list, with a node's name before it)
    """Reasons why a node cannot be compiled, and what to do about them."""

    def __init__(self, why: str, *fixes: str) -> None:
        super().__init__(why)
        self.fixes = fixes or (CHANGE,)


def field(node: Fields, name: str) -> Array:
    """Return a field as an array of at least one entry.

    Raises:
        Unsupported: it is not there, or holds no numbers.
    """
    if name not in node:
        raise Unsupported(f"has no {name}")
    value = np.atleast_1d(np.asarray(node[name]))
    if value.dtype.kind not in "fiub" or not value.size:
        raise Unsupported(f"{name} holds no numbers")
    return value.astype(np.float64)


def number(value: object, name: str) -> float:
    """Return one number."""
    values = field({name: value}, name)
    if values.size != 1:
        raise Unsupported(f"{name} holds {values.size} numbers, must be 1")
    return float(values.ravel()[0])
