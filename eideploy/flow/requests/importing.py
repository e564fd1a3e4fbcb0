"""What import is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import GRAPH, FromGraph
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Import(FromGraph):
    """Turn a checkpoint of the paper's published code, or a graph of another tool, into a run."""

    checkpoint: Annotated[PathLike, Option(metavar=f"CKPT|{GRAPH}")] = field(kw_only=False)
    """A .pth file, a model.safetensors with its config.json beside it, or a graph."""
    out: Annotated[PathLike | None, Option(metavar="RUN")] = None
    """New folder (default: numbered)."""
