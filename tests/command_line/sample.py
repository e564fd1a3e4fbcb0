"""A command with an option of every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from eideploy.errors import UsageError
from eideploy.options import Count, Folder, Option, PathLike, Positive, Request


@dataclass(frozen=True, kw_only=True)
class Sugar(Request):
    """What sweetens."""

    heading = "sugar"
    spoons: Annotated[Count | None, Option(where="with sugar")] = None
    """How many spoons of it."""


@dataclass(frozen=True, kw_only=True)
class Oven(Request):
    """What the oven does."""

    heading = "the oven"
    heat: Annotated[Positive | None, Option(metavar="CELSIUS")] = None
    """How hot it is."""
    mode: Annotated[Literal["top", "all"] | None, Option(words={"grill": "top", "fan": "all"})] = (
        None
    )
    """Where the heat comes from."""


@dataclass(frozen=True, kw_only=True)
class Bake(Sugar):
    """Bake a cake.

    Examples:
      eideploy bake
      eideploy bake cake.toml --guests 3
    """

    recipe: Annotated[PathLike | None, Option(metavar="RECIPE")] = field(
        default=None, kw_only=False
    )
    """The recipe (default: grandmother's)."""
    guests: Count = 8
    """For how many (default: 8)."""
    above_sea: int | None = None
    """Metres above the sea."""
    size: Literal["small", "large"] | None = None
    """The form."""
    fillings: Annotated[Sequence[Literal["jam", "cream"]], Option(name="filling")] = ()
    """What is in it; may be repeated."""
    fruit: Annotated[Sequence[str], Option(commas=True, metavar="A,B,...")] = ()
    """What is on it."""
    notes: Annotated[Mapping[str, str], Option(name="note", metavar="KEY=VALUE")] = field(
        default_factory=dict
    )
    """What else is to be known; may be repeated."""
    candles: Annotated[PathLike | bool, Option(metavar="FILE", alone=True)] = False
    """With candles, as a file says (default: one a year)."""
    eggs: bool = True
    """Bake without eggs."""
    verbose: Annotated[bool, Option(short="v")] = False
    """Say every step."""
    out: Folder | None = None
    """Where it cools."""
    oven: Oven = field(default_factory=Oven)
    """What the oven does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fillings and self.size == "small":
            raise UsageError("nothing fits", where="--filling", fix="leave it out")


@dataclass(frozen=True, kw_only=True)
class Wash(Request):
    """Wash up."""

    dishes: Annotated[Sequence[PathLike], Option(metavar="DISH")] = field(default=(), kw_only=False)
    """What is dirty."""


@dataclass(frozen=True, kw_only=True)
class Taste(Request):
    """Taste a cake."""

    cake: Annotated[PathLike, Option(metavar="CAKE")] = field(kw_only=False)
    """The cake."""


def bake(request: Bake) -> Bake:
    """Bake it.

    Raises:
        UsageError: it burns.
    """
    return request
