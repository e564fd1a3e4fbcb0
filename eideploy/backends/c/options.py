"""What a microcontroller's programs are asked for beside what all programs are."""

import re
from dataclasses import dataclass
from typing import Annotated

from eideploy.errors import UsageError
from eideploy.options import Option, Request

CONTROLLER = "for a microcontroller"
UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20}


@dataclass(frozen=True, kw_only=True)
class Room(Request):
    """How much memory a program may take."""

    heading = "microcontrollers"
    flash: Annotated[str | None, Option(metavar="SIZE", where=CONTROLLER)] = None
    """Take the program of fewest instructions whose constants take at most this much flash, e.g.
    16KiB (default: what the target leaves beside code)."""
    ram: Annotated[str | None, Option(metavar="SIZE", where=CONTROLLER)] = None
    """The same of RAM and its state (default: what the target leaves beside the stack)."""

    @property
    def flash_bytes(self) -> int | None:
        """The flash that is asked for, in bytes."""
        return _bytes(self.flash, "--flash")

    @property
    def ram_bytes(self) -> int | None:
        """The RAM that is asked for, in bytes."""
        return _bytes(self.ram, "--ram")


def _bytes(size: str | None, option: str) -> int | None:
    """Return a size in bytes.

    Raises:
        UsageError: it is none.
    """
    if size is None:
        return None
    parts = re.fullmatch(r"(\d{1,10}) ?(B|KiB|MiB)?", size)
    if not parts or int(parts[1]) == 0:
        raise UsageError(
            f"{size!r} is not a size",
            where=option,
            fix=f"write a number of bytes, KiB or MiB, as {option} 16KiB",
        )
    return int(parts[1]) * UNITS[parts[2] or ""]
