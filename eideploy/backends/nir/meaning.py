"""A graph of another tool as that tool means it: the convention that is taken, and why."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, get_args, get_type_hints

from eideploy.backends.nir import foreign
from eideploy.backends.nir.conventions import (
    CONVENTIONS,
    MOST,
    TOOLS,
    Convention,
    Gain,
    Readout,
    Tool,
)
from eideploy.backends.nir.options import Reading
from eideploy.circuit import Circuit
from eideploy.errors import UsageError
from eideploy.nearest import nearest

OTHERWISE: Tool = "nir"  # where nobody says which tool wrote a file
STATED = ("version", "dt")  # entries of a convention that nobody changes by --assume


def as_tool(
    graph: foreign.Graph, reading: Reading, *, steps: int, where: str
) -> tuple[Circuit, dict[str, Any], list[str]]:
    """Return a graph as a tool means it: the circuit, how it was read, and that in words.

    Raises:
        CapacityError: nodes that cannot be compiled, all of them.
        UsageError: --assume names no entry of a convention, or no value of it.
    """
    nobody = "nobody says which tool did; say it with --from, and check it with --expect"
    tool, because = _known_tool(graph, reading) or (OTHERWISE, nobody)
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
    remarks = [f"read as {tool} {convention.version} writes it ({because}): {in_words(convention)}"]
    if step is not None:
        remarks.append(f"a step is {step.dt:g} s as tau is written, by {step.because}")
        if step.contradiction:
            remarks.append(f"contradiction: {step.contradiction}")
    how = {
        "dialect": "foreign",
        "tool": tool,
        **asdict(convention),
        "dt": None if step is None else step.dt,
        "nearest_tau": reading.nearest_tau,
        "changed": changed,
    }
    return circuit, how, remarks + changed


def unsaid(graph: foreign.Graph, reading: Reading, name: str) -> list[str]:
    """Return a warning that a file's convention is guessed, or none."""
    if _known_tool(graph, reading) is not None:
        return []
    words = in_words(_convention(graph, reading, OTHERWISE))
    return [
        f"{name} does not say which tool wrote it, and NIR's own equations are assumed ({words}): "
        "say the tool with --from, or compare with its outputs by --expect outputs.npz"
    ]


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
    if convention.readout != "output":
        parts.append(f"the last neurons' membranes are read ({convention.readout} over time)")
    return "; ".join(parts)


def _known_tool(graph: foreign.Graph, reading: Reading) -> tuple[Tool, str] | None:
    """Return the tool that wrote a graph, and who says so; None where nobody does."""
    if reading.tool is not None:
        return reading.tool, "--from"
    named = word(graph.metadata, "tool")
    if named is not None and named in TOOLS:
        return next(tool for tool in TOOLS if tool == named), "by its metadata"
    by_nodes = foreign.tool_of(graph)
    return None if by_nodes is None else (by_nodes[0], f"by {by_nodes[1]}")


def _convention(graph: foreign.Graph, reading: Reading, tool: Tool) -> Convention:
    convention = CONVENTIONS[tool]
    reset = reading.reset or word(graph.metadata, "reset")
    if reset in ("subtract", "zero"):
        convention = replace(convention, reset="subtract" if reset == "subtract" else "reset")
    own = {"gain": get_args(Gain), "readout": get_args(Readout)}
    stated = {key: word(graph.metadata, key) for key in own}
    convention = replace(convention, **_assumed({k: v for k, v in stated.items() if v in own[k]}))
    return replace(convention, **_assumed(reading.assume))


def _assumed(entries: Mapping[str, object]) -> dict[str, Any]:
    """Return entries of a convention as their types have them.

    Raises:
        UsageError: no such entry, or no such value.
    """
    known = [f.name for f in fields(Convention) if f.name not in STATED]
    hints, typed = get_type_hints(Convention), dict[str, Any]()
    for key, value in entries.items():
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
        typed[key] = int(text) if key == "spikes" else text == "True" if key == "rests" else text
    return typed


def word(metadata: Mapping[str, Any], key: str) -> str | None:
    """Return a text of a file's metadata; None where it is none."""
    text = metadata.get(key)
    return text if isinstance(text, str) else None
