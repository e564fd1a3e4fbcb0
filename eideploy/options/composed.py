"""A request with the options of others: of a job, and of the backends that it may be about."""

from dataclasses import dataclass, fields
from typing import Any, TypeVar

from eideploy.options.request import Request

R = TypeVar("R", bound=Request)
_KNOWN: dict[tuple[type[Any], ...], type[Any]] = {}


def composed(base: type[Any], *parts: type[Any]) -> type[Any]:
    """Return the class of a request that has the options of `parts`, too; of the same, the same.

    A part that another derives from, or that is given again, adds nothing.
    """
    parts = tuple(
        one
        for at, one in enumerate(parts)
        if one not in parts[:at]
        and not any(issubclass(other, one) and other is not one for other in parts)
    )
    if not parts:
        return base
    if (base, *parts) not in _KNOWN:
        names = {"__doc__": base.__doc__, "__module__": base.__module__, "composed_of": base}
        kind = type(base.__name__, (*reversed(parts), base), names)
        _KNOWN[base, *parts] = dataclass(frozen=True, kw_only=True)(kind)
    return _KNOWN[base, *parts]


def part_of(request: Request, kind: type[R]) -> R:
    """Return what a request says of the options of `kind`; what it does not have is not given."""
    names = [field.name for field in fields(kind) if hasattr(request, field.name)]
    return kind(**{name: getattr(request, name) for name in names})
