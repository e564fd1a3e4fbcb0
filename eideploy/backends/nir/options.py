"""What may be asked of NIR files, and what the dialects of ours are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal, get_args

from eideploy.backends.nir.conventions import Tool
from eideploy.options import Count, Option, PathLike, Positive, Request
from eideploy.options.choices import Reset

Dialect = Literal["ei", "folded", "plain"]
Reader = Literal["snntorch", "spikingjelly", "norse", "sinabs", "rockpool", "snn-mlir"]
READERS: tuple[Reader, ...] = get_args(Reader)
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
FOREIGN = "on a NIR file that another tool wrote"
EMITS = "with --emit nir"


def file_of(dialect: Dialect) -> str:
    """Return the name of a dialect's file in a build."""
    return "model.nir" if dialect == "ei" else f"model.{dialect}.nir"


def file_for(reader: Reader) -> str:
    """Return the name of the file for a reader in a build."""
    return f"model.{reader}.nir"


@dataclass(frozen=True, kw_only=True)
class Reading(Request):
    """What a NIR file of another tool does not say."""

    heading = "NIR files of other tools"
    tool: Annotated[Tool | None, Option(name="from", where=FOREIGN)] = None
    """The tool that wrote it, whose convention is taken (docs/nir.md); nir: NIR's own equations."""
    steps: Annotated[Count | None, Option(metavar="T", where=FOREIGN)] = None
    """Time steps per sample, as in training."""
    dt: Annotated[Positive | None, Option(metavar="SECONDS", where=FOREIGN)] = None
    """Length of a time step in seconds (default: what the file says, else its tool's)."""
    input_high: Annotated[Positive | None, Option(metavar="X", where=FOREIGN)] = None
    """Largest value of an input (default: 1)."""
    reset: Annotated[
        Reset | None, Option(words={"soft": "subtract", "hard": "zero"}, where=FOREIGN)
    ] = None
    """Reset a membrane that fires by subtracting the threshold (soft) or to v_reset (hard, as NIR
    defines it) (default: as its tool does)."""
    assume: Annotated[
        Mapping[str, object], Option(metavar="KEY=VALUE", where=FOREIGN, once=True)
    ] = field(default_factory=dict)
    """Change an entry of the convention, e.g. fires=reached (docs/nir.md); may be repeated."""
    expect: Annotated[PathLike | None, Option(metavar="OUTPUTS.npz", where=FOREIGN)] = None
    """Compare with what the tool itself computes: x, and rates, spikes or logits."""
    nearest_tau: Annotated[bool, Option(where=FOREIGN)] = False
    """Round time constants to the nearest power of two instead of refusing them."""


@dataclass(frozen=True, kw_only=True)
class Graph(Request):
    """How a NIR file is read."""

    reading: Reading | None = None
    """What a NIR file of another tool does not say."""


@dataclass(frozen=True, kw_only=True)
class Writing(Request):
    """Which NIR files are written beside a build."""

    heading = "NIR files beside a build"
    nir_dialect: Annotated[Sequence[Dialect], Option(where=EMITS)] = ()
    """With --emit nir: ei (default), all populations; folded, numerator and denominator; plain, an
    ordinary network that divides by constants, for any NIR tool."""
    nir_for: Annotated[Sequence[Reader], Option(where=EMITS)] = ()
    """With --emit nir: the plain network as that program reads it, in a file of its own; may be
    repeated."""
    nir_compat: Annotated[Literal["1.0.4"] | None, Option(where=EMITS)] = None
    """With --emit nir: write for that release of nir, which cannot read newer files."""
