"""The parser of the command line, whose refusals say what is wrong, where, and what to do."""

import argparse
import difflib
import re
from collections.abc import Sequence
from typing import NoReturn

SETTINGS = "settings are changed by --set KEY=VALUE, as --set training.epochs=20"


class Parser(argparse.ArgumentParser):
    """argparse's, with the errors of this tool in place of its own, which print the usage."""

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return the arguments; what is left over is an error of the command that was given."""
        found, left = self.parse_known_args(args, namespace)
        if left:
            parser = self._commands().get(getattr(found, "command", None) or "", self)
            parser.error(f"unrecognized arguments: {' '.join(left)}")
        return found

    def error(self, message: str) -> NoReturn:
        """Print the error with what to do about it, and exit with 2."""
        self.exit(2, f"error: {message}\n  where: {self.prog}\n  fix:   {self._fix(message)}\n")

    def _commands(self) -> dict[str, argparse.ArgumentParser]:
        found: dict[str, argparse.ArgumentParser] = {}
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - has no other name
                found |= action.choices
        return found

    def _fix(self, message: str) -> str:
        """Return what was meant, perhaps, and where it is written how to say it."""
        options = re.findall(r"(?<![\w-])--[a-z][\w-]*", message)
        wrong = [word for word in options if word not in self._option_string_actions]
        known = [*self._option_string_actions]
        if choice := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            wrong, known = [choice[1]], re.findall(r"[\w.-]+", choice[2])
        close = [near for word in wrong for near in difflib.get_close_matches(word, known, 1)]
        parts = [f"write {', '.join(close)}"] if close else []
        if wrong and not close and "--set" in self._option_string_actions:
            parts.append(SETTINGS)
        return "; ".join([*parts, f"{self.prog} --help lists all"])
