"""Options that would be accepted and then do nothing are refused, with where they do something."""

from collections.abc import Collection, Sequence

from eideploy.errors import UsageError
from eideploy.options.fields import Field, all_fields, fields_of
from eideploy.options.request import Request


def given(request: Request) -> tuple[Field, ...]:
    """Return the options of a request, and of its groups, that are not at their defaults."""
    changed: list[Field] = []
    for field in fields_of(type(request)):
        value = getattr(request, field.name)
        if field.is_group and value is not None:
            changed += given(value)
        elif not field.is_default(value):
            changed.append(field)
    return tuple(changed)


def refuse_idle(request: Request, holding: Collection[str], *, here: str) -> None:
    """Refuse the options given that have no effect, all of them, with where each has one.

    Args:
        request: what is asked for.
        holding: the circumstances, as `where` of an option names them, that hold.
        here: where nothing comes of the options, in words: "with --executor integer".

    Raises:
        UsageError: naming every option that would be ignored.
    """
    idle: dict[str, list[str]] = {}
    for field in given(request):
        where = field.option.where
        if where and where not in holding:
            idle.setdefault(where, []).append(field.spelled)
    if idle:
        names = [name for group in idle.values() for name in group]
        raise UsageError(
            f"{joined(names)} {_has(names)} no effect {here}",
            where=", ".join(names),
            fix="; ".join(
                f"leave out {joined(group)}, which {_applies(group)} only {where}"
                for where, group in idle.items()
            ),
        )


def refuse_others(request: Request, *own: type[Request] | None, here: str) -> None:
    """Refuse the options given that neither the job nor `own`, parts of the request, declare.

    Raises:
        UsageError: naming every option that would be ignored.
    """
    base = vars(type(request)).get("composed_of", type(request))
    declared = [field for kind in (base, *own) if kind is not None for field in all_fields(kind)]
    refuse_idle(request, {field.option.where for field in declared}, here=here)


def joined(names: Sequence[str], word: str = "and") -> str:
    """Return names as a sentence lists them."""
    *others, last = names
    return f"{', '.join(others)} {word} {last}" if others else last


def _has(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "have"


def _applies(names: Sequence[str]) -> str:
    return "applies" if len(names) == 1 else "apply"
