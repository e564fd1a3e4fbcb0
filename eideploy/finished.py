"""A finished run and a finished build, as they are read from their folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from eideploy.circuit import Circuit
from eideploy.data.origin import Origin, class_names
from eideploy.emitted import matches
from eideploy.program import Program


@dataclass(frozen=True, kw_only=True, eq=False)
class _Finished:
    """What a run and a build share: the float circuit and what the manifest says."""

    folder: Path
    circuit: Circuit
    content: Mapping[str, Any]

    @property
    def origin(self) -> Origin | None:
        """Where the data come from that the network was trained on, if that is known."""
        return Origin.of_content(self.content)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers."""
        return class_names(self.content, prod(self.circuit.shapes[self.circuit.output.name]))

    @property
    def data(self) -> str | None:
        """The name of the data that the network was trained on, if it is known."""
        return None if self.origin is None else self.origin.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Run(_Finished):
    """A finished run."""

    @property
    def imported(self) -> bool:
        """Whether the network was trained elsewhere, so that its data set need not be at hand."""
        return "source" in self.content


@dataclass(frozen=True, kw_only=True, eq=False)
class Build(_Finished):
    """A finished build: a run's circuit, and the program that it was compiled to."""

    program: Program

    @property
    def imported(self) -> bool:
        """Whether the network was trained elsewhere."""
        return self.content.get("imported") is True

    def holds(self, pattern: str) -> bool:
        """Return whether the manifest vouches for a file of `pattern`."""
        return any(matches(pattern, name) for name in self.content["files"])
