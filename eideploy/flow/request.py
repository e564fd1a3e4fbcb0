"""What jobs are asked for: where each option has an effect, declared at its field.

A job refuses what would be accepted and then do nothing, whoever asks: the command line or Python.
"""

from collections.abc import Callable, Collection
from dataclasses import MISSING, Field, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from eideploy.errors import UsageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

OPTION, WHERE = "option", "where"


def option(
    name: str = "",
    *,
    default: Any = None,  # noqa: ANN401 - as of dataclasses.field
    default_factory: Callable[[], Any] | None = None,
    where: str = "",
) -> Any:  # noqa: ANN401
    """Return a dataclass field that is an option; given is what differs from the default.

    Args:
        name: as it is written on the command line; empty for the field's own name.
        default: of the field.
        default_factory: in its place, as of dataclasses.field.
        where: in which circumstances it has an effect, in words that follow "has an effect"; empty
            for everywhere.
    """
    metadata = {OPTION: name, WHERE: where}
    if default_factory is not None:
        return field(default_factory=default_factory, metadata=metadata)
    return field(default=default, metadata=metadata)


def refuse_idle(request: "DataclassInstance", holding: Collection[str], *, here: str) -> None:
    """Refuse the options given that have no effect, all of them, with where each has one.

    Args:
        request: what is asked for.
        holding: the circumstances, as `where` of an option names them, that hold.
        here: where nothing comes of the options, in words: "with --executor integer".

    Raises:
        UsageError: naming every option that would be ignored.
    """
    idle: dict[str, list[str]] = {}
    for spec in fields(request):
        where = spec.metadata.get(WHERE)
        if where and where not in holding and _is_given(request, spec):
            idle.setdefault(where, []).append(_name(spec))
    if idle:
        names = [name for group in idle.values() for name in group]
        raise UsageError(
            f"{_joined(names)} {'has' if len(names) == 1 else 'have'} no effect {here}",
            where=", ".join(names),
            fix="; ".join(
                f"leave out {_joined(group)}, which {'has' if len(group) == 1 else 'have'} an "
                f"effect {where}"
                for where, group in idle.items()
            ),
        )


def require_known(request: "DataclassInstance") -> None:
    """Refuse a word that is none of those that its option takes.

    Raises:
        UsageError: naming the option and its words.
    """
    hints = get_type_hints(type(request))
    for spec in fields(request):
        words = _words(hints[spec.name])
        value = getattr(request, spec.name)
        for one in value if isinstance(value, tuple | list) else (value,):
            if words and isinstance(one, str) and one not in words:
                raise UsageError(
                    f"{_name(spec)} is {one!r}, which is none of {', '.join(words)}",
                    where=_name(spec),
                    fix=f"choose one of {', '.join(words)}",
                )


def _is_given(request: "DataclassInstance", spec: "Field[Any]") -> bool:
    default = spec.default if spec.default_factory is MISSING else spec.default_factory()
    return bool(getattr(request, spec.name) != default)


def _name(spec: "Field[Any]") -> str:
    return spec.metadata.get(OPTION) or f"--{spec.name.replace('_', '-')}"


def _joined(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _words(hint: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the words that a type lists, itself or as one of its parts; none if it lists none."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return next((words for part in get_args(hint) if (words := _words(part))), ())
