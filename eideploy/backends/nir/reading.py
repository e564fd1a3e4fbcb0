"""A NIR file as a circuit: one of ours, or a network of another tool."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy.backends.nir.options import DIALECTS, Reading
from eideploy.backends.protocol import Read
from eideploy.errors import UsageError
from eideploy.files import read_whole
from eideploy.options import as_path, refuse_idle

if TYPE_CHECKING:
    from eideploy.backends.nir.foreign import Graph


def read(path: Path, options: Reading | None) -> Read:
    """Read a graph, ours or another tool's.

    Raises:
        UsageError: nir is not installed; the graph does not say its steps, and nobody else.
        FormatError: damaged, or no NIR graph.
        CapacityError: nodes that cannot be compiled, all of them.
        DataError: it computes something else than is expected.
    """
    reading = options or Reading()
    if find_spec("nir") is None:
        raise UsageError("nir is not installed", where=str(path), fix="pip install 'eideploy[nir]'")
    from eideploy.backends.nir import foreign
    from eideploy.backends.nir.meaning import word
    from eideploy.backends.nir.read import parse

    data = read_whole(path, fix="name a NIR file that exists")
    graph = foreign.read_file(data, where=str(path))
    if word(graph.metadata, "dialect") in DIALECTS and "circuit" in graph.metadata:
        refuse_idle(reading, (), here=f"on {path}, which eideploy wrote and which says all that")
        how = {"dialect": graph.metadata["dialect"]}
        return Read(circuit=parse(data, where=str(path)), how=how)
    return _foreign(path, graph, reading)


def _foreign(path: Path, graph: "Graph", reading: Reading) -> Read:
    from eideploy.backends.nir import foreign
    from eideploy.backends.nir.meaning import as_tool, unsaid

    steps = reading.steps or _steps(graph.metadata)
    circuit, how, remarks = as_tool(graph, reading, steps=steps or 1, where=str(path))
    if reading.dt is not None and not any(map(foreign.depends_on_step, graph.nodes.values())):
        raise UsageError(
            f"--dt has no effect on {path}, whose neurons add their inputs unscaled",
            where="--dt",
            fix="leave out --dt, which applies only to neurons that leak or whose r is not 1",
        )
    if steps is None:  # asked for once the nodes are known to be sound
        raise UsageError(
            "a NIR graph does not say how many time steps a sample takes",
            where=str(path),
            fix="give it with --steps T, as the network was trained",
        )
    expected, samples = as_path(reading.expect), None
    if expected is not None:
        from eideploy.backends.nir.expecting import compared

        remark, samples = compared(expected, circuit, graph, reading, steps)
        remarks = [*remarks, remark]
    warnings = unsaid(graph, reading, path.name) if expected is None else []
    return Read(circuit=circuit, how=how, remarks=remarks, warnings=warnings, samples=samples)


def _steps(metadata: Mapping[str, Any]) -> int | None:
    try:
        return int(metadata["steps"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
