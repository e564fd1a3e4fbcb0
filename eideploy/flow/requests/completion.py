"""What completion is asked for."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from eideploy.options import Option, Request

Shell = Literal["bash", "zsh", "fish"]


@dataclass(frozen=True, kw_only=True)
class Completion(Request):
    """Print a script that lets a shell complete commands and options.

    Examples:
        eideploy completion bash
    """

    shell: Annotated[Shell, Option()] = field(kw_only=False)
    """The shell that reads it."""
