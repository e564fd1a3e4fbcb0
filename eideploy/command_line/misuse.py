"""What was written wrong on the command line, and what to write instead."""

from collections.abc import Iterator, Sequence

from eideploy.command_line.commands import COMMANDS, PROGRAM, Command, arguments, below
from eideploy.errors import UsageError
from eideploy.nearest import nearest
from eideploy.options.fields import Field

OF_EVERY_COMMAND = ("--json", "--help")


def misuse(what: str, *advice: str, command: Command | None = None) -> UsageError:
    """Return the error that says `what`, and advises; if nothing else, to read the help."""
    program = command.program if command else PROGRAM
    fix = "; ".join([*dict.fromkeys(filter(None, advice)), f"{program} --help lists all"])
    return UsageError(what, where=program, fix=fix)


def wrong_value(field: Field, text: str, fault: str, command: Command) -> UsageError:
    """Say that a text is no value of an option; `fault` follows "which is"."""
    near = nearest(text, field.words)
    advice = f"write {near}" if near else ""
    parts = [part.strip() for part in text.split(",")]
    if field.many and len(parts) > 1 and set(parts) <= set(field.words):
        advice = f"write {' '.join(f'{field.spelled} {part}' for part in parts)}"
    return misuse(f"{field.spelled} is {text!r}, which is {fault}", advice, command=command)


def no_value(field: Field, command: Command) -> UsageError:
    """Say that an option was left without its value, or that an argument is missing."""
    if field.positional:
        return misuse(f"{field.metavar} is missing", command=command)
    return misuse(
        f"{field.spelled} is given no value",
        f"write {field.spelled} {field.metavar}",
        command=command,
    )


def given_twice(field: Field, texts: Sequence[str], command: Command) -> UsageError:
    """Say that an option that takes one value is given several."""
    what = f"{field.spelled} is given {len(texts)} times: {', '.join(texts)}"
    return misuse(what, "leave out all but one", command=command)


def value_of_flag(spelled: str, command: Command) -> UsageError:
    """Say that a flag takes none."""
    return misuse(f"{spelled} takes no value", f"write {spelled} alone", command=command)


def unrecognized(words: Sequence[str], command: Command) -> UsageError:
    """Say that a command takes none of some words, which are no options."""
    actions = [one.name.rpartition(" ")[2] for one in below(command)]
    near = nearest(words[0], actions)
    advice = f"choose one of {', '.join(actions)}" if actions else ""
    if near:
        advice = f"write {near}"
    elif len(actions) == 1:  # the word between is left out
        advice = f"write {command.program} {actions[0]} {' '.join(words)}"
    return misuse(f"unrecognized arguments: {' '.join(words)}", advice, command=command)


def unknown_option(word: str, words: Sequence[str], command: Command) -> UsageError:
    """Say that a command has no such option, and what it is here; `words` are those of the line."""
    from eideploy.command_line.unknown_options import instead  # late: it knows the configurations

    name, _, value = word.partition("=")
    at = words.index(word) if word in words else len(words)
    behind = [*words[at + 1 :], "-"][0]
    advice = instead(
        name,
        value or (None if behind.startswith("-") else behind),
        own=[*options(command)],
        others={other.name: [*options(other)] for other in COMMANDS.values()},
        preset=next((one for one in words[:at] if not one.startswith("-")), None),
    )
    return misuse(f"unrecognized arguments: {word}", advice or "", command=command)


def unknown_command(word: str) -> UsageError:
    """Say that there is no such command, or no such option before one."""
    near = nearest(word, [name for name in COMMANDS if " " not in name])
    what = "option" if word.startswith("-") else "command"
    return misuse(f"there is no {what} {word}", f"write {near}" if near else "")


def options(command: Command) -> Iterator[str]:
    """Yield how every option of a command is written."""
    for argument in arguments(command.request):
        if not argument.field.positional:
            yield argument.field.spelled
    yield from OF_EVERY_COMMAND
