"""What a job gives back: the same facts as text for people and as data for machines."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eideploy.shown import Shown


@dataclass(frozen=True, kw_only=True, repr=False)
class Result(Shown):
    """`text` for the terminal, `content` for `--json`, 1 for a check that failed."""

    text: str
    content: Mapping[str, Any]
    exit_code: int = 0

    def in_a_line(self) -> str:
        """Return the first line of the text."""
        return self.text.partition("\n")[0]

    def in_full(self) -> str:
        """Return the text."""
        return self.text

    @property
    def folder(self) -> Path:
        """The sweep, build or run that the job wrote, or else worked on.

        Raises:
            LookupError: it did neither, as when targets are listed.
        """
        for key in ("sweep", "build", "run", "simulated"):
            if key in self.content:
                return Path(self.content[key])
        raise LookupError(f"no folder among {', '.join(self.content)}")
