"""What files a build is made of: each part that writes some declares them, and what checks them."""

import re
from dataclasses import dataclass
from typing import Literal

Check = Literal["again", "run", "documentation", "none"]


@dataclass(frozen=True)
class Emitted:
    """Files of a build.

    pattern  their paths in it; `*` stands for a name or a part of one
    check    "again": they are written once more, from the build's program, and are to be the same;
             "run": a program runs or reads them; "documentation": people read them; "none"
    why      of "none": why nothing checks them
    listed   whether the manifest lists them, as all that was there when the build was finished
    """

    pattern: str
    check: Check = "none"
    why: str = ""
    listed: bool = True


def matches(pattern: str, name: str) -> bool:
    """Return whether `name`, a path in a build, is one of `pattern`."""
    return bool(re.fullmatch(r"[^/]*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL))
