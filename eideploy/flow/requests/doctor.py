"""What doctor is asked for."""

from dataclasses import dataclass

from eideploy.options import Request


@dataclass(frozen=True, kw_only=True)
class Doctor(Request):
    """Report what is installed, what is missing, and how to install it."""
