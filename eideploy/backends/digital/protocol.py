"""What a family of integer programs offers beyond any other: what the jobs of this folder ask."""

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from eideploy.backends.protocol import Family
from eideploy.emitted import Emitted

if TYPE_CHECKING:
    from eideploy.backends.digital.program import Program
    from eideploy.backends.executor import Executor
    from eideploy.circuit import Circuit
    from eideploy.target import Target


class ProgramFamily(Family["Target"]):
    """A family whose builds are integer programs.

    Attributes:
        writes: formats whose files stand among its own.
        has_core: whether its programs are placed on a core, which can be cut to a network and put
            on a board.
    """

    writes: ClassVar[Sequence[str]] = ()
    has_core: ClassVar[bool] = True

    @property
    @abstractmethod
    def files(self) -> Sequence[Emitted]:
        """What `emit` writes, and what checks each."""

    @abstractmethod
    def emit(self, program: "Program", folder: Path) -> None:
        """Write the files of a program into a folder; of the same program the same bytes."""

    @abstractmethod
    def place(self, circuit: "Circuit", target: "Target") -> "Program":
        """Return the program of an integer circuit; refuse with CapacityError what does not fit."""

    @abstractmethod
    def lay_out(self, circuit: "Circuit", target: "Target") -> "Program":
        """Return what `place` does, whether or not it fits."""

    @abstractmethod
    def resources(self, program: "Program") -> str:
        """Say what a program takes of its target."""

    def checking(self, executors: "Sequence[Executor]") -> "Sequence[Executor]":
        """Return those of the programs that run files of its builds."""
        return executors
