"""What simulate is asked for of any build; what an executor may be asked, its backend declares."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from eideploy.backends.catalogue import EXECUTORS
from eideploy.flow.requests.shared import WITH_INPUT, WITHOUT_INPUT, FromDataSet
from eideploy.options import Count, Option, PathLike, as_path
from eideploy.options.choices import Split

BUILD = Option(metavar="RUN|BUILD")


@dataclass(frozen=True, kw_only=True)
class OnSamples(FromDataSet):
    """Samples to run, and where the results go."""

    samples: Count | None = None
    """Use the first N samples (default: all)."""
    split: Annotated[Split | None, Option(where=WITHOUT_INPUT)] = None
    """Which samples of the network's own data set (default: test)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy")] = None
    """Samples of your own, (B, C, H, W) or (B, T, C, H, W), in the network's input range."""
    labels: Annotated[PathLike | None, Option(metavar="Y.npy", where=WITH_INPUT)] = None
    """The classes of these samples, as numbers or names (B,), for the accuracy."""
    save: Annotated[PathLike | None, Option(metavar="OUT.npz")] = None
    """Write logits (B, classes)."""

    @property
    def files(self) -> tuple[Path | None, ...]:
        """What is read, which no result may replace."""
        return tuple(map(as_path, (self.input, self.labels, self.data)))


@dataclass(frozen=True, kw_only=True)
class Simulate(OnSamples):
    """Simulate a build beside the float network.

    Examples:
      eideploy simulate --lut 8bit
      eideploy simulate --division shift --split all
      eideploy simulate --input x.npy --labels y.npy
      eideploy simulate builds/my-build --input x.npy --save trace.npz --trace
    """

    build: Annotated[PathLike | None, BUILD] = field(default=None, kw_only=False)
    """A build, or a run to compile on the fly (default: the latest build, else run)."""
    executor: Annotated[str | None, Option(metavar="NAME", offered=EXECUTORS)] = None
    """What runs it (default: the first one that the build's backend offers)."""
