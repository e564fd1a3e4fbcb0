"""What a family of integer programs offers beyond any other: what the jobs of this folder ask."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends.protocol import Family
from eideploy.emitted import Emitted
from eideploy.options.choices import Form

if TYPE_CHECKING:
    from eideploy.backends.digital.program import Plan, Program
    from eideploy.backends.executor import Executor
    from eideploy.circuit import Circuit
    from eideploy.execute.trace import Trace
    from eideploy.target import Target


class ProgramFamily(Family["Target"]):
    """A family whose builds are integer programs.

    Attributes:
        writes: formats whose files stand among its own.
        has_core: whether its programs are placed on a core, which can be cut to a network and put
            on a board.
        form: of the inhibition where none is asked for.
        holding: circumstances of options that are its own.
    """

    writes: ClassVar[Sequence[str]] = ()
    has_core: ClassVar[bool] = True
    form: ClassVar[Form] = "factored"
    holding: ClassVar[Sequence[str]] = ()

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
    def lay_out(
        self, circuit: "Circuit", target: "Target", plan: "Plan | None" = None
    ) -> "Program":
        """Return the program of an integer circuit, whether or not it fits.

        Args:
            circuit: the integer circuit.
            target: whose program it is.
            plan: how its layers are computed, of a family that plans.
        """

    @abstractmethod
    def require_fit(self, program: "Program") -> None:
        """Refuse with CapacityError a program that does not fit its target."""

    def choose(self, program: "Program", run: "Callable[[Circuit], Trace]") -> "Program":  # noqa: ARG002
        """Return a program whose layers are computed as takes least on samples.

        Only a family with several ways to compute a layer overrides it, and `read_plan`.

        Args:
            program: by no plan.
            run: returns what a circuit does with the samples of the calibration.
        """
        return program

    def read_plan(
        self,
        content: Mapping[str, Any],  # noqa: ARG002
        circuit: "Circuit",  # noqa: ARG002
        where: str,  # noqa: ARG002
    ) -> "Plan | None":
        """Return the plan of a circuit's layers that a manifest, `where`, says, if any."""
        return None

    @abstractmethod
    def resources(self, program: "Program") -> str:
        """Say what a program takes of its target."""

    def checking(self, executors: "Sequence[Executor]") -> "Sequence[Executor]":
        """Return those of the programs that run files of its builds."""
        return executors
