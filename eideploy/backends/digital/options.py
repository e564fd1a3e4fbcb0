"""What the jobs are asked for beside what they ask of every family."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from eideploy.backends import formats
from eideploy.backends.catalogue import EMITTED
from eideploy.backends.dividing import LUT, METHOD, Dividing, Division
from eideploy.errors import UsageError
from eideploy.options import Count, Option, PathLike, Request
from eideploy.options.choices import Family, Form, ZeroPolicy
from eideploy.options.idle import joined

DIGITAL = "for a digital target"
BOARD, WHOLE = "for a board", "for a digital target that is no board"
RUNNING = "integer", *formats.executors(), "rtl"  # the executors that run the program
PROGRAM = f"with --executor {joined(RUNNING, 'or')}"
ON_BOARD = "with --executor board"
COMPILED = f"on a run, which is compiled in passing, {PROGRAM}"
TRACING = "with --executor integer or float"
DIGITAL_BUILD = "on a build for a digital target"
BUILT = "on a build for a digital target, which eideploy compile makes of a run"
STUDIED = "on a build for a digital target or a microcontroller"
WRITTEN = "on a build for a digital target, without --text"
DIVIDES = "for a digital target, on a network with shunting inhibition"


@dataclass(frozen=True, kw_only=True)
class Compiling(Dividing):
    """How a run becomes a program of the digital core."""

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
    """Keep the inhibitory population of every layer (default), fold it into the weights, or choose
    for each layer what takes fewer cycles, or instructions (auto; default of a microcontroller)."""
    fit: Annotated[bool, Option(where=WHOLE)] = False
    """Trim the core to the network: no larger memories, widths and parts than it needs."""
    module: Annotated[str | None, Option(metavar="NAME", where=WHOLE)] = None
    """What the names of the core's modules begin with, so that cores of two networks fit into one
    design (default: eideploy)."""
    lanes: Annotated[Count | None, Option(where=BOARD)] = None
    """How many weights the core multiplies at once (default: the fastest number that fits)."""
    latency: Annotated[str | None, Option(metavar="TIME", where=BOARD)] = None
    """Take the smallest core whose mean inference takes at most this time, e.g. 0.5ms."""
    calibration_samples: Annotated[Count | None, Option(where=DIGITAL)] = None
    """How many samples to calibrate on (default: 256 of the training split, or all of your own)."""
    calibrate_on: Annotated[PathLike | None, Option(metavar="SAMPLES.npy", where=DIGITAL)] = None
    """Calibrate on your own samples."""
    emit: Annotated[Sequence[str], Option(offered=EMITTED, where=DIGITAL)] = ()
    """Also write these files."""
    verbose: Annotated[bool, Option(short="v", where=DIGITAL)] = False
    """Print what every pass changed and how wide every number can get."""

    @property
    def latency_ms(self) -> float | None:
        """The latency that is asked for, in milliseconds.

        Raises:
            UsageError: it is no time.
        """
        if self.latency is None:
            return None
        parts = re.fullmatch(r"(\d+(?:\.\d+)?) ?(us|ms|s)", self.latency)
        if not parts or float(parts[1]) == 0:
            raise UsageError(
                f"{self.latency!r} is not a time",
                where="--latency",
                fix="write a number and us, ms or s, e.g. --latency 0.5ms",
            )
        return float(parts[1]) * {"us": 1e-3, "ms": 1, "s": 1e3}[parts[2]]


@dataclass(frozen=True, kw_only=True)
class Running(Dividing):
    """Options of the executors that run the integer program."""

    heading = f"executors that run the program: {joined((*RUNNING, 'board'))}"
    lut: Annotated[str | None, LUT, Option(where=PROGRAM)] = None
    """Divide by a table of 2^N entries of N (or M) bits (default: as the build does)."""
    division: Annotated[Division | None, METHOD, Option(where=PROGRAM)] = None
    """Divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant."""
    inhibition: Annotated[Form | None, Option(where=COMPILED)] = None
    """Compile a run with the inhibitory population of every layer, with it folded into the
    weights, or choose for each layer what takes fewer cycles (default: factored; a build
    has its own)."""
    port: Annotated[str | None, Option(metavar="PORT", where=ON_BOARD)] = None
    """The board's serial line, e.g. /dev/ttyUSB0."""
    emulate: Annotated[bool, Option(where=ON_BOARD)] = False
    """Run the board in Verilator instead: all of it, from the pins of its serial line."""


@dataclass(frozen=True, kw_only=True)
class Traced(Request):
    """What a simulation writes beside its logits."""

    trace: Annotated[bool, Option(where=TRACING)] = False
    """Also write spikes and currents of every layer."""


@dataclass(frozen=True, kw_only=True)
class Simulating(Running, Traced):
    """How a build is simulated."""

    def __post_init__(self) -> None:
        """Refuse a trace that goes nowhere, beside what any request refuses.

        Raises:
            UsageError: naming the option.
        """
        super().__post_init__()
        if self.trace and getattr(self, "save", "") is None:
            raise UsageError(
                "--trace needs a file to write to",
                where="--trace",
                fix="name a file with --save trace.npz",
            )


@dataclass(frozen=True, kw_only=True)
class Verifying(Request):
    """Which samples a build is verified on."""

    samples: Annotated[Count | None, Option(where=DIGITAL_BUILD)] = None
    """The first N of the test split (default: 64)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy", where=DIGITAL_BUILD)] = None
    """Samples of your own, in the network's range."""
    rtl: Annotated[PathLike | None, Option(metavar="FOLDER", where=DIGITAL_BUILD)] = None
    """Verify SystemVerilog that you changed, instead of the build's files: run the core of a folder
    like the build's rtl/ in Verilator, on at most 16 samples without --samples."""


@dataclass(frozen=True, kw_only=True)
class Studying(Request):
    """Which samples a report is of."""

    samples: Annotated[Count | None, Option(where=STUDIED)] = None
    """The first N of the test split (default: 512, of large networks fewer)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy", where=STUDIED)] = None
    """Samples of your own."""


@dataclass(frozen=True, kw_only=True)
class Reporting(Studying):
    """What a report is of."""

    text: Annotated[bool, Option(where=BUILT)] = False
    """Only print the build's dividers side by side; write no files."""
    verify: Annotated[bool, Option(where=WRITTEN)] = False
    """Run the core in Verilator even if its simulator must be built first (a minute)."""
    synth: Annotated[Family | None, Option(alone="ecp5", where=BUILT)] = None
    """Synthesise the core with each divider in yosys, minutes each (without a value: for ecp5)."""
    fmax: Annotated[bool, Option(where=BUILT)] = False
    """With --synth ecp5: also cut it to the network, place and route it with nextpnr."""
    neurobench: Annotated[bool, Option(where=BUILT)] = False
    """Add the counts of NeuroBench's harness, checked against our own counters."""
