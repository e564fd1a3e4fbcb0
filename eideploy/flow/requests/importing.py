"""What import is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import GRAPH, FromGraph
from eideploy.options import Area, Option, PathLike

PUBLISHED = "on a checkpoint of the paper's published code"


@dataclass(frozen=True, kw_only=True)
class Import(FromGraph):
    """Turn a published checkpoint, a graph of another tool, or a run's best epoch, into a run.

    Examples:
      eideploy import CIFAR10-VGG16.pth
      eideploy import CKPT.pth --size 32x32 --out runs/my-run
      eideploy import net.nir --steps 8 --input-high 1
    """

    checkpoint: Annotated[PathLike, Option(metavar=f"CKPT|{GRAPH}")] = field(kw_only=False)
    """A .pth file, a folder of model.safetensors and config.json (or that file), a graph, or
    RUN/best.safetensors."""
    size: Annotated[Area, Option(where=PUBLISHED)] = ""
    """Height and width of a checkpoint's input, if it is not the published size."""
    out: Annotated[PathLike | None, Option(metavar="RUN")] = None
    """New folder (default: numbered)."""
