"""What a family of integer programs offers beyond any other: what the jobs of this folder ask."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends.protocol import Family
from eideploy.emitted import Emitted
from eideploy.options.choices import Form

if TYPE_CHECKING:
    from eideploy.backends.digital.program import Program
    from eideploy.backends.executor import Executor
    from eideploy.circuit import Array, Circuit
    from eideploy.target import Target


class ProgramFamily(Family["Target"]):
    """A family whose builds are integer programs.

    Attributes:
        writes: formats whose files stand among its own.
        has_core: whether its programs are placed on a core, which can be cut to a network and put
            on a board.
        form: of the inhibition where none is asked for.
    """

    writes: ClassVar[Sequence[str]] = ()
    has_core: ClassVar[bool] = True
    form: ClassVar[Form] = "factored"

    @property
    @abstractmethod
    def files(self) -> Sequence[Emitted]:
        """What `emit` writes, and what checks each."""

    @abstractmethod
    def emit(self, program: "Program", folder: Path, content: Mapping[str, Any]) -> None:
        """Write the files of a program into a folder; of the same program the same bytes.

        Args:
            program: as it was compiled.
            folder: of the build.
            content: what its manifest says, or will.
        """

    @abstractmethod
    def place(self, circuit: "Circuit", target: "Target") -> "Program":
        """Return the program of an integer circuit; refuse with CapacityError what does not fit."""

    @abstractmethod
    def lay_out(self, circuit: "Circuit", target: "Target") -> "Program":
        """Return what `place` does, whether or not it fits."""

    def choose(self, program: "Program", samples: "Array") -> "Program":  # noqa: ARG002
        """Return a program whose layers are computed as takes least on samples (B, ...).

        Only a family with several ways to compute a layer overrides it, and `planned`.
        """
        return program

    def planned(self, program: "Program", plan: Mapping[str, Any]) -> "Program":  # noqa: ARG002
        """Return a program whose layers are computed as a manifest's plan says."""
        return program

    @abstractmethod
    def resources(self, program: "Program") -> str:
        """Say what a program takes of its target."""

    def checking(self, executors: "Sequence[Executor]") -> "Sequence[Executor]":
        """Return those of the programs that run files of its builds."""
        return executors
