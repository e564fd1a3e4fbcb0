"""A job as a function of Python, made of its request: an argument for every option."""

import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any, ParamSpec, TypeVar, get_type_hints

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


def _helps(kind: type[Any]) -> dict[str, str]:
    """Return what is said of every argument: of the options, then of those in Python alone."""
    texts = {field.name: help_of(field) for field in fields_of(kind)}
    for base in reversed(kind.__mro__):
        said = docstrings(base.__module__) if is_dataclass(base) else {}
        for item in dataclasses.fields(base) if is_dataclass(base) else ():
            if is_in_python(item) and (base.__name__, item.name) in said:
                texts[item.name] = said[base.__name__, item.name]
    return texts


def _docstring(kind: type[Any], job: str) -> str:
    arguments = [f"    {name}: {text}" for name, text in _helps(kind).items()]
    parts = [summary_of(kind), *(["\n".join(["Args:", *arguments])] if arguments else [])]
    _, raises, errors = inspect.cleandoc(job).partition("Raises:\n")
    return "\n\n".join([*parts, *([raises + errors] if raises else [])])
