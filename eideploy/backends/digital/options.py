"""What a compilation for the digital core is asked for beside the target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from eideploy.backends.dividing import LUT, METHOD, Dividing, Division
from eideploy.options import Count, Option, PathLike
from eideploy.options.choices import Dialect, Extra, Form, ZeroPolicy

DIGITAL = "for a digital target"
DIVIDES = "for a digital target, on a network with shunting inhibition"
EMITS_NIR = "with --emit nir"


@dataclass(frozen=True, kw_only=True)
class Digital(Dividing):
    """Options of the backend of the digital core."""

    heading = "digital targets"
    scheme: Annotated[PathLike | None, Option(metavar="NAME|SCHEME.toml", where=DIGITAL)] = None
    """The number formats (default: what the run was fine-tuned for, else int8)."""
    lut: Annotated[str | None, LUT, Option(where=DIVIDES)] = None
    """Divide by a table of 2^N entries of N (or M) bits (default: what the run was fine-tuned for,
    else 8 by 8 bits)."""
    division: Annotated[Division | None, METHOD, Option(where=DIVIDES)] = None
    """Divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant."""
    zero_policy: Annotated[ZeroPolicy | None, Option(where=DIVIDES)] = None
    """What replaces a zero divisor: the layer's smallest positive one (default), or a calibrated
    constant."""
    inhibition: Annotated[Form | None, Option(where=DIVIDES)] = None
    """Keep the inhibitory population of every layer (default), fold it into the weights, or do for
    each layer what takes the target fewer cycles."""
    calibration_samples: Annotated[Count | None, Option(where=DIGITAL)] = None
    """How many samples to calibrate on (default: 256 of the training split, or all of your own)."""
    calibrate_on: Annotated[PathLike | None, Option(metavar="SAMPLES.npy", where=DIGITAL)] = None
    """Calibrate on samples of your own."""
    emit: Annotated[Sequence[Extra], Option(where=DIGITAL)] = ()
    """Write these files, too: nir, the float network; onnx, that and the integer program."""
    nir_dialect: Annotated[Sequence[Dialect], Option(where=EMITS_NIR)] = ()
    """With --emit nir: ei (default), all populations; folded, numerator and denominator; plain, an
    ordinary network that divides by constants, for any NIR tool."""
    nir_compat: Annotated[Literal["1.0.4"] | None, Option(where=EMITS_NIR)] = None
    """With --emit nir: write for that release of nir, which fails on newer files."""
    verbose: Annotated[bool, Option(short="v", where=DIGITAL)] = False
    """Say what every pass changed, and how wide every number can get."""
