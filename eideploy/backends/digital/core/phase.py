"""What the phases of the core have in common.

A phase is a state machine whose attributes are registers. `issue` is one cycle and returns the
operation that enters the pipeline, or None; `retire` is what that operation does as it leaves it,
`drain` cycles later. It takes effect at once there, which is what forwarding amounts to.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from eideploy.backends.digital.core.layout import Memories
from eideploy.backends.digital.core.scan import Word
from eideploy.backends.digital.program import Program, Stage
from eideploy.circuit import Layer

Operation = Any  # the fields that travel down a phase's pipeline


@dataclass(kw_only=True)
class Core:
    """What the phases of one stage in one time step share.

    at         the time step, from 0
    port       the words of this time step that were not yet taken, (y, x, channel, value)
    divisible  a DEN is positive
    least      the minimum register; None stands for all ones
               both are as a stage before may have left them, until setup
    kept_divisible  what `divisible` was of the sums that a static stage keeps
    logits     what was put out
    """

    program: Program
    memories: Memories
    stage: Stage
    at: int
    port: list[Word]
    divisible: bool = True
    kept_divisible: bool = False
    kept_least: int | None = None
    least: int | None = 1
    logits: list[int] = field(default_factory=list)

    @property
    def is_first(self) -> bool:
        """Whether it is the first time step, before which all is at rest."""
        return self.at == 0

    @property
    def is_last(self) -> bool:
        """Whether it is the last time step."""
        return self.at == self.program.circuit.steps - 1

    @property
    def has_sums(self) -> bool:
        """Whether its sums are there already: those of the first time step."""
        return self.stage.is_static and not self.is_first

    @property
    def lanes(self) -> int:
        """P."""
        return self.program.target.core.lanes

    @property
    def layer(self) -> Layer:
        """The stage's layer."""
        return self.program.layer(self.stage)


class Phase:
    """A state of the core; `drain` is the depth of its pipeline."""

    name: ClassVar[str]

    def __init__(self, core: Core, *, drain: int, done: bool = False) -> None:
        self.core, self.drain, self.done = core, drain, done

    def issue(self) -> Operation | None:
        """Advance one cycle and return what enters the pipeline."""

    def retire(self, operation: Operation) -> None:
        """Do what an operation does as it leaves the pipeline."""


class Setup(Phase):
    """Reads the program entry and clears `divisible` and the minimum register; issues nothing."""

    name = "setup"

    def __init__(self, core: Core) -> None:
        super().__init__(core, drain=core.program.target.latency.setup, done=True)
        kept = core.has_sums
        core.divisible = kept and core.kept_divisible
        core.least = core.kept_least if kept else None
