"""What report is asked for of any build or run; what a backend may be asked, it declares itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Folder, Option, PathLike

KEPT = "where a report is written, without --text"


@dataclass(frozen=True, kw_only=True)
class Report(FromDataSet):
    """Write a report on a build or a run: report.html and report.json.

    Examples:
      eideploy report
      eideploy report builds/my-build --out my-report
      eideploy report runs/my-run --figures figures --format svg,pdf
      eideploy report --text --synth
    """

    folder: Annotated[PathLike | None, Option(metavar="BUILD|RUN")] = field(
        default=None, kw_only=False
    )
    """The build or run (default: the latest build, else the latest run)."""
    out: Annotated[Folder | None, Option(where=KEPT)] = None
    """Where to write them (default: into BUILD|RUN)."""
    figures: Annotated[Folder | None, Option(where=KEPT)] = None
    """Also write every figure of the report into this folder, as a file of its own."""
    format: Annotated[
        Sequence[Literal["svg", "pdf", "png"]], Option(metavar="A,B,...", commas=True, where=KEPT)
    ] = ()
    """Formats of these files: svg, pdf, png (default: svg)."""
