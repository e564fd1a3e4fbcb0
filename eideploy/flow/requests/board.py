"""What the commands of a board are asked."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Count, Option, PathLike, Request

LINE = "with --port"


@dataclass(frozen=True, kw_only=True)
class Board(Request):
    """Build the bitstream of a board, flash it, run samples on it, test it.

    Examples:
      eideploy compile --target ulx3s-25f --out builds/mine
      eideploy board build builds/mine
      eideploy board flash builds/mine
      eideploy board selftest builds/mine --port /dev/ttyUSB0
    """


@dataclass(frozen=True, kw_only=True)
class OfBuild(Request):
    """A build for a board."""

    build: Annotated[PathLike | None, Option(metavar="BUILD")] = field(default=None, kw_only=False)
    """The build (default: the latest)."""


@dataclass(frozen=True, kw_only=True)
class MakeBitstream(OfBuild):
    """Make the bitstream of a build for a board: synthesis, place and route, packing."""

    seeds: Count = 8
    """How many placements are tried at most, until one reaches the clock (default: 8)."""


@dataclass(frozen=True, kw_only=True)
class Flash(OfBuild):
    """Configure the board with its bitstream."""


@dataclass(frozen=True, kw_only=True)
class OverLine(OfBuild):
    """What talks to a board."""

    port: Annotated[str | None, Option(metavar="PORT")] = None
    """The board's serial line, as /dev/ttyUSB0."""
    emulate: bool = False
    """Talk to the board in Verilator instead: all of it, from the pins of its serial line."""


@dataclass(frozen=True, kw_only=True)
class RunOnBoard(OverLine, FromDataSet):
    """Run samples on a board, and compare every logit with the integer simulator's."""

    samples: Count | None = None
    """The first N of the test split (default: all)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy")] = None
    """Samples of your own, in the network's range."""


@dataclass(frozen=True, kw_only=True)
class Selftest(OverLine):
    """Run the samples that the build keeps, and compare every logit with the stored ones."""

    out: Annotated[PathLike | None, Option(metavar="RESULTS.json")] = None
    """Write what was found to a file."""
