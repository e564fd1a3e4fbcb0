"""What import is asked for, and how a NIR file of another tool is read."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.options import Count, Option, PathLike, Positive, Request
from eideploy.options.choices import Reset

FOREIGN = "on a NIR file that another tool wrote"


@dataclass(frozen=True, kw_only=True)
class Reading(Request):
    """What a NIR file of another tool does not say."""

    heading = "NIR files of other tools"
    steps: Annotated[Count | None, Option(metavar="T", where=FOREIGN)] = None
    """Time steps of a sample, as it was trained."""
    dt: Annotated[Positive | None, Option(metavar="SECONDS", where=FOREIGN)] = None
    """Seconds in a time step (default: what the file says, else 1e-4)."""
    input_high: Annotated[Positive | None, Option(metavar="X", where=FOREIGN)] = None
    """Largest value of an input (default: 1)."""
    reset: Annotated[
        Reset | None, Option(words={"soft": "subtract", "hard": "zero"}, where=FOREIGN)
    ] = None
    """Of a membrane that fires: by the threshold (soft), or to zero (hard, as NIR says)."""
    nearest_tau: Annotated[bool, Option(where=FOREIGN)] = False
    """Take the nearest power of two for a time constant, instead of refusing it."""


@dataclass(frozen=True, kw_only=True)
class Import(Request):
    """Turn a checkpoint of the paper's published code, or a NIR file of any tool, into a run."""

    checkpoint: Annotated[PathLike, Option(metavar="CKPT|GRAPH.nir")] = field(kw_only=False)
    """A .pth file, a model.safetensors with its config.json beside it, or a .nir file."""
    reading: Reading | None = None
    """What a NIR file of another tool does not say."""
    out: Annotated[PathLike | None, Option(metavar="RUN")] = None
    """New folder (default: numbered)."""
