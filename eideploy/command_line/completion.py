"""A script by which a shell completes commands and options; cyclopts writes it."""

from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App
from cyclopts import Parameter as Spelling

from eideploy.command_line.commands import COMMANDS, PROGRAM, Command, arguments
from eideploy.flow.requests.completion import Completion
from eideploy.flow.result import Result
from eideploy.options.fields import Field, help_of, summary_of

# The script of cyclopts only defines a function: zsh finds it in a folder of fpath, or sources it.
ZSH_END = f"""
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _cyclopts_{PROGRAM} "$@"
else
  compdef _cyclopts_{PROGRAM} {PROGRAM}
fi
"""


def completion(request: Completion) -> Result:
    """Return the script for a shell, made of the requests of all commands."""
    apps = {"": App(name=PROGRAM)}
    for name, command in COMMANDS.items():
        parent, _, word = name.rpartition(" ")
        apps[name] = App(name=word, help=summary_of(command.request))
        apps[name].default(_function(command))
        apps[parent].command(apps[name])
    script = apps[""].generate_completion(prog_name=PROGRAM, shell=request.shell)
    if request.shell == "zsh":
        script += ZSH_END
    return Result(text=script.rstrip("\n"), content={"shell": request.shell, "script": script})


def _function(command: Command) -> Callable[..., None]:
    """Return a function with a parameter for each argument of a command."""

    def takes(**_: object) -> None:
        """Never called."""

    fields = [one.field for one in arguments(command.request)]
    parameters = [_parameter(f"argument{i}", field) for i, field in enumerate(fields)]
    takes.__signature__ = Signature(sorted(parameters, key=lambda p: p.kind))  # type: ignore[attr-defined]
    return takes


def _parameter(name: str, field: Field) -> Parameter:
    spelling = Spelling(
        name=field.spelled,
        alias=f"-{field.option.short}" if field.option.short else (),
        help=help_of(field),
        negative=(),
    )
    return Parameter(
        name,
        Parameter.POSITIONAL_ONLY if field.positional else Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[_completed(field), spelling],
    )


def _completed(field: Field) -> Any:  # noqa: ANN401 - a type by which cyclopts completes
    if field.is_flag:
        return bool
    if field.words:
        return Literal[tuple(field.words)]
    return Path if field.kind is str else field.kind
