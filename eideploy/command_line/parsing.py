"""From words to a request. No other module knows cyclopts.

cyclopts splits the words into options and their values; what a value may be, and every refusal, is
this tool's own. Help is not asked for here: `help` prints it, and imports no cyclopts for it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.exceptions import (
    CoercionError,
    CycloptsError,
    MissingArgumentError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from eideploy.command_line import misuse
from eideploy.command_line.commands import Argument, Command, arguments
from eideploy.errors import EideployError, UsageError
from eideploy.options.fields import Field, fields_of

Values = dict[tuple[str, str], Any]


def parsed(command: Command, words: Sequence[str]) -> tuple[Any, bool]:
    """Return the request that `words` make, and whether the result is wanted as JSON.

    Raises:
        UsageError: they make none.
    """
    kind = command.request_of(words)
    accepted = tuple(arguments(kind))
    words = _with_values(words, accepted, command)
    try:
        texts = _texts(accepted, words)
    except CycloptsError as error:
        raise _refusal(error, accepted, words, command) from None
    as_json = bool(texts.pop("json", False))
    values: Values = {}
    for name, argument in _named(accepted).items():
        if name in texts:
            values[argument.key] = _value(argument.field, texts[name], command)
    return _request(kind, values), as_json


def _with_values(
    words: Sequence[str], accepted: Sequence[Argument], command: Command
) -> tuple[str, ...]:
    """Return words in which every option that may stand alone has a value, if an empty one.

    Raises:
        UsageError: a flag has one.
    """
    named = {one.field.spelled: one.field for one in accepted if not one.field.positional}
    short = {f"-{field.option.short}": field for field in named.values() if field.option.short}
    flags = {name for name, field in {**named, **short}.items() if field.is_flag} | {"--json"}
    written: list[str] = []
    left = list(words)
    while left and left[0] != "--":
        word = left.pop(0)
        name, equals, _ = word.partition("=")
        if equals and name in flags:
            raise misuse.value_of_flag(name, command)
        if not equals and name in named and named[name].option.alone is not None:
            word += "=" + ("" if not left or left[0].startswith("-") else left.pop(0))
        written.append(word)
    return (*written, *left)


def _texts(accepted: Sequence[Argument], words: Sequence[str]) -> dict[str, Any]:
    """Return what stands behind each option that is given, by parameter."""
    app = App(
        help_flags=(),
        version_flags=(),
        result_action="return_value",
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
    )
    app.default(_function(accepted))
    texts: dict[str, Any] = app(words, exit_on_error=False, print_error=False)
    return texts


def _named(accepted: Sequence[Argument]) -> Mapping[str, Argument]:
    return {f"given{place}": argument for place, argument in enumerate(accepted)}


def _function(accepted: Sequence[Argument]) -> Callable[..., dict[str, Any]]:
    """Return a function whose parameters are what a command takes; it returns what is given."""
    parameters = [_parameter(name, one.field) for name, one in _named(accepted).items()]
    flag = Annotated[int, Parameter(name="--json", count=True)]
    parameters.append(
        inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=0, annotation=flag)
    )
    placed = [p.name for p in parameters if p.kind is inspect.Parameter.POSITIONAL_ONLY]
    several = [p.name for p in parameters if p.kind is inspect.Parameter.VAR_POSITIONAL]

    def given(*words: Any, **texts: Any) -> dict[str, Any]:  # noqa: ANN401 - as cyclopts gives them
        texts |= {several[0]: words} if several else dict(zip(placed, words, strict=False))
        return {name: text for name, text in texts.items() if text not in (None, 0)}

    given.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        sorted(parameters, key=lambda p: p.kind)
    )
    return given


def _parameter(name: str, field: Field) -> inspect.Parameter:
    about: dict[str, Any] = {"name": field.spelled, "negative": ()}
    if field.option.short:
        about["alias"] = f"-{field.option.short}"
    if field.kind in (int, float):
        about["allow_leading_hyphen"] = True
    if field.is_flag:
        about["count"] = True
    kind: Any = int if field.is_flag else tuple[str, ...] | None
    if field.positional and field.many:
        return inspect.Parameter(
            name, inspect.Parameter.VAR_POSITIONAL, annotation=Annotated[str, Parameter(**about)]
        )
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_ONLY if field.positional else inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if field.is_required else None,
        annotation=Annotated[str | None if field.positional else kind, Parameter(**about)],
    )


def _value(field: Field, words: Any, command: Command) -> Any:  # noqa: ANN401
    """Return the value of a field that what was given for it writes.

    Raises:
        UsageError: it writes none.
    """

    def read(text: str) -> Any:  # noqa: ANN401
        if text.startswith("--") and field.kind in (int, float):
            raise misuse.no_value(field, command)
        try:
            return field.read(text)
        except ValueError as error:
            raise misuse.wrong_value(field, text, str(error), command) from None

    if field.is_flag:
        return not field.default
    if field.pairs:
        return _pairs([_pair(entry, field) for entry in words], field)
    if field.positional and not field.many:
        return read(words)
    if field.many:
        return tuple(read(part) for text in words for part in field.parts(text))
    if len(words) > 1:
        raise misuse.given_twice(field, words, command)
    (text,) = words
    return field.option.alone if field.option.alone is not None and not text else read(text)


def _pairs(pairs: Sequence[tuple[str, str]], field: Field) -> dict[str, str]:
    """Return what is given by key; of the last of a key, where it may be given again.

    Raises:
        UsageError: it may not.
    """
    values: dict[str, str] = {}
    for key, value in pairs:
        if field.option.once and values.get(key, value) != value:
            raise UsageError(
                f"{key} is given twice, as {values[key]} and as {value}",
                where=field.spelled,
                fix="leave one of them out",
            )
        values[key] = value
    return values


def _pair(entry: str, field: Field) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not (key.strip() and equals):
        raise UsageError(
            f"{entry!r} sets nothing",
            where=field.spelled,
            fix=f"write {key.strip() or 'KEY'}=VALUE",
        )
    return key.strip(), value.strip()


def _request(kind: type[Any], values: Values) -> Any:  # noqa: ANN401 - of that kind
    own = {name: value for (group, name), value in values.items() if not group}
    for field in fields_of(kind):
        inner = {name: x for (group, name), x in values.items() if group and group == field.name}
        if inner:
            own[field.name] = field.kind(**inner)
    return kind(**own)


def _refusal(
    error: CycloptsError, accepted: Sequence[Argument], words: Sequence[str], command: Command
) -> EideployError:
    """Return in our words what cyclopts refuses."""
    names = error.argument.names if error.argument else ()
    field = next((one.field for one in accepted if one.field.spelled in names), None)
    match error:
        case UnknownOptionError():
            return misuse.unknown_option(error.token.keyword or error.token.value, words, command)
        case UnusedCliTokensError() if error.unused_tokens:
            return misuse.unrecognized(error.unused_tokens, command)
        case MissingArgumentError() if field:
            return misuse.no_value(field, command)
        case CoercionError() if error.token and error.token.keyword:
            return misuse.value_of_flag(error.token.keyword, command)
    return misuse.misuse(str(error), command=command)
