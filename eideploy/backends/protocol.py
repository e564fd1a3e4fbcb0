"""What a backend offers: one object of `Family` or `Format`, and jobs ask that alone.

A family of targets serves the specs that name it, `backend = "NAME"`, and the builds whose manifest
does; an exchange format writes files beside those of any family, reads others as runs, or both.
Either imports what it works with when it is first asked to do something: `--help` imports it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from eideploy.backends.catalogue import DeclaredFamily, DeclaredFormat
from eideploy.emitted import Emitted
from eideploy.errors import UsageError
from eideploy.options import Request

if TYPE_CHECKING:
    from eideploy.backends.executor import Build, Executor, Run
    from eideploy.circuit import Array, Circuit
    from eideploy.config.reading import Described
    from eideploy.flow.finding import Finding
    from eideploy.flow.requests.board import OfBuild
    from eideploy.flow.requests.compile import Compile
    from eideploy.flow.requests.predict import Predict
    from eideploy.flow.requests.report import Report
    from eideploy.flow.requests.simulate import Simulate
    from eideploy.flow.requests.sweep import Sweep
    from eideploy.flow.requests.train import Train
    from eideploy.flow.requests.verify import Verify
    from eideploy.flow.result import Oracle, Reported, Result, Verified
    from eideploy.recipe import Recipe


class Spec(Protocol):
    """What is asked of any target; the rest of a spec is its family's own."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def description(self) -> str: ...  # noqa: D102
    @property
    def source(self) -> Path: ...  # noqa: D102


S = TypeVar("S", bound=Spec)


class Trainer(ABC):
    """Trains networks for the targets of a family, where those of E-I circuits do not do.

    Its runs and its configurations are its own; which they are, it says itself.
    """

    @abstractmethod
    def presets(self) -> tuple[str, ...]:
        """Return the names of its presets."""

    @abstractmethod
    def describes(self, preset: str) -> bool:
        """Return whether a preset, or a .toml file, describes such a training."""

    @abstractmethod
    def configuration(self, preset: str) -> "Described":
        """Return the configuration that a preset or a file is."""

    @abstractmethod
    def owns(self, run: Path) -> bool:
        """Return whether a finished run holds such a network."""

    @abstractmethod
    def train(self, request: "Train", preset: str) -> "Result":
        """Train a preset, or the configuration in a .toml file, into a new run."""

    @abstractmethod
    def resume(self, request: "Train", run: Path) -> "Result":
        """Continue an interrupted training."""

    @abstractmethod
    def distil(self, request: "Train", spec: Any) -> "Result":  # noqa: ANN401 - of its family
        """Train a network for a target that imitates the finished run `request.finetune`."""

    @abstractmethod
    def report(self, run: Path) -> "Reported":
        """Return the report of a finished run."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a network takes of a resource of a target, and what there is."""

    resource: str
    used: int
    offered: int


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Whether a network would compile for a target: every fault, what to do, and its sizes."""

    faults: Sequence[str] = ()
    fixes: Sequence[str] = ()
    uses: Sequence[Taken] = ()


class Family(DeclaredFamily, ABC, Generic[S]):
    """A family of targets.

    Attributes:
        name: as `backend` of a spec and of a build's manifest says it.
        kind: what its targets are, in a sentence: "a digital target".
        options: what each command may be asked beyond what it asks of every family, by its name.
        executors: what runs a build, by the name behind `--executor`, with a line of help; the
            first is taken where none is named.
        trainer: what trains for its targets; None where E-I circuits are compiled for them.
        enables: what optional dependencies of eideploy are for in it, by their names.
    """

    kind: ClassVar[str]
    options: ClassVar[Mapping[str, type[Request]]] = {}
    trainer: ClassVar[Trainer | None] = None

    def needs(self) -> "Iterable[Finding]":
        """Look for the programs and packages that it works with, for `doctor`."""
        return ()

    @abstractmethod
    def read_spec(self, path: Path) -> S:
        """Read a spec.toml, and refuse with SpecError what is wrong in it."""

    @abstractmethod
    def check(self, spec: S) -> "Result":
        """Say what a target offers."""

    @abstractmethod
    def compile(self, request: "Compile", spec: S) -> "Result":
        """Compile a run into a new build, whose manifest says `"backend": name`."""

    def fits(self, circuit: "Circuit", spec: S, recipe: "Recipe | None" = None) -> Fit:  # noqa: ARG002
        """Say whether a network would compile for a target, for `check`, and write nothing.

        Args:
            circuit: in floats, with its ranges where it was trained with them.
            spec: of the target.
            recipe: that it was fine-tuned for; None for the usual one.

        Raises:
            UsageError: the family does not do that.
        """
        raise UsageError(
            f"{spec.name} is {self.kind}, whose networks are trained for it",
            where=f"--target {spec.name}",
            fix="leave --target out, or compile the network",
        )

    @abstractmethod
    def simulate(self, request: "Simulate", executor: str) -> "Result":
        """Run samples in one of the executors."""

    def predict(self, request: "Predict", executor: str, named: Path | None) -> "Oracle":  # noqa: ARG002
        """Return the network of a build or run, to be asked for classes in one of the executors.

        Raises:
            UsageError: the family does not do that.
        """
        raise UsageError(
            f"the backend {self.name} does not predict",
            where=f"--executor {executor}",
            fix="simulate the build on these samples, with --input",
        )

    def sweep(self, request: "Sweep", spec: S) -> "Result":
        """Compare what its targets offer over runs, cell by cell.

        Raises:
            UsageError: the family does not do that.
        """
        raise UsageError(
            f"{spec.name} is {self.kind}, which a sweep does not compare",
            where=f"--target {request.target}",
            fix=f"leave --target out, or eideploy compile --target {request.target}",
        )

    @abstractmethod
    def verify(self, request: "Verify", build: Path) -> "Verified":
        """Check every file of a build."""

    @abstractmethod
    def report(self, request: "Report", build: Path) -> "Reported":
        """Return the report of a build."""

    def has_board(self, build: Path) -> bool:  # noqa: ARG002
        """Return whether a build is for a board that `board` can be asked of."""
        return False

    def board(self, request: "OfBuild", build: Path) -> "Result":  # noqa: ARG002
        """Build, flash, run or test the board that a build is for.

        Raises:
            UsageError: the family has no boards.
        """
        raise UsageError(
            f"the build is for {self.kind}, which is not a board",
            where=str(build),
            fix="compile a run for one of the boards that eideploy board lists",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """A network that a format has read.

    how      what the run's manifest says of the reading
    remarks  what had to be changed, a line each
    warnings  what was assumed that may be otherwise
    samples  that came with it, (B, ...) or (B, T, ...), for later commands to calibrate on
    """

    circuit: "Circuit"
    how: Mapping[str, Any]
    remarks: Sequence[str] = ()
    warnings: Sequence[str] = ()
    samples: "Array | None" = None


class Format(DeclaredFormat, ABC):
    """An exchange format of networks. Overridden is what it does: `emit`, `read`, or both.

    Attributes:
        name: as `--emit` takes it.
        title: what its files are called in sentences: "a NIR file".
        line: what it writes, in a line of help; "" where it writes nothing.
        package: what it needs to be installed, and the optional dependency that brings it; "" if
            nothing.
        suffix: of the files that it reads; "" where it reads none.
        files: what it writes, and what checks each.
        emitting: what `compile` may be asked of the files that it writes.
        reading: what `compile` and `import` may be asked of the files that it reads.
        executors: what runs an integer program by it, behind `--executor`, with a line of help.
        enables: what optional dependencies of eideploy are for in it, by their names.
    """

    title: ClassVar[str]
    package: ClassVar[str] = ""
    files: ClassVar[Sequence[Emitted]] = ()
    emitting: ClassVar[type[Request] | None] = None
    reading: ClassVar[type[Request] | None] = None

    def facts(
        self,
        request: "Compile",  # noqa: ARG002
        circuit: "Circuit",  # noqa: ARG002
        integer: "Circuit",  # noqa: ARG002
        samples: "Array",  # noqa: ARG002
        labels: "Array | None",  # noqa: ARG002
    ) -> tuple[Mapping[str, Any], str]:
        """Return what a manifest says of the files, under the format's name, and what is printed.

        Args:
            request: with the options of the format.
            circuit: the float network.
            integer: the program's, calibrated and in integers.
            samples: some that it was calibrated on.
            labels: their classes, where they are known.
        """
        return {}, ""

    def emit(
        self, circuit: "Circuit", integer: "Circuit", folder: Path, content: Mapping[str, Any]
    ) -> None:
        """Write a network's files into the folder of its build.

        Args:
            circuit: the float network.
            integer: the program's, calibrated and in integers.
            folder: where circuit.safetensors and the backend's files lie already.
            content: what the manifest will say.
        """
        raise NotImplementedError

    def checks(self) -> Sequence["Executor"]:
        """Return the programs that run its files, for `verify`."""
        return ()

    def run(self, integer: "Circuit", build: "Build | None", executor: str) -> "Run":
        """Return what runs a program, by the files of its build where it stands in one.

        Raises:
            UsageError: a package that it needs is not installed.
        """
        raise NotImplementedError

    def reads(self, path: Path) -> bool:  # noqa: ARG002
        """Return whether `path` names a file of the format, which need not be there."""
        return False

    def read(self, path: Path, request: Request) -> Read:
        """Read a network.

        Args:
            path: a file that it reads.
            request: with the options of the format.

        Raises:
            UsageError: what the file does not say and nobody else does; options without effect.
            FormatError: damaged.
            CapacityError: a network that cannot be compiled.
        """
        raise NotImplementedError
