"""What check is asked for."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import GRAPH, TARGET, FromGraph
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class CheckNetwork(FromGraph):
    """List which parts of a network would compile, and which would not and why.

    Examples:
      eideploy check net.nir --from snntorch --steps 25
      eideploy check runs/my-run --target digital-model --json
    """

    network: Annotated[PathLike | None, Option(metavar=f"RUN|{GRAPH}")] = field(
        default=None, kw_only=False
    )
    """The run (default: the latest), or a graph of any tool."""
    target: Annotated[PathLike, TARGET] = "digital"
    """The target or board (default: digital); eideploy targets and eideploy board list them."""
