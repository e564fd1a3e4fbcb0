"""What predict is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from eideploy.backends.catalogue import EXECUTORS
from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Count, Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Predict(FromDataSet):
    """Classify samples, with scores.

    Examples:
      eideploy predict x.npy
      eideploy predict runs/my-run picture.png pictures/ --executor float
      eideploy predict builds/my-build x.npz --json
    """

    files: Annotated[Sequence[PathLike], Option(metavar="FILE", repeats=True)] = field(
        kw_only=False
    )
    """The build or run (default: the latest build, else run), then images (.png, .jpg), arrays
    (.npy, .npz, .h5) with the value range of the training data, recordings (as these, .aedat4,
    .raw, .dat) where the network was trained on such, or folders of all these."""
    executor: Annotated[str | None, Option(metavar="NAME", offered=EXECUTORS)] = None
    """What runs it (default: the first one that the build's backend offers)."""
    top: Count = 3
    """How many classes to show for each sample, highest scores first (default: 3)."""
