"""What compile is asked for; the backends declare what is theirs."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.backends.digital.options import Digital
from eideploy.backends.dynapse2.options import Dynapse2
from eideploy.flow.requests.importing import Reading
from eideploy.flow.requests.shared import TARGET, FromDataSet
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Compile(Dynapse2, Digital, FromDataSet):
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
