"""The family of mixed-signal chips as DYNAP-SE2."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from eideploy.backends.dynapse2.options import Compiling, Simulating
from eideploy.backends.protocol import Family, Trainer
from eideploy.options import Request

if TYPE_CHECKING:
    from eideploy.backends.dynapse2.chip.spec import ChipSpec
    from eideploy.backends.dynapse2.config import ChipConfig
    from eideploy.flow.finding import Finding
    from eideploy.flow.requests.board import OfBuild
    from eideploy.flow.requests.compile import Compile
    from eideploy.flow.requests.predict import Predict
    from eideploy.flow.requests.report import Report
    from eideploy.flow.requests.simulate import Simulate
    from eideploy.flow.requests.train import Train
    from eideploy.flow.requests.verify import Verify
    from eideploy.flow.result import Oracle, Reported, Result, Verified


class ChipTrainer(Trainer):
    """Trains networks within the limits of a board."""

    def presets(self) -> tuple[str, ...]:
        """Return the names of its presets."""
        from eideploy.backends.dynapse2.config import chip_presets

        return chip_presets()

    def describes(self, preset: str) -> bool:
        """Return whether it is a preset for a chip, or a file that names a target."""
        from eideploy.backends.dynapse2.config import is_for_chip

        return is_for_chip(preset)

    def configuration(self, preset: str) -> "ChipConfig":
        """Return the configuration that a preset or a file is."""
        from eideploy.backends.dynapse2.config import load_chip_config

        return load_chip_config(preset)

    def owns(self, run: Path) -> bool:
        """Return whether a finished run holds a network for the chip."""
        from eideploy.backends.dynapse2.folders import is_chip_run

        return is_chip_run(run)

    def train(self, request: "Train", preset: str) -> "Result":
        """Train a preset, or the configuration in a .toml file, into a new run."""
        from eideploy.backends.dynapse2.jobs.train import train_for_chip

        return train_for_chip(request, preset)

    def resume(self, request: "Train", run: Path) -> "Result":
        """Continue an interrupted training from its last whole epoch."""
        from eideploy.backends.dynapse2.jobs import adapt, teacher
        from eideploy.backends.dynapse2.jobs.train import resume_for_chip

        if (run / teacher.FILE).exists():
            return adapt.resume(request, run)
        return resume_for_chip(request, run)

    def distil(self, request: "Train", spec: "ChipSpec") -> "Result":
        """Train a network for a board that imitates a finished run."""
        from eideploy.backends.dynapse2.jobs.adapt import distil

        return distil(request, spec)

    def report(self, run: Path) -> "Reported":
        """Return the report of a finished run."""
        from eideploy.backends.dynapse2.jobs.training_report import report

        return report(run)


class Dynapse2(Family["ChipSpec"]):
    """Boards of DYNAP-SE2."""

    name = "dynapse2"
    kind = "a mixed-signal chip"
    options: ClassVar[Mapping[str, type[Request]]] = {
        "compile": Compiling,
        "simulate": Simulating,
    }
    trainer = ChipTrainer()
    executors: ClassVar[Mapping[str, str]] = {
        "dpi": "a simulated mixed-signal chip, with mismatch",
    }

    def needs(self) -> "Iterable[Finding]":
        """Look for samna, which loads builds on boards."""
        from eideploy.backends.dynapse2.jobs.needs import samna

        return (samna(),)

    def read_spec(self, path: Path) -> "ChipSpec":
        """Read a board."""
        from eideploy.backends.dynapse2.chip.spec import read_spec

        return read_spec(path)

    def check(self, spec: "ChipSpec") -> "Result":
        """Say what the board offers, and read the files that its spec names."""
        from eideploy.backends.dynapse2.jobs.check import check

        return check(spec)

    def compile(self, request: "Compile", spec: "ChipSpec") -> "Result":
        """Map a run, which is adapted to the chip where it was not trained for it."""
        from eideploy.backends.dynapse2.jobs.compile import compile_for_chip

        return compile_for_chip(request, spec)

    def simulate(self, request: "Simulate", executor: str) -> "Result":  # noqa: ARG002 - there is one
        """Simulate what a build sets on the chips, with and without mismatch."""
        from eideploy.backends.dynapse2.jobs.simulate import run_on_chip

        return run_on_chip(request)

    def predict(self, request: "Predict", executor: str, named: Path | None) -> "Oracle":  # noqa: ARG002 - there is one executor
        """Ask a simulation of what a build sets on the chips, without mismatch."""
        from eideploy.backends.dynapse2.jobs.predict import oracle

        return oracle(request, named)

    def verify(self, request: "Verify", build: Path) -> "Verified":
        """Check a build against its network, and its files against each other."""
        from eideploy.backends.dynapse2.jobs.verify import verify_chip

        return verify_chip(request, build)

    def board(self, request: "OfBuild", build: Path) -> "Result":
        """Measure the board that a build is for, or tune it."""
        from eideploy.backends.dynapse2.jobs.board import board

        return board(request, build)

    def report(self, request: "Report", build: Path) -> "Reported":
        """Draw what the chips hold, and what a simulation found."""
        from eideploy.backends.dynapse2.jobs.report import report

        return report(request, build)
