"""The family of microcontrollers: integer programs as C."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends import c, formats
from eideploy.backends.c.format import C
from eideploy.backends.c.options import CONTROLLER, Room
from eideploy.backends.digital.family import Digital
from eideploy.backends.digital.options import Compiling, Running, Simulating, Studying, Verifying
from eideploy.backends.protocol import Family
from eideploy.emitted import Emitted
from eideploy.errors import UsageError
from eideploy.options import Request, composed, part_of
from eideploy.options.choices import Form

if TYPE_CHECKING:
    from eideploy.backends.c.controller import Controller
    from eideploy.backends.digital.program import Plan, Program
    from eideploy.backends.executor import Executor
    from eideploy.circuit import Circuit
    from eideploy.execute.trace import Trace
    from eideploy.flow.finding import Finding
    from eideploy.flow.requests.board import OfBuild
    from eideploy.flow.requests.compile import Compile
    from eideploy.flow.requests.report import Report
    from eideploy.flow.requests.sweep import Sweep
    from eideploy.flow.result import Reported, Result
    from eideploy.target import Target


class Microcontroller(Digital):
    """Microcontrollers. Their programs are those of a core, written as C instead of placed."""

    name = "c"
    kind = "a microcontroller"
    options: ClassVar[Mapping[str, type[Request]]] = {
        "compile": composed(Compiling, Room, *formats.emitting()),
        "simulate": Simulating,
        "predict": Running,
        "verify": Verifying,
        "report": Studying,
    }
    executors: ClassVar[Mapping[str, str]] = {
        name: line for name, line in Digital.executors.items() if name not in ("rtl", "board")
    }
    enables: ClassVar[Mapping[str, str]] = {}
    writes: ClassVar[Sequence[str]] = (C.name,)
    has_core: ClassVar[bool] = False
    form: ClassVar[Form] = "auto"
    holding: ClassVar[Sequence[str]] = (CONTROLLER,)

    def needs(self) -> "Iterable[Finding]":
        """Look for the compilers and emulators of microcontrollers."""
        from eideploy.backends.c.needs import needs

        return needs()

    @property
    def files(self) -> Sequence[Emitted]:
        """What `emit` writes, and what checks each."""
        return (
            Emitted(c.INTEGER, "run"),
            Emitted(c.LISTING, "again"),
            *C.files,
            Emitted(f"{c.ARDUINO}/*", "again"),
            Emitted(f"{c.ARDUINO}/src/*", "again"),
            Emitted(f"{c.ARDUINO}/examples/selftest/*", "again"),
        )

    def emit(self, program: "Program", folder: Path, content: Mapping[str, Any]) -> None:
        """Write the integer circuit, its C, and that as a library for Arduino."""
        from eideploy.backends.c.bundle import write
        from eideploy.data.origin import class_names

        write(program, folder, class_names(content, program.circuit.layers[-1].n_e))

    def lay_out(
        self, circuit: "Circuit", target: "Target", plan: "Plan | None" = None
    ) -> "Program":
        """Return the program of an integer circuit by a plan, whether or not it fits."""
        from eideploy.backends.c.place import lay_out
        from eideploy.backends.c.plan import Plan

        assert plan is None or isinstance(plan, Plan)  # this family has made it
        return lay_out(circuit, _controller(target), plan)

    def require_fit(self, program: "Program") -> None:
        """Refuse with CapacityError a program that does not fit its target."""
        from eideploy.backends.c.place import require_fit

        require_fit(program)

    def choose(self, program: "Program", run: "Callable[[Circuit], Trace]") -> "Program":
        """Return a program by the plan whose counted instructions are fewest."""
        from eideploy.backends.c.choose import choose

        return choose(program, run(program.circuit))

    def read_plan(
        self, content: Mapping[str, Any], circuit: "Circuit", where: str
    ) -> "Plan | None":
        """Return the plan of a circuit's layers that a manifest, `where`, says, if any."""
        from eideploy.backends.c.plan import read_plan

        return read_plan(content, circuit, where)

    def resources(self, program: "Program") -> str:
        """Say what a program takes of its target."""
        from eideploy.backends.c.place import resources_text

        return resources_text(program)

    def checking(self, executors: "Sequence[Executor]") -> "Sequence[Executor]":
        """Return those of the programs that run files of its builds."""
        named = {one for format_ in formats.every() for one in format_.checks()}
        return [one for one in executors if one in named]

    def read_spec(self, path: Path) -> "Target":
        """Read a microcontroller."""
        from eideploy.backends.c.controller import read_controller

        return read_controller(path)

    def check(self, spec: "Target") -> "Result":
        """Say what the microcontroller offers."""
        from eideploy.backends.c.jobs.check import check

        return check(_controller(spec))

    def compile(self, request: "Compile", spec: "Target") -> "Result":
        """Run all passes, and write C."""
        if C.name in part_of(request, Compiling).emit:
            raise UsageError(
                f"a build for {spec.name} is C in any case",
                where=f"--emit {C.name}",
                fix="leave it out",
            )
        limits = part_of(request, Room)
        room = _controller(spec).within(flash_bytes=limits.flash_bytes, ram_bytes=limits.ram_bytes)
        return super().compile(request, room)

    def sweep(self, request: "Sweep", spec: "Target") -> "Result":
        """Refuse: the table and the drawings of a sweep are of cycles."""
        return Family.sweep(self, request, spec)

    def board(self, request: "OfBuild", build: Path) -> "Result":
        """Refuse: nothing is flashed from here."""
        return Family.board(self, request, build)

    def report(self, request: "Report", build: Path) -> "Reported":
        """Measure the program, and draw it."""
        from eideploy.backends.c.jobs.report import report

        return report(self, request, build)


def _controller(target: "Target") -> "Controller":
    from eideploy.backends.c.controller import Controller

    assert isinstance(target, Controller)  # this family has read it
    return target
