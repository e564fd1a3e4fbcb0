"""A job as a function of Python, made of its request: an argument for every option."""

import dataclasses
import inspect
from collections.abc import Callable, Collection, Sequence
from dataclasses import is_dataclass
from typing import Any, ParamSpec, TypeVar, get_type_hints

from eideploy.errors import UsageError
from eideploy.nearest import nearest
from eideploy.options.docstrings import docstrings
from eideploy.options.fields import fields_of, help_of, is_in_python, summary_of

P = ParamSpec("P")
Asked = TypeVar("Asked")
Given = TypeVar("Given")


def by_fields(
    asks: Callable[P, Asked], does: Callable[[Asked], Given], *, name: str
) -> Callable[P, Given]:
    """Return a job that takes the fields of its request; type checkers see them all.

    Args:
        asks: the request's class.
        does: the job, whose docstring says what it raises.
        name: of the function, with its module.
    """
    kind: Any = asks

    def job(*args: P.args, **options: P.kwargs) -> Given:
        _require_arguments(job, args, options)
        return does(asks(*args, **options))

    job.__module__, _, job.__name__ = name.rpartition(".")
    job.__qualname__ = job.__name__
    job.__doc__ = _docstring(kind, does.__doc__ or "")
    hints, parameters = get_type_hints(kind), inspect.signature(kind).parameters
    job.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        parameters=[parameters[name].replace(annotation=hints[name]) for name in _helps(kind)],
        return_annotation=get_type_hints(does).get("return"),
    )
    return job


def _require_arguments(
    job: Callable[..., object], args: Sequence[object], options: Collection[str]
) -> None:
    """Refuse arguments that a job does not take, by name, as the command line does.

    Raises:
        UsageError: there are some.
    """
    parameters = inspect.signature(job).parameters
    by_place = sum(p.kind is not p.KEYWORD_ONLY for p in parameters.values())
    if len(args) > by_place:
        raise UsageError(
            f"{job.__name__} takes {by_place or 'no'} arguments by place, not {len(args)}",
            where=f"eideploy.{job.__name__}",
            fix=f"name the others, e.g. {next(reversed(parameters), 'NAME')}=",
        )
    unknown = [name for name in options if name not in parameters]
    if unknown:
        meant = [close for name in unknown if (close := nearest(name, parameters))]
        raise UsageError(
            f"{job.__name__} does not take {', '.join(unknown)}",
            where=f"eideploy.{job.__name__}",
            fix=f"write {', '.join(meant)}" if meant else f"give some of {', '.join(parameters)}",
        )


def _helps(kind: type[Any]) -> dict[str, str]:
    """Return what is said of every argument: of the options, then of those in Python alone."""
    texts = {field.name: help_of(field) for field in fields_of(kind)}
    for base in reversed(kind.__mro__):
        docs = docstrings(base.__module__) if is_dataclass(base) else {}
        for item in dataclasses.fields(base) if is_dataclass(base) else ():
            if is_in_python(item) and (base.__name__, item.name) in docs:
                texts[item.name] = docs[base.__name__, item.name]
    return texts


def _docstring(kind: type[Any], job: str) -> str:
    arguments = [f"    {name}: {text}" for name, text in _helps(kind).items()]
    parts = [summary_of(kind), *(["\n".join(["Args:", *arguments])] if arguments else [])]
    _, raises, errors = inspect.cleandoc(job).partition("Raises:\n")
    return "\n\n".join([*parts, *([raises + errors] if raises else [])])
