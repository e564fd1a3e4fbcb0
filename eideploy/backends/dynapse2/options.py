"""What the jobs are asked for beside what they ask of every family."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.simulate import BUILD, OnSamples
from eideploy.options import Count, Option, PathLike, Positive, Request
from eideploy.options.choices import Dendrite, Monitor

MIXED = "for a mixed-signal target, as dynapse2"
DPI = "with --executor dpi"
DPI_ON_SPLIT = "with --executor dpi, without --input"


@dataclass(frozen=True, kw_only=True)
class Compiling(Request):
    """How a run is mapped on the chip."""

    heading = "mixed-signal targets, e.g. dynapse2"
    adapt: Annotated[bool, Option(where=MIXED)] = True
    """Refuse a run that was not trained for the chip instead of adapting it."""
    monitor: Annotated[Monitor | None, Option(where=MIXED)] = None
    """Which neurons' spikes the host sees (default: all that can be sent)."""
    defects: Annotated[PathLike | None, Option(metavar="FILE.json", where=MIXED)] = None
    """Also leave out what a map says, as board characterise or board tune write it."""


@dataclass(frozen=True, kw_only=True)
class Simulating(Request):
    """Options of the executor that simulates a mixed-signal chip."""

    heading = "executor dpi, which simulates a mixed-signal chip"
    chips: Annotated[Count | None, Option(where=DPI)] = None
    """How many boards to emulate, and chips to draw for each mismatch (default: 5)."""
    tune: Annotated[bool, Option(name="tune-boards", where=DPI_ON_SPLIT)] = False
    """Also tune each board's biases, and scale its outputs, by training samples without labels."""
    bias_error: Annotated[Positive | None, Option(where=DPI, metavar="CV")] = None
    """Common error of each bias on each core of an emulated board (default: 0.2)."""
    events: Annotated[PathLike | None, Option(name="write-events", where=DPI, metavar="CSV")] = None
    """Also write the samples' events as load.py run sends them to a board."""
    dendrite: Annotated[Dendrite | None, Option(where=DPI)] = None
    """Equation of the dendrites: the DPI's own, or linear (default: full)."""
    calibrate: Annotated[Count, Option(name="calibrate-chips", metavar="K", where=DPI_ON_SPLIT)] = 0
    """Also calibrate each chip's readout on K training samples per class."""


@dataclass(frozen=True, kw_only=True)
class SimulateChip(Simulating, OnSamples):
    """Run samples through the mixed-signal chip that a build configures."""

    build: Annotated[PathLike | None, BUILD] = field(default=None, kw_only=False)
    """A build for a mixed-signal chip (default: the latest)."""
