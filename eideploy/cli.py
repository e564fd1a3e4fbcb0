"""The command line: parse, delegate, print."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from itertools import takewhile
from typing import TYPE_CHECKING

from eideploy.arguments import command_line
from eideploy.command_line.commands import Command, command_of
from eideploy.command_line.help import command_help
from eideploy.errors import EideployError
from eideploy.memory import keep_freed_memory
from eideploy.shared_arguments import settings

if TYPE_CHECKING:
    from eideploy.flow.result import Result
    from eideploy.numeric.division import Divider


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a stated error, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a path may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    words = [*(sys.argv[1:] if argv is None else argv)]
    try:
        if found := command_of(words):
            return _run(*found)
        return _run_parsed(words)
    except EideployError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _run(command: Command, words: Sequence[str]) -> int:
    if {"-h", "--help"} & {*takewhile(lambda word: word != "--", words)}:
        return _print(command_help(command))
    from eideploy.command_line.parsing import parsed  # imported late: help needs no parser

    request, as_json = parsed(command, words)
    keep_freed_memory()
    return _show(command.run(request), as_json=as_json)


def _run_parsed(words: Sequence[str]) -> int:
    parser = command_line()
    args = parser.parse_args(words)
    if args.command is None:
        parser.print_help()
        return 0
    keep_freed_memory()
    return _show(PARSED[args.command](args), as_json=args.json)


def _show(result: "Result", *, as_json: bool) -> int:
    shown = json.dumps(result.content, indent=2) if as_json else result.text
    return _print(shown) or result.exit_code


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


def _train(args: argparse.Namespace) -> "Result":
    from eideploy.flow import training as job

    request = job.Request(
        preset=args.preset,
        settings=settings(args),
        seed=args.seed,
        reset=args.reset,
        finetune=args.finetune,
        target=args.target,
        scheme=args.scheme,
        divider=_divider(args),
        zero_policy=args.zero_policy,
        data_dir=args.data_dir,
        tensorboard=args.tensorboard,
        resume=args.resume,
        out=args.out,
    )
    return job.run(request)


def _divider(args: argparse.Namespace) -> "Divider | None":
    from eideploy.numeric.division import named, parse_lut

    if args.lut is not None:
        return parse_lut(args.lut)
    return None if args.division is None else named(args.division)


PARSED: Mapping[str, Callable[[argparse.Namespace], "Result"]] = {
    "train": _train,
}


if __name__ == "__main__":
    sys.exit(main())
