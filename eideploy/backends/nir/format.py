"""NIR as an exchange format: what it writes beside a build, what runs that, and what it reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends.nir.options import DIALECTS, READERS, Graph, Writing, file_for, file_of
from eideploy.backends.protocol import Format, Read
from eideploy.emitted import Emitted
from eideploy.options import Request, part_of

if TYPE_CHECKING:
    from eideploy.backends.executor import Executor
    from eideploy.circuit import Array, Circuit
    from eideploy.flow.requests.compile import Compile

MAGIC = b"\x89HDF\r\n\x1a\n"


class NIR(Format):
    """The float network as a graph, in several dialects; graphs of any tool."""

    name = "nir"
    title = "NIR"
    line = "the float network"
    package = "nir"
    suffix = ".nir"
    files = (
        *(Emitted(file_of(dialect), "run") for dialect in DIALECTS),
        *(Emitted(file_for(one), why="it was read back as it was written") for one in READERS),
    )
    enables: ClassVar[Mapping[str, str]] = {
        "nir": "compile --emit nir, networks from other tools",
    }
    emitting = Writing
    reading = Graph

    def facts(
        self,
        request: "Compile",
        circuit: "Circuit",
        integer: "Circuit",
        samples: "Array",
        labels: "Array | None",
    ) -> tuple[Mapping[str, Any], str]:
        """Say which dialects are written, and what the plain one loses."""
        from eideploy.backends.nir.loss import facts

        return facts(part_of(request, Writing), circuit, integer, samples, labels)

    def emit(
        self, circuit: "Circuit", integer: "Circuit", folder: Path, content: Mapping[str, Any]
    ) -> None:
        """Write a file for each dialect."""
        from eideploy.backends.nir.dialects import of_dialect, ranges_of
        from eideploy.backends.nir.file import save

        options, ranges = content[self.name], ranges_of(integer)
        for dialect in options["dialects"]:
            written = of_dialect(circuit, ranges, dialect)
            save(written, folder / file_of(dialect), compat=options["compat"])
        if options.get("readers"):
            from eideploy.backends.nir.readers import save_for

            plain = of_dialect(circuit, ranges, "plain")
            for reader in options["readers"]:
                save_for(plain, folder / file_for(reader), reader)

    def checks(self) -> "Sequence[Executor]":
        """Return nirtorch, once for each dialect."""
        from eideploy.backends.nir.executors import EXECUTORS

        return EXECUTORS

    def reads(self, path: Path) -> bool:
        """Return whether it is called a NIR file, or holds what every such file begins with."""
        from eideploy.files import open_plain

        if path.suffix == self.suffix:
            return not path.is_dir()
        try:
            with open_plain(path) as file:
                return file.read(len(MAGIC)) == MAGIC
        except OSError:
            return False

    def read(self, path: Path, request: Request) -> Read:
        """Read a graph, ours or another tool's."""
        from eideploy.backends.nir.reading import read

        return read(path, part_of(request, Graph).reading)
