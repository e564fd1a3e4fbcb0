"""What sweep is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import TARGET as CHIP
from eideploy.options import Count, Folder, Option, PathLike, Request
from eideploy.options.choices import Form, Pool, Split, ZeroPolicy

DIVISIONS = ("exact", "lut:8x8", "lut:4x6", "pwl:4x12", "shift2", "mitchell", "shift", "constant")
TARGET = "digital-model"
NAMED, OWN = "on runs of data sets that are not bundled", "on runs of data of your own"
LISTED = Option(metavar="A,B,...", commas=True)
FACTORS = Option(
    metavar="X,Y,...", commas=True, takes="list of numbers above 0", check=lambda x: 0 < x < 1e6
)


@dataclass(frozen=True, kw_only=True)
class Sweep(Request):
    """Compare schemes, divisions and policies over runs.

    Examples:
      eideploy sweep
      eideploy sweep runs/a runs/b --schemes int8,int4 --divisions lut:8x8,shift
      eideploy sweep --contrast 0.4,0.6,0.8,1,1.4 --out sweeps/mine
    """

    runs: Annotated[Sequence[PathLike], Option(metavar="RUN")] = field(default=(), kw_only=False)
    """Runs to average over, e.g. of several seeds (default: the latest)."""
    schemes: Annotated[Sequence[PathLike], LISTED] = ()
    """Number formats, by name or file (default: the shipped ones that the chip's memory holds)."""
    divisions: Annotated[Sequence[str], LISTED] = DIVISIONS
    """Divisions, as for --division (default: one or two of every method)."""
    policies: Annotated[Sequence[ZeroPolicy], LISTED] = ("minimum",)
    """What replaces a zero divisor: minimum, floor (default: minimum)."""
    inhibitions: Annotated[Sequence[Form], LISTED] = ("factored",)
    """Forms of the layers: factored, folded, auto (default: factored)."""
    contrast: Annotated[Sequence[float], FACTORS] = ()
    """Also measure the accuracy on inputs scaled by these factors."""
    baseline: Annotated[Sequence[PathLike], Option(metavar="RUN,...", commas=True)] = ()
    """With --contrast: batch-normalised runs to compare with."""
    target: Annotated[PathLike, CHIP] = TARGET
    """The target (default: digital-model)."""
    split: Split = "test"
    """Which samples (default: test)."""
    samples: Count | None = None
    """Use at most N samples."""
    jobs: Count = 0
    """Number of processes (default: one per processor)."""
    backend: Annotated[Pool, Option(metavar="NAME")] = "loky"
    """The joblib backend: loky (default), threading, dask or ray."""
    data_dir: Annotated[Folder | None, Option(where=NAMED)] = None
    """The folder of the data sets that are not bundled, each in a folder of its own."""
    data: Annotated[PathLike | None, Option(metavar="PATH", where=OWN)] = None
    """Where your own data is now, if it has moved since training."""
    out: Annotated[PathLike | None, Option(metavar="SWEEP")] = None
    """New folder (default: numbered), or that of a sweep to continue."""
