"""What was written wrong on the command line, and what to write instead."""

from collections.abc import Sequence

from eideploy.command_line.commands import PROGRAM, Command
from eideploy.errors import UsageError
from eideploy.options.fields import Field


def misuse(what: str, *advice: str, command: Command | None = None) -> UsageError:
    """Return the error that says `what`, and advises; where nothing is, to read the help."""
    program = command.program if command else PROGRAM
    fix = "; ".join([*dict.fromkeys(advice), f"{program} --help lists all"])
    return UsageError(what, where=program, fix=fix)


def wrong_value(field: Field, text: str, fault: str, command: Command) -> UsageError:
    """Say that a text is no value of an option; `fault` follows "which is"."""
    return misuse(f"{field.spelled} is {text!r}, which is {fault}", command=command)


def no_value(field: Field, command: Command) -> UsageError:
    """Say that an option was left without its value, or that an argument is missing."""
    if field.positional:
        return misuse(f"{field.metavar} is missing", command=command)
    return misuse(
        f"{field.spelled} is given no value",
        f"write {field.spelled} {field.metavar}",
        command=command,
    )


def value_of_flag(spelled: str, command: Command) -> UsageError:
    """Say that a flag takes none."""
    return misuse(f"{spelled} takes no value", f"write {spelled} alone", command=command)


def twice(spelled: str, command: Command) -> UsageError:
    """Say that an option that is not repeated was."""
    return misuse(f"{spelled} is given twice", "leave one out", command=command)


def unrecognized(words: Sequence[str], *advice: str, command: Command | None) -> UsageError:
    """Say that nothing takes some words."""
    return misuse(f"unrecognized arguments: {' '.join(words)}", *advice, command=command)
