"""A job as a function of Python, made of its request: an argument for every option."""

import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, get_type_hints

from eideploy.options.fields import fields_of, help_of, summary_of

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
        parameters=[
            parameters[field.name].replace(annotation=hints[field.name])
            for field in fields_of(kind)
        ],
        return_annotation=get_type_hints(does).get("return"),
    )
    return job


def _docstring(kind: type[Any], job: str) -> str:
    arguments = [f"    {field.name}: {help_of(field)}" for field in fields_of(kind)]
    parts = [summary_of(kind), *(["\n".join(["Args:", *arguments])] if arguments else [])]
    _, raises, errors = inspect.cleandoc(job).partition("Raises:\n")
    return "\n\n".join([*parts, *([raises + errors] if raises else [])])
