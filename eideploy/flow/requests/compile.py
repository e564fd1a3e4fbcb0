"""What compile is asked for of any target; what a backend may be asked, it declares itself."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.importing import Reading
from eideploy.flow.requests.shared import TARGET, FromDataSet
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Compile(FromDataSet):
    """Compile a run for a target into a build folder."""

    run: Annotated[PathLike | None, Option(metavar="RUN|GRAPH.nir")] = field(
        default=None, kw_only=False
    )
    """The run (default: the latest), or a NIR file of any tool."""
    target: Annotated[PathLike, TARGET] = "digital"
    """The chip (default: digital)."""
    reading: Reading | None = None
    """What a NIR file of another tool does not say."""
    out: Annotated[PathLike | None, Option(metavar="BUILD")] = None
    """New folder (default: numbered)."""
