"""A NIR file as a circuit: one of ours, or a feed-forward network of another tool."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eideploy.backends.nir.options import DIALECTS, Reading
from eideploy.backends.protocol import Read
from eideploy.errors import UsageError
from eideploy.files import read_whole
from eideploy.neurons import RESETS
from eideploy.options import refuse_idle
from eideploy.options.choices import Reset


def read(path: Path, asked: Reading | None) -> Read:
    """Read a graph, ours or another tool's.

    Raises:
        UsageError: nir is not installed; the graph does not say its steps, and nobody else.
        FormatError: damaged, or no NIR graph.
        CapacityError: nodes that cannot be compiled, all of them.
    """
    reading = asked or Reading()
    if find_spec("nir") is None:
        raise UsageError("nir is not installed", where=str(path), fix="pip install 'eideploy[nir]'")
    from eideploy.backends.nir import foreign
    from eideploy.backends.nir.read import parse

    data = read_whole(path, fix="name a NIR file that exists")
    graph = foreign.read_file(data, where=str(path))
    if _word(graph.metadata, "dialect") in DIALECTS and "circuit" in graph.metadata:
        refuse_idle(reading, (), here=f"on {path}, which eideploy wrote and which says all that")
        how = {"dialect": graph.metadata["dialect"]}
        return Read(circuit=parse(data, where=str(path)), how=how)
    steps = reading.steps or _steps(graph.metadata)
    reset = reading.reset or _reset(graph.metadata)
    convention = foreign.Convention(dt=reading.dt, reset=reset, nearest_tau=reading.nearest_tau)
    circuit, said = foreign.circuit_of(
        graph,
        steps=steps or 1,
        high=reading.input_high or 1.0,
        convention=convention,
        where=str(path),
    )
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
    how = {"dialect": "foreign", **asdict(convention), "changed": said}
    return Read(circuit=circuit, how=how, remarks=said)


def _steps(metadata: Mapping[str, Any]) -> int | None:
    try:
        return int(metadata["steps"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _reset(metadata: Mapping[str, Any]) -> Reset:
    return next((reset for reset in RESETS if _word(metadata, "reset") == reset), "zero")


def _word(metadata: Mapping[str, Any], key: str) -> str | None:
    found = metadata.get(key)
    return found if isinstance(found, str) else None
