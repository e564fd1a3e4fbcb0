"""A NIR file as a circuit: one of ours, or a network of another tool."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from eideploy.backends.nir.conventions import CONVENTIONS, MOST, TOOLS, Convention, Tool
from eideploy.backends.nir.options import DIALECTS, Reading
from eideploy.backends.protocol import Read
from eideploy.errors import UsageError
from eideploy.files import read_whole
from eideploy.nearest import nearest
from eideploy.options import as_path, refuse_idle

if TYPE_CHECKING:
    from eideploy.backends.nir.foreign import Graph
    from eideploy.circuit import Circuit

STATED = ("version", "dt")  # entries of a convention that nobody changes by --assume


def read(path: Path, asked: Reading | None) -> Read:
    """Read a graph, ours or another tool's.

    Raises:
        UsageError: nir is not installed; the graph does not say its steps, and nobody else.
        FormatError: damaged, or no NIR graph.
        CapacityError: nodes that cannot be compiled, all of them.
        DataError: it computes something else than is expected.
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
    return _foreign(path, graph, reading)


def _foreign(path: Path, graph: "Graph", reading: Reading) -> Read:
    from eideploy.backends.nir import foreign

    steps = reading.steps or _steps(graph.metadata)
    circuit, how, said = as_tool(graph, reading, steps=steps or 1, where=str(path))
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
    expected = as_path(reading.expect)
    if expected is not None:
        from eideploy.backends.nir.expecting import compared

        said = [*said, compared(expected, circuit, graph, reading, steps)]
    return Read(circuit=circuit, how=how, remarks=said)


def as_tool(
    graph: "Graph", reading: Reading, *, steps: int, where: str
) -> tuple["Circuit", dict[str, Any], list[str]]:
    """Return a graph as a tool means it: the circuit, how it was read, and that in words.

    Raises:
        CapacityError: nodes that cannot be compiled, all of them.
        UsageError: --assume names no entry of a convention, or no value of it.
    """
    from eideploy.backends.nir import foreign

    tool, because = _tool(graph, reading)
    convention = _convention(graph, reading, tool)
    circuit, step, changed = foreign.circuit_of(
        graph,
        foreign.Reading(
            tool=tool,
            convention=convention,
            steps=steps,
            dt=reading.dt,
            high=reading.input_high or 1.0,
            nearest_tau=reading.nearest_tau,
        ),
        where=where,
    )
    said = [f"read as {tool} {convention.version} writes it ({because}): {in_words(convention)}"]
    if step is not None:
        said.append(f"a step is {step.dt:g} s as tau is written, by {step.because}")
        if step.contradiction:
            said.append(f"contradiction: {step.contradiction}")
    how = {
        "dialect": "foreign",
        "tool": tool,
        **asdict(convention),
        "dt": None if step is None else step.dt,
        "nearest_tau": reading.nearest_tau,
        "changed": changed,
    }
    return circuit, how, said + changed


def in_words(convention: Convention) -> str:
    """Return what is assumed, in a line."""
    leak = {"euler": "1 - dt / tau", "exponential": "exp(-dt / tau)"}
    gain = {"r": "times r dt / tau", "one": "as they are", "mean": "times what the leak takes"}
    reset = {"subtract": "the threshold is subtracted", "reset": "reset to v_reset", "none": "no"}
    late = {"no": "", "reset": ", one step late", "spike": ", spikes and reset one step late"}
    several = convention.spikes > 1
    parts = [
        f"a step keeps {leak[convention.leak]}",
        f"adds inputs {gain[convention.gain]}",
        f"fires {'above' if convention.fires == 'above' else 'at'} the threshold",
        f"{reset[convention.reset]}{' reset' if convention.reset == 'none' else ''}"
        f"{late[convention.late]}",
        f"up to {convention.spikes} spikes a step" if several else "one spike a step",
    ]
    if convention.floor == "threshold":
        parts.append("without a leak no membrane falls below minus its threshold")
    if convention.rests:
        parts.append("membranes start at v_reset")
    return "; ".join(parts)


def _tool(graph: "Graph", reading: Reading) -> tuple[Tool, str]:
    from eideploy.backends.nir import foreign

    if reading.tool is not None:
        return reading.tool, "--from"
    named = _word(graph.metadata, "tool")
    if named is not None and named in TOOLS:
        return next(tool for tool in TOOLS if tool == named), "by its metadata"
    seen = foreign.tool_of(graph)
    if seen is not None:
        return seen[0], f"by {seen[1]}"
    return "nir", "nobody says which tool did; say it with --from, and check it with --expect"


def _convention(graph: "Graph", reading: Reading, tool: Tool) -> Convention:
    found = CONVENTIONS[tool]
    reset = reading.reset or _word(graph.metadata, "reset")
    if reset in ("subtract", "zero"):
        found = replace(found, reset="subtract" if reset == "subtract" else "reset")
    if _word(graph.metadata, "reset") == "subtract" and tool == "nir":
        found = replace(found, fires=found.fires)
    return replace(found, **_assumed(reading.assume))


def _assumed(given: Mapping[str, object]) -> dict[str, Any]:
    """Return entries of a convention as their types have them.

    Raises:
        UsageError: no such entry, or no such value.
    """
    known = [f.name for f in fields(Convention) if f.name not in STATED]
    hints, found = get_type_hints(Convention), dict[str, Any]()
    for key, value in given.items():
        if key not in known:
            near = nearest(key, known)
            raise UsageError(
                f"a convention has no {key}",
                where=f"--assume {key}={value}",
                fix=f"write {near}" if near else f"choose one of {', '.join(known)}",
            )
        words = {"spikes": [str(n) for n in range(1, MOST + 1)], "rests": ["False", "True"]}
        choices = words.get(key) or [str(word) for word in get_args(hints[key])]
        text = str(value).capitalize() if key == "rests" else str(value)
        if text not in choices:
            some = f"1 to {MOST}" if key == "spikes" else ", ".join(choices).lower()
            raise UsageError(
                f"{key} is {value}",
                where=f"--assume {key}={value}",
                fix=f"choose one of {some}",
            )
        found[key] = int(text) if key == "spikes" else text == "True" if key == "rests" else text
    return found


def _steps(metadata: Mapping[str, Any]) -> int | None:
    try:
        return int(metadata["steps"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _word(metadata: Mapping[str, Any], key: str) -> str | None:
    found = metadata.get(key)
    return found if isinstance(found, str) else None
