"""What data is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.options import Area, Count, Option, PathLike, Request
from eideploy.options.choices import Framing

RECORDED = "on event recordings"


@dataclass(frozen=True, kw_only=True)
class ListData(Request):
    """List the known data sets, or check data of your own."""


@dataclass(frozen=True, kw_only=True)
class CheckData(Request):
    """Describe data of your own: samples, classes, values, and the network that suits it.

    Examples:
      eideploy data check mine.npz
      eideploy data check pets --size 32x32 --sheet pets.png
      eideploy data check gestures --sensor 128x128 --steps 16
    """

    path: Annotated[PathLike, Option(metavar="PATH")] = field(kw_only=False)
    """A file or a folder (docs/data.md)."""
    size: Area = ""
    """Resize the samples, as data.size does in training."""
    sensor: Annotated[Area, Option(where=RECORDED)] = ""
    """The sensor size of the camera that made event recordings."""
    framing: Annotated[Framing, Option(where=RECORDED)] = "time"
    """Cut them into frames of equal length (time, default) or with equally many events (number)."""
    steps: Annotated[Count | None, Option(metavar="T", where=RECORDED)] = None
    """How many frames to cut each recording into (default: 10)."""
    sheet: Annotated[PathLike | None, Option(metavar="OUT.png|OUT.svg")] = None
    """Draw the first samples of each class."""
