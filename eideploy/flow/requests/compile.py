"""What compile is asked for of any target; what a backend may be asked, it declares itself."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import GRAPH, TARGET, FromDataSet, FromGraph
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Compile(FromGraph, FromDataSet):
    """Compile a run for a target into a build folder.

    Examples:
      eideploy compile --target digital --lut 8bit
      eideploy compile runs/my-run --target cortex-m4
      eideploy compile --emit onnx --emit c
      eideploy compile net.nir --steps 8 --calibrate-on images.npy
    """

    run: Annotated[PathLike | None, Option(metavar=f"RUN|{GRAPH}")] = field(
        default=None, kw_only=False
    )
    """The run (default: the latest), or a graph of any tool."""
    target: Annotated[PathLike, TARGET] = "digital"
    """The target or board (default: digital); eideploy targets and eideploy board list them."""
    out: Annotated[PathLike | None, Option(metavar="BUILD")] = None
    """New folder (default: numbered)."""
