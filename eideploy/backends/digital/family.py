"""The family of the digital core, and of what emits its programs otherwise."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends import formats
from eideploy.backends.digital.options import Compiling, Reporting, Running, Simulating, Verifying
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.backends.protocol import Fit
from eideploy.emitted import Emitted
from eideploy.options import Request, composed

if TYPE_CHECKING:
    from eideploy.backends.digital.program import Plan, Program
    from eideploy.circuit import Circuit
    from eideploy.flow.finding import Finding
    from eideploy.flow.requests.board import OfBuild
    from eideploy.flow.requests.compile import Compile
    from eideploy.flow.requests.predict import Predict
    from eideploy.flow.requests.report import Report
    from eideploy.flow.requests.simulate import Simulate
    from eideploy.flow.requests.sweep import Sweep
    from eideploy.flow.requests.verify import Verify
    from eideploy.flow.result import Oracle, Reported, Result, Verified
    from eideploy.recipe import Recipe
    from eideploy.target import Target


class Digital(ProgramFamily):
    """The digital core. A backend that emits the same programs as other files derives from it."""

    name = "digital"
    kind = "a digital target"
    options: ClassVar[Mapping[str, type[Request]]] = {
        "compile": composed(Compiling, *formats.emitting()),
        "simulate": Simulating,
        "predict": Running,
        "verify": Verifying,
        "report": Reporting,
    }
    executors: ClassVar[Mapping[str, str]] = {
        "integer": "the program beside the float network",
        "float": "the float network alone",
        **{name: one.executors[name] for name, one in formats.executors().items()},
        "rtl": "also the core in Verilator, cycle by cycle",
        "board": "also the board that the build is for, by its serial line or emulated",
    }
    enables: ClassVar[Mapping[str, str]] = {
        "neurobench": "report --neurobench",
        "fpga": "bitstreams: board build, board flash",
    }

    def needs(self) -> "Iterable[Finding]":
        """Look for the programs that simulate and synthesise the core."""
        from eideploy.backends.digital.jobs.needs import needs

        return needs()

    @property
    def files(self) -> Sequence[Emitted]:
        """What `emit` writes, and what checks each."""
        from eideploy.backends.digital.emit import FILES

        return FILES

    def emit(self, program: "Program", folder: Path, content: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Write the files of a program into a folder; of the same program the same bytes."""
        from eideploy.backends.digital.emit import emit

        emit(program, folder)

    def lay_out(
        self, circuit: "Circuit", target: "Target", plan: "Plan | None" = None
    ) -> "Program":
        """Return the program of an integer circuit, whether or not it fits."""
        from eideploy.backends.digital.place import laid_out

        assert plan is None  # a core computes every layer in one way
        return laid_out(circuit, target)

    def require_fit(self, program: "Program") -> None:
        """Refuse with CapacityError a program that does not fit its target."""
        from eideploy.backends.digital.place import require_fit

        require_fit(program)

    def resources(self, program: "Program") -> str:
        """Say what a program takes of its target."""
        from eideploy.backends.digital.report.program import uses_text, widths_text

        return f"{uses_text(program)}\n\n{widths_text(program)}"

    def read_spec(self, path: Path) -> "Target":
        """Read a digital target."""
        from eideploy.target import read_target

        return read_target(path)

    def check(self, spec: "Target") -> "Result":
        """Say what the core offers, and which divisions its SystemVerilog does."""
        from eideploy.backends.digital.jobs.check import check

        return check(spec)

    def compile(self, request: "Compile", spec: "Target") -> "Result":
        """Run all passes, and emit the program."""
        from eideploy.backends.digital.jobs.compile import compile_run

        return compile_run(self, request, spec)

    def fits(self, circuit: "Circuit", spec: "Target", recipe: "Recipe | None" = None) -> Fit:
        """Quantize a network on random inputs as it is compiled, and place it."""
        from eideploy.backends.digital.jobs.fits import fits

        return fits(circuit, spec, recipe, has_core=self.has_core)

    def simulate(self, request: "Simulate", executor: str) -> "Result":
        """Compare the program with the float network, and an executor with the program."""
        from eideploy.backends.digital.jobs.simulate import simulate

        return simulate(self, request, executor)

    def predict(self, request: "Predict", executor: str, named: Path | None) -> "Oracle":
        """Ask the program, or the float network."""
        from eideploy.backends.digital.jobs.predict import oracle

        return oracle(self, request, executor, named)

    def sweep(self, request: "Sweep", spec: "Target") -> "Result":
        """Compare number formats, divisions and forms."""
        from eideploy.backends.digital.sweep.sweep import sweep

        return sweep(request, spec)

    def verify(self, request: "Verify", build: Path) -> "Verified":
        """Run every file in every program that is installed."""
        from eideploy.backends.digital.jobs.verify import verify

        return verify(self, request, build)

    def report(self, request: "Report", build: Path) -> "Reported":
        """Measure the program, and draw it."""
        from eideploy.backends.digital.jobs.report import report

        return report(request, build)

    def has_board(self, build: Path) -> bool:
        """Return whether a build is for a board, as its manifest says."""
        from eideploy.backends.digital.build import ESTIMATED
        from eideploy.files import MANIFEST, read_json

        return ESTIMATED in read_json(build / MANIFEST)

    def board(self, request: "OfBuild", build: Path) -> "Result":
        """Build, flash, run or test the board that a build is for."""
        from eideploy.backends.digital.jobs.board import board

        return board(request, build)
