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
      eideploy sweep runs/a runs/b --schemes int8,int4 --divisions lut:8x8,shift --jobs 4
      eideploy sweep --contrast 0.4,0.6,0.8,1,1.4 --out sweeps/mine
    """

    runs: Annotated[Sequence[PathLike], Option(metavar="RUN")] = field(default=(), kw_only=False)
    """Runs whose means are taken, of several seeds, say (default: the latest)."""
    schemes: Annotated[Sequence[PathLike], LISTED] = ()
    """Names or files (default: all that are shipped)."""
    divisions: Annotated[Sequence[str], LISTED] = DIVISIONS
    """As --division takes them (default: one or two of every method)."""
    policies: Annotated[Sequence[ZeroPolicy], LISTED] = ("minimum",)
    """What replaces a zero divisor, each tried: minimum, floor (default: minimum)."""
    inhibitions: Annotated[Sequence[Form], LISTED] = ("factored",)
    """Forms of a layer: factored, folded, auto (default: factored)."""
    contrast: Annotated[Sequence[float], FACTORS] = ()
    """Also the accuracy on inputs times these factors."""
    baseline: Annotated[Sequence[PathLike], Option(metavar="RUN,...", commas=True)] = ()
    """Batch-normalised runs beside the contrasts."""
    target: Annotated[PathLike, CHIP] = TARGET
    """The chip (default: digital-model)."""
    split: Split = "test"
    """Which samples (default: test)."""
    samples: Count | None = None
    """At most so many."""
    jobs: Count = 0
    """Processes (default: one a processor)."""
    backend: Annotated[Pool, Option(metavar="NAME")] = "loky"
    """Joblib's: loky (default), threading, dask, ray."""
    data_dir: Annotated[Folder | None, Option(where=NAMED)] = None
    """Where the data sets that are not bundled lie, each in its own folder."""
    data: Annotated[PathLike | None, Option(metavar="PATH", where=OWN)] = None
    """Where data of your own lie now, if no longer where they were trained on."""
    out: Annotated[PathLike | None, Option(metavar="SWEEP")] = None
    """New folder (default: numbered), or that of a sweep to go on with."""
