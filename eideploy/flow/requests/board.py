"""What the commands of a board are asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Area, Count, Option, PathLike, Request
from eideploy.options.choices import BoardFault, Split

CHIPS = "dynapse2"  # the backend, and a target of it, whose builds commands of chips take
SAMNA, EMULATED = "with --samna", "with --emulate"
WITH_RECORDINGS, WITHOUT_RECORDINGS = "with --recordings", "without --recordings"
OF_DATA_SET = "without --input and --recordings"
SAVING, RESTORING, COMPARING = "with --save", "with --restore", "with --compare"


@dataclass(frozen=True, kw_only=True)
class Board(Request):
    """Build the bitstream of a board, flash it, run samples, test it; measure chips, tune them.

    Examples:
      eideploy compile --target ulx3s-25f --out builds/mine
      eideploy board build builds/mine
      eideploy board flash builds/mine
      eideploy board selftest builds/mine --port /dev/ttyUSB0
      eideploy board characterise builds/chip --samna
      eideploy board events builds/chip --samples 20
      eideploy board tune builds/chip --emulate
      eideploy board biases builds/chip --save monday --of tuned
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
    """The board's serial line, e.g. /dev/ttyUSB0."""
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

    backend: ClassVar[str] = CHIPS
    example: ClassVar[str] = CHIPS


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
    fault: Annotated[BoardFault | None, Option(where=EMULATED)] = None
    """What it does: refuses a configuration, wraps its clock, loses markers, has bad parts."""


@dataclass(frozen=True, kw_only=True)
class Measuring(OnChips):
    """What finds out on chips what does not work."""

    rebuild: Annotated[PathLike | None, Option(metavar="NEW")] = None
    """Also map the network around what was found not to work, into a new build."""


@dataclass(frozen=True, kw_only=True)
class Characterise(Measuring):
    """Measure what mixed-signal chips do at a build's biases: every CAM, rates, time constants."""

    out: PathLike = "measured"
    """The folder for results, a map of defects and a table of biases (default: measured)."""


@dataclass(frozen=True, kw_only=True)
class Tune(Measuring, FromDataSet):
    """Correct a build's biases on mixed-signal chips until neurons fire as often as simulated."""

    per_class: Annotated[Count, Option(metavar="N")] = 5
    """By how many training samples of each class, without their labels (default: 5)."""
    out: PathLike = "tuned"
    """The folder for the tuned patch, its loader, and what was changed (default: tuned).

    What is measured is kept beside it until it is done: the same command goes on from there.
    """


@dataclass(frozen=True, kw_only=True)
class WriteEvents(OfChips, FromDataSet):
    """Write the events that a board of mixed-signal chips is sent, and the rates to expect.

    Examples:
      eideploy board events builds/chip --samples 20
      eideploy board events builds/chip --recordings hand.aedat4,arm.npy --sensor 8x8
    """

    samples: Annotated[Count | None, Option(where=WITHOUT_RECORDINGS)] = None
    """The first N (default: all)."""
    split: Annotated[Split | None, Option(where=OF_DATA_SET)] = None
    """Which samples of the network's own data set (default: test)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy", where=WITHOUT_RECORDINGS)] = None
    """Samples of your own, in 0 to 1."""
    recordings: Annotated[Sequence[PathLike], Option(metavar="FILE", commas=True)] = ()
    """Event recordings instead, a trial each: .aedat4, .npy, .npz, .h5, .raw or .dat files."""
    sensor: Annotated[Area, Option(where=WITH_RECORDINGS)] = ""
    """The sensor size of the camera that made them."""
    boards: Count = 10
    """How many emulated boards say how far mismatch moves rates (default: 10)."""
    out: PathLike = "spikes.csv"
    """The file (default: spikes.csv); expected rates go to spikes.expected.json beside it."""


@dataclass(frozen=True, kw_only=True)
class Biases(OfChips):
    """List the named sets of a build's biases; keep one, write it as a patch, or compare two.

    Examples:
      eideploy board biases builds/chip --save monday --of tuned
      eideploy board biases builds/chip --compare monday
      eideploy board biases builds/chip --restore monday --out restored
    """

    save: Annotated[str | None, Option(metavar="NAME")] = None
    """Keep biases under a name."""
    of: Annotated[PathLike | None, Option(metavar="FOLDER", where=SAVING)] = None
    """The folder that they are of, as board tune writes it (default: the build)."""
    restore: Annotated[str | None, Option(metavar="NAME")] = None
    """Write the build's patch with the biases of a set, beside its loader."""
    out: Annotated[PathLike, Option(where=RESTORING)] = "restored"
    """The folder for it (default: restored)."""
    compare: Annotated[str | None, Option(metavar="NAME")] = None
    """Print every code and current in which a set differs from the build's own."""
    against: Annotated[str | None, Option(metavar="NAME", where=COMPARING)] = None
    """Compare with another set instead."""
    sets: Annotated[PathLike | None, Option(metavar="FILE.json")] = None
    """The file that holds the sets (default: BUILD.biases.json, beside the build)."""
