"""How a program divides, as the options of a backend, an executor or a training say it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from eideploy.errors import UsageError
from eideploy.options import Option, Request

if TYPE_CHECKING:
    from eideploy.divisions import Divider

    Division = str | Divider
else:
    Division = str  # its name on the command line; Python may give the divider itself

LUT, METHOD = Option(metavar="Nbit|NxM"), Option(metavar="NAME")


@dataclass(frozen=True, kw_only=True)
class Dividing(Request):
    """How to divide; a job says where that has an effect."""

    lut: Annotated[str | None, LUT] = None
    """Divide by a table of 2^N entries of N (or M) bits."""
    division: Annotated[Division | None, METHOD] = None
    """Divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant."""

    def __post_init__(self) -> None:
        """Refuse two ways to divide, beside what any request refuses.

        Raises:
            UsageError: naming the options.
        """
        super().__post_init__()
        if self.lut is not None and self.division is not None:
            raise UsageError(
                "--lut and --division both choose how to divide",
                where="--lut, --division",
                fix="leave one of them out",
            )

    def divider(self) -> "Divider | None":
        """Return what is asked for; None for the default.

        Raises:
            UsageError: no such division.
        """
        from eideploy.divisions import named, parse_lut

        if self.lut is not None:
            return parse_lut(self.lut)
        return named(self.division) if isinstance(self.division, str) else self.division
