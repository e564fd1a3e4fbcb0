"""What a job gives back: the same facts as text for people and as data for machines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Result:
    """`text` for the terminal, `content` for `--json`, 1 for a check that failed."""

    text: str
    content: Mapping[str, Any]
    exit_code: int = 0
