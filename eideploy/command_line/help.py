"""The help of a command, and the page of all, from the requests alone: no parser is imported."""

from collections.abc import Iterable, Mapping
from textwrap import fill, wrap

from eideploy.command_line.commands import EXAMPLES, PROGRAM, PURPOSE, Command, arguments, below
from eideploy.options.fields import Field, examples_of, help_of, summary_of

WIDTH, INDENT = 80, 24
JSON = "Print the result as JSON."
OPTIONS = "options"


def overview(commands: Iterable[Command]) -> str:
    """Return what there is."""
    rows = [_row(one.name, summary_of(one.asked)) for one in commands]
    parts = [f"usage: {PROGRAM} COMMAND ...", fill(PURPOSE, WIDTH)]
    return "\n\n".join([*parts, "\n".join(["commands:", *rows]), EXAMPLES])


def command_help(command: Command) -> str:
    """Return what a command does, and all that it takes."""
    parts = [f"usage: {_usage(command)}", fill(summary_of(command.asked), WIDTH)]
    for heading, entries in _entries(command).items():
        parts.append("\n".join([f"{heading}:", *(_row(*entry) for entry in entries)]))
    if rows := [_row(one.name, summary_of(one.asked)) for one in below(command)]:
        parts.append("\n".join(["commands:", *rows]))
    examples = examples_of(command.asked)
    return "\n\n".join([*parts, *([_examples(examples)] if examples else [])])


def page(commands: Iterable[Command]) -> str:
    """Return the help of all commands in Markdown."""
    parts = []
    for command in commands:
        parts += [f"## {command.program}", summary_of(command.asked)]
        parts += [f"```text\n{_usage(command)}\n```"]
        for heading, entries in _entries(command).items():
            cells = [(head.replace("|", r"\|"), text.replace("|", r"\|")) for head, text in entries]
            rows = [f"| `{head}` | {text} |" for head, text in cells]
            title = [] if heading == OPTIONS else [f"**{heading[0].upper()}{heading[1:]}**"]
            parts += [*title, "\n".join(["| argument | what it does |", "|---|---|", *rows])]
        if examples := examples_of(command.asked):
            parts += [f"```text\n{_examples(examples)}\n```"]
    return "\n\n".join(parts) + "\n"


def _usage(command: Command) -> str:
    words = [_placed(one.field) for one in arguments(command.request) if one.field.positional]
    return " ".join([command.program, "[OPTIONS]", *words])


def _placed(field: Field) -> str:
    several = f"{field.metavar} ..." if field.many else field.metavar
    return several if field.is_required else f"[{several}]"


def _entries(command: Command) -> Mapping[str, list[tuple[str, str]]]:
    """Return heads and texts of all that a command takes, by heading."""
    entries: dict[str, list[tuple[str, str]]] = {OPTIONS: []}
    for argument in arguments(command.request):
        entry = _head(argument.field), help_of(argument.field)
        entries.setdefault(argument.heading or OPTIONS, []).append(entry)
    entries[OPTIONS].append(("--json", JSON))
    return entries


def _head(field: Field) -> str:
    if field.positional:
        return field.metavar
    names = [f"-{field.option.short}"] if field.option.short else []
    value = f"[{field.metavar}]" if field.option.alone is not None else field.metavar
    return f"{', '.join([*names, field.spelled])} {value}".rstrip()


def _examples(lines: str) -> str:
    return "\n".join(["examples:", *(f"  {line}" for line in lines.splitlines())])


def _row(head: str, text: str) -> str:
    lines = wrap(text, WIDTH - INDENT)
    head = f"  {head}"
    if len(head) <= INDENT - 2:
        head = f"{head:<{INDENT}}{lines.pop(0)}"
    return "\n".join([head, *(" " * INDENT + line for line in lines)])
