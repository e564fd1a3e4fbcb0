"""What a compilation for a mixed-signal chip is asked for beside the target."""

from dataclasses import dataclass
from typing import Annotated

from eideploy.options import Option, Request
from eideploy.options.choices import Monitor

MIXED = "for a mixed-signal target, as dynapse2"


@dataclass(frozen=True, kw_only=True)
class Dynapse2(Request):
    """Options of the backend of DYNAP-SE2."""

    heading = "mixed-signal targets, as dynapse2"
    adapt: Annotated[bool, Option(where=MIXED)] = True
    """Refuse a run that was not trained for the chip, instead of adapting it."""
    monitor: Annotated[Monitor | None, Option(where=MIXED)] = None
    """Whose spikes the host sees (default: all that can be sent)."""
