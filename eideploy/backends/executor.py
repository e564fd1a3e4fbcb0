"""Programs that run a file of a build, and what each is to equal."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from eideploy.circuit import Array, Circuit
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer


class Build(Protocol):
    """What is asked of a build whose files are run."""

    @property
    def folder(self) -> Path: ...  # noqa: D102
    @property
    def circuit(self) -> Circuit: ...  # noqa: D102 - the float network
    @property
    def integer(self) -> Circuit: ...  # noqa: D102 - what it was compiled to

    def holds(self, pattern: str) -> bool: ...  # noqa: D102 - a file that the manifest vouches for


Run = Callable[[Array], Array]  # samples (B, ...) or (B, T, ...) to (B, classes)


@runtime_checkable
class Telling(Protocol):
    """A `Run` that compares more than sums, and says what it found.

    text, content  to read, and for machines
    differing      how much differs in all
    """

    @property
    def text(self) -> str: ...  # noqa: D102
    @property
    def content(self) -> Mapping[str, Any]: ...  # noqa: D102
    @property
    def differing(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What a program's output is compared with.

    open       returns what runs the reference of a build
    tolerance  the largest difference that is none
    """

    open: Callable[[Any], Run]
    tolerance: float


def logits_of(circuit: Circuit) -> Run:
    """Return what runs a float circuit."""
    return lambda samples: run_float(circuit, samples).logits


def _sums_of(build: Build) -> Run:
    return lambda samples: run_integer(build.integer, samples).totals


SUMS = Reference(open=_sums_of, tolerance=0.0)  # the readout's (A12), in integers
LOGITS = Reference(open=lambda build: logits_of(build.circuit), tolerance=1e-5)


@dataclass(frozen=True, kw_only=True)
class Executor:
    """A program that runs one artefact.

    name      as people read it
    artefact  the file of a build that it runs; `*` stands for a part of several names
    equals    what it puts out is to equal
    open      reads the artefact of a build, and returns what runs it; a backend's own executors may
              ask more of its builds than `Build` says
    written   how a build that lacks the artefact comes to it
    packages  what has to be installed, of Python
    commands  ... and of programs
    mode      how it is run, where it can be in several ways
    most      how many samples it is given at most; None: all
    refuses   why it cannot run what this very build holds; "" if it can
    ready     whether nothing has to be built for minutes before it runs
    """

    name: str
    artefact: str
    equals: Reference
    open: Callable[[Any], Run]
    written: str = ""
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    mode: str = ""
    most: int | None = None
    refuses: Callable[[Any], str] = lambda _: ""
    ready: Callable[[Any], bool] = lambda _: True

    @property
    def missing(self) -> str:
        """Why it cannot run here; "" if it can."""
        absent = [command for command in self.commands if shutil.which(command) is None]
        return f"{' and '.join(absent)} not installed" if absent else missing(self.packages)

    @property
    def label(self) -> str:
        """Its name, with its version and mode."""
        versions = [installed(package) for package in self.packages[:1]]
        return " ".join(filter(None, [self.name, *versions])) + (self.mode and f", {self.mode}")


def missing(packages: tuple[str, ...]) -> str:
    """Return which of `packages` are not installed, as a sentence; "" if all are."""
    absent = [package for package in packages if not installed(package)]
    return f"{' and '.join(absent)} not installed" if absent else ""


def installed(package: str) -> str:
    """Return the version of a package, "" if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
