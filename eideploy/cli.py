"""The command line: help, or a request, the job that does it, and what that says."""

import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from itertools import takewhile
from typing import TYPE_CHECKING

from eideploy.command_line.commands import COMMANDS, PROGRAM, Command, command_of
from eideploy.command_line.help import command_help, overview
from eideploy.errors import EideployError
from eideploy.version import __version__

if TYPE_CHECKING:
    from eideploy.flow.result import Result

HELP = {"-h", "--help"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a stated error, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a path may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if argv is None else argv
    try:
        return _main(words)
    except EideployError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _main(words: Sequence[str]) -> int:
    if not words or words[0] in HELP:
        return _print(overview(one for one in COMMANDS.values() if " " not in one.name))
    if words[0] == "--version":
        return _print(f"{PROGRAM} {__version__}")
    if call := command_of(words):
        return _run(*call)
    from eideploy.command_line.misuse import unknown_command

    raise unknown_command(words[0])


def _run(command: Command, words: Sequence[str]) -> int:
    if HELP & {*takewhile(lambda word: word != "--", words)}:
        return _print(command_help(command))
    from eideploy.command_line.parsing import parsed  # imported late: help needs no parser
    from eideploy.memory import keep_freed_memory
    from eideploy.portable import pin

    pin()
    request, as_json = parsed(command, words)
    keep_freed_memory()
    result: Result = command.run(request)
    text = json.dumps(result.content, indent=2) if as_json else result.text
    return _print(text) or result.exit_code


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
        if isinstance(error, BrokenPipeError):  # the reader has seen enough, as `| head` has
            return 0
        print(f"error: cannot write to standard output: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
