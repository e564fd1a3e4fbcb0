"""What simulate is asked for, and which of it belongs to which executor."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.backends.dividing import LUT, METHOD, Dividing, Division
from eideploy.errors import UsageError
from eideploy.flow.requests.shared import WITHOUT_INPUT, FromDataSet
from eideploy.options import Count, Option, PathLike, Request
from eideploy.options.choices import Executor, Form, Split

PROGRAM = "with --executor integer, onnx or rtl"
COMPILED = "on a run, which is compiled in passing, with --executor integer, onnx or rtl"
TRACING = "with --executor integer or float"
DPI = "with --executor dpi"
DPI_ON_SPLIT = "with --executor dpi, without --input"
BUILD = Option(metavar="RUN|BUILD")


@dataclass(frozen=True, kw_only=True)
class OnProgram(Dividing):
    """Options of the executors that run the integer program."""

    heading = "executors integer, onnx and rtl, which run the program"
    lut: Annotated[str | None, LUT, Option(where=PROGRAM)] = None
    """Divide by a table of 2^N entries of N (or M) bits (default: as the build does)."""
    division: Annotated[Division | None, METHOD, Option(where=PROGRAM)] = None
    """Divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant."""
    inhibition: Annotated[Form | None, Option(where=COMPILED)] = None
    """Compile a run with the inhibitory population of every layer, with it folded into the weights,
    or for each layer as takes the target fewer cycles (default: factored; a build has its own)."""


@dataclass(frozen=True, kw_only=True)
class OnChip(Request):
    """Options of the executor that simulates a mixed-signal chip."""

    heading = "executor dpi, which simulates a mixed-signal chip"
    chips: Annotated[Count | None, Option(where=DPI)] = None
    """How many chips of each mismatch are drawn (default: 5)."""
    calibrate: Annotated[Count, Option(name="calibrate-chips", metavar="K", where=DPI_ON_SPLIT)] = 0
    """Also weigh each chip's outputs by K training samples a class."""


@dataclass(frozen=True, kw_only=True)
class OnSamples(FromDataSet):
    """Samples to run, and where the results go."""

    samples: Count | None = None
    """The first N (default: all)."""
    split: Annotated[Split | None, Option(where=WITHOUT_INPUT)] = None
    """Which samples of the network's own data set (default: test)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy")] = None
    """Samples of your own, (B, C, H, W) or (B, T, C, H, W), in the network's input range."""
    save: Annotated[PathLike | None, Option(metavar="OUT.npz")] = None
    """Write logits (B, classes)."""


@dataclass(frozen=True, kw_only=True)
class Simulate(OnChip, OnProgram, OnSamples):
    """Simulate a build beside the float network.

    Examples:
      eideploy simulate --lut 8bit
      eideploy simulate --division shift --split all
      eideploy simulate builds/my-build --input x.npy --save trace.npz --trace
    """

    build: Annotated[PathLike | None, BUILD] = field(default=None, kw_only=False)
    """A build, or a run to compile in passing (default: the latest build, else run)."""
    executor: Executor = "integer"
    """What runs it: integer (default), the program beside the float network; float, that alone;
    onnx, the program in onnxruntime, too, logit by logit; rtl, the core in Verilator, too, cycle by
    cycle; dpi, a mixed-signal chip as a build configures it, with mismatch."""
    trace: Annotated[bool, Option(where=TRACING)] = False
    """Write spikes and currents of every layer, too."""

    def __post_init__(self) -> None:
        """Refuse a trace that goes nowhere, beside what any request refuses.

        Raises:
            UsageError: naming the option.
        """
        super().__post_init__()
        if self.trace and self.save is None:
            raise UsageError(
                "a trace has to go somewhere",
                where="--trace",
                fix="name a file with --save trace.npz",
            )


@dataclass(frozen=True, kw_only=True)
class SimulateChip(OnChip, OnSamples):
    """Run samples through the mixed-signal chip that a build configures."""

    build: Annotated[PathLike | None, BUILD] = field(default=None, kw_only=False)
    """A build for a mixed-signal chip (default: the latest)."""
