"""What verify is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import DIGITAL_BUILD, FromDataSet
from eideploy.options import Count, Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Verify(FromDataSet):
    """Run every file of a build in every program installed, and compare."""

    build: Annotated[PathLike | None, Option(metavar="BUILD")] = field(default=None, kw_only=False)
    """The build (default: the latest)."""
    samples: Annotated[Count | None, Option(where=DIGITAL_BUILD)] = None
    """The first N of the test split (default: 64)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy", where=DIGITAL_BUILD)] = None
    """Samples of your own, in the network's range."""
