"""What is finished, as it is read from its folder: a run, or a build of a backend."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from eideploy.circuit import Circuit
from eideploy.data.origin import Origin, class_names
from eideploy.emitted import matches
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_text
from eideploy.shown import Shown

METRICS, MOST_METRICS = "metrics.csv", 64 << 20


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Finished(Shown):
    """A float circuit, and what the manifest says of it."""

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

    def in_a_line(self) -> str:
        """Return the folder, and what of."""
        return f"{self.folder}, {self.circuit.in_a_line()}, {self.data or 'no data set'}"

    def in_full(self) -> str:
        """Return the folder and when it was made, and the circuit."""
        head = f"{self.folder}, {self.content.get('created', 'no date')}"
        return "\n".join([head, f"data: {self.data or 'none'}", self.circuit.in_full()])

    def holds(self, pattern: str) -> bool:
        """Return whether the manifest vouches for a file of `pattern`."""
        return any(matches(pattern, name) for name in self.content["files"])


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Run(Finished):
    """A finished run."""

    @property
    def imported(self) -> bool:
        """Whether the network was trained elsewhere, so that its data set need not be at hand."""
        return "source" in self.content

    @property
    def history(self) -> tuple[Mapping[str, float], ...]:
        """The columns of its metrics.csv for every epoch; none of an imported run.

        Raises:
            FormatError: the file is damaged.
        """
        path = self.folder / METRICS
        if not path.is_file():
            return ()
        try:
            rows = csv.DictReader(read_text(path, most=MOST_METRICS).splitlines(), strict=True)
            return tuple({key: float(value) for key, value in row.items()} for row in rows)
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise FormatError(
                f"the file is damaged: {error}", where=str(path), fix=RESTORE
            ) from error
