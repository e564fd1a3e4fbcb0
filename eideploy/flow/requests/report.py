"""What report is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Count, Folder, Option, PathLike
from eideploy.options.choices import Family

PROGRAM = "on a build for a digital target, which eideploy compile makes of a run"
WRITTEN = "on a build for a digital target, without --text"
KEPT = "where a report is written, without --text"


@dataclass(frozen=True, kw_only=True)
class Report(FromDataSet):
    """Write report.html and report.json of a build or a run.

    Examples:
      eideploy report
      eideploy report builds/my-build --out my-report
      eideploy report runs/my-run
      eideploy report --text --synth
    """

    folder: Annotated[PathLike | None, Option(metavar="BUILD|RUN")] = field(
        default=None, kw_only=False
    )
    """The build or run (default: the latest build, else the latest run)."""
    out: Annotated[Folder | None, Option(where=KEPT)] = None
    """Where to write them (default: into BUILD|RUN)."""
    text: Annotated[bool, Option(where=PROGRAM)] = False
    """Only set the build's dividers side by side, as text; write nothing."""
    verify: Annotated[bool, Option(where=WRITTEN)] = False
    """Run the core in Verilator also where its simulator is to be built first (a minute)."""
    synth: Annotated[Family | None, Option(alone="ecp5", where=PROGRAM)] = None
    """Synthesise the core with each divider by yosys, minutes each (alone: for ecp5)."""
    fmax: Annotated[bool, Option(where=PROGRAM)] = False
    """With --synth ecp5: place and route it by nextpnr, its memories as deep as needed."""
    samples: Annotated[Count | None, Option(where=PROGRAM)] = None
    """The first N of the test split (default: 512, of large networks fewer)."""
    input: Annotated[PathLike | None, Option(metavar="X.npy", where=PROGRAM)] = None
    """Samples of your own."""
    neurobench: Annotated[bool, Option(where=PROGRAM)] = False
    """Add what NeuroBench's harness counts of the program, checked by our own counters."""
