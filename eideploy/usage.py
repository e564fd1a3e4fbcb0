"""The parser of the command line, whose refusals say what is wrong, where, and what to do."""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from eideploy.nearest import nearest


class Parser(argparse.ArgumentParser):
    """argparse's, with the errors of this tool in place of its own, which print the usage.

    Options are written in full: the beginning of one may be that of another in the next release.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as of argparse
        super().__init__(**options, allow_abbrev=False)

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return the arguments; what is left over is an error of the command that was given."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            self._refuse(found, left, [*(sys.argv[1:] if args is None else args)])
        return found

    def error(self, message: str) -> NoReturn:
        """Print the error with what to do about it, and exit with 2."""
        choice = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        near = nearest(choice[1], re.findall(r"[\w.-]+", choice[2])) if choice else None
        self._stop(message, [f"write {near}"] if near else [])

    def _stop(self, message: str, advice: Sequence[str]) -> NoReturn:
        fix = "; ".join([*dict.fromkeys(advice), f"{self.prog} --help lists all"])
        self.exit(2, f"error: {message}\n  where: {self.prog}\n  fix:   {fix}\n")

    def _refuse(
        self, found: argparse.Namespace, left: Sequence[str], given: Sequence[str]
    ) -> NoReturn:
        from eideploy.unknown_options import instead  # late: nothing else asks for it

        commands = self._commands()
        parser = commands.get(getattr(found, "command", None) or "", self)
        options = {name: [*one._option_string_actions] for name, one in commands.items()}  # noqa: SLF001
        advice = []
        for word in left:
            if word.startswith("-"):
                name, _, value = word.partition("=")
                behind = [*given[given.index(word) + 1 :], "-"][0]
                advice.append(
                    instead(
                        name,
                        value or (None if behind.startswith("-") else behind),
                        own=[*parser._option_string_actions],  # noqa: SLF001
                        others=options,
                        preset=getattr(found, "preset", None),
                    )
                )
        assert isinstance(parser, Parser)  # as all of a command line are
        message = f"unrecognized arguments: {' '.join(left)}"
        parser._stop(message, [one for one in advice if one])  # noqa: SLF001

    def _commands(self) -> dict[str, argparse.ArgumentParser]:
        found: dict[str, argparse.ArgumentParser] = {}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - has no other name
                found |= action.choices
        return found
