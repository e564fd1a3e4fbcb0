"""What the commands of a board are asked."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Count, Option, PathLike, Request

SAMNA, EMULATED = "with --samna", "with --emulate"


@dataclass(frozen=True, kw_only=True)
class Board(Request):
    """Build the bitstream of a board, flash it, run samples, test it; measure chips, tune them.

    Examples:
      eideploy compile --target ulx3s-25f --out builds/mine
      eideploy board build builds/mine
      eideploy board flash builds/mine
      eideploy board selftest builds/mine --port /dev/ttyUSB0
      eideploy board characterise builds/chip --samna
      eideploy board tune builds/chip --emulate
    """


@dataclass(frozen=True, kw_only=True)
class OfBuild(Request):
    """A build for a board.

    backend, example  whose latest build is taken, "" for any, and a target whose builds will do
    """

    backend: ClassVar[str] = ""
    example: ClassVar[str] = "ulx3s-85f"
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


@dataclass(frozen=True, kw_only=True)
class OfChips(OfBuild):
    """A build for mixed-signal chips."""

    backend: ClassVar[str] = "dynapse2"
    example: ClassVar[str] = "dynapse2"


@dataclass(frozen=True, kw_only=True)
class OnChips(OfChips):
    """What asks the mixed-signal chips of a board."""

    samna: bool = False
    """Import the vendor's library, and ask the board that it finds."""
    serial: Annotated[str | None, Option(metavar="NUMBER", where=SAMNA)] = None
    """The board's serial number (default: the first DYNAP-SE2)."""
    bitfile: Annotated[PathLike | None, Option(metavar="FILE.bit", where=SAMNA)] = None
    """Program the board's FPGA with it first."""
    emulate: bool = False
    """Ask an emulated board instead."""
    seed: Annotated[int, Option(where=EMULATED)] = 0
    """Which emulated board: the seed draws its errors (default: 0)."""


@dataclass(frozen=True, kw_only=True)
class Characterise(OnChips):
    """Measure what mixed-signal chips do at a build's biases: every CAM, rates, time constants."""

    out: PathLike = "measured"
    """The folder for results, a map of defects and a table of biases (default: measured)."""


@dataclass(frozen=True, kw_only=True)
class Tune(OnChips, FromDataSet):
    """Correct a build's biases on mixed-signal chips until neurons fire as often as simulated."""

    per_class: Annotated[Count, Option(metavar="N")] = 5
    """By how many training samples of each class, without their labels (default: 5)."""
    out: PathLike = "tuned"
    """The folder for the tuned patch, its loader, and what was changed (default: tuned)."""
