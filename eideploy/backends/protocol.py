"""What a backend offers: a family of targets is one object of `Family`, and jobs ask that alone.

A family serves the specs that name it, `backend = "NAME"`, and the builds whose manifest does. It
imports what it works with when it is first asked to do something, because `--help` imports it.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from eideploy.errors import UsageError
from eideploy.options import Request

if TYPE_CHECKING:
    from eideploy.config.reading import Described
    from eideploy.flow.predict import Oracle
    from eideploy.flow.report import Reported
    from eideploy.flow.requests.compile import Compile
    from eideploy.flow.requests.predict import Predict
    from eideploy.flow.requests.report import Report
    from eideploy.flow.requests.simulate import Simulate
    from eideploy.flow.requests.train import Train
    from eideploy.flow.requests.verify import Verify
    from eideploy.flow.result import Result
    from eideploy.flow.verify import Verified


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


class Family(ABC, Generic[S]):
    """A family of targets.

    Attributes:
        name: as `backend` of a spec and of a build's manifest says it.
        kind: what its targets are, in a sentence: "a digital target".
        options: what each command may be asked beyond what it asks of every family, by its name.
        executors: what runs a build, by the name behind `--executor`, with a line of help; the
            first is taken where none is named.
        trainer: what trains for its targets; None where E-I circuits are compiled for them.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    options: ClassVar[Mapping[str, type[Request]]] = {}
    executors: ClassVar[Mapping[str, str]] = {}
    trainer: ClassVar[Trainer | None] = None

    @abstractmethod
    def read_spec(self, path: Path) -> S:
        """Read a spec.toml, and refuse with SpecError what is wrong in it."""

    @abstractmethod
    def check(self, spec: S) -> "Result":
        """Say what a target offers."""

    @abstractmethod
    def compile(self, request: "Compile", spec: S) -> "Result":
        """Compile a run into a new build, whose manifest says `"backend": name`."""

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

    @abstractmethod
    def verify(self, request: "Verify", build: Path) -> "Verified":
        """Check every file of a build."""

    @abstractmethod
    def report(self, request: "Report", build: Path) -> "Reported":
        """Return the report of a build."""
