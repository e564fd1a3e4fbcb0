"""What a graph itself says of the convention that it is written in.

A file does not say how long a step is, and most tools write r so that an input is added as it is:
r dt / tau = 1. So dt is tau / r, where that is one round number throughout.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.backends.nir.conventions import Convention, Tool
from eideploy.backends.nir.foreign.file import Fields, Graph
from eideploy.backends.nir.foreign.neurons import depends_on_step
from eideploy.backends.nir.foreign.numbers import Unsupported, field, number
from eideploy.circuit import Array

CLOSE = 1e-4  # relative: single precision, after a difference
ROUND = (1.0, 2.0, 2.5, 5.0)  # mantissas of steps that people choose


@dataclass(frozen=True, kw_only=True)
class Step:
    """How long a step is, as tau is written; and why, in words."""

    dt: float
    because: str
    contradiction: str = ""


def tool_of(graph: Graph) -> tuple[Tool, str] | None:
    """Return the tool that nodes of a graph can only be of, and why; None where none can."""
    names = list(graph.nodes)
    rockpool = [n for n in names if n.endswith(("LIFNeuronTorch", "LIFTorch", "LinearTorch"))]
    if rockpool:
        return "rockpool", f"the node {rockpool[0]}"
    leaky = [node for node in graph.nodes.values() if node["type"] in ("LIF", "CubaLIF")]
    steps = list(_numbers(_spyx(leaky)))
    if steps and max(abs(one - 1) for one in steps) < CLOSE:
        return "spyx", "r = 1 - 1 / tau throughout"
    return None


def step_of(graph: Graph, tool: Tool, convention: Convention, *, seconds: float | None) -> Step:
    """Return how long a step is: what the user says, the file, its numbers, the tool's default.

    Raises:
        Unsupported: no positive number.
    """
    timed = [node for node in graph.nodes.values() if depends_on_step(node)]
    of_file = witnessed(timed, tool)
    if seconds is not None or "dt" in graph.metadata:
        dt = _positive(seconds if seconds is not None else graph.metadata["dt"])
        by = "--dt" if seconds is not None else "the file's metadata"
        if tool == "norse":
            return _norse(timed, dt, by)
        clash = ""
        if of_file is not None and abs(of_file / dt - 1) > CLOSE:
            clash = (
                f"{by} says steps of {dt:g} s, and the file's r, tau and v_threshold are those of "
                f"steps of {of_file:g} s: with {dt:g} inputs are {dt / of_file:.3g} times as strong"
            )
        return Step(dt=dt, because=by, contradiction=clash)
    if tool == "norse":
        return _norse(timed, convention.dt, "norse's default")
    if of_file is not None:
        return Step(dt=of_file, because="r and tau of the file, which are of such steps")
    return Step(dt=convention.dt, because=f"the default of {tool}, as the file does not say it")


def witnessed(timed: Iterable[Fields], tool: Tool) -> float | None:
    """Return how long a step is by the numbers of neurons; None where they do not say it."""
    timed = list(timed)
    rule = RULES.get(tool, _as_it_is)
    steps = list(_numbers(rule(timed)))
    if not steps or max(steps) > min(steps) * (1 + CLOSE):
        return None
    step = float(np.median(steps))
    mantissa = step / 10.0 ** np.floor(np.log10(step))
    near = [m for m in (*ROUND, 10.0) if abs(mantissa / m - 1) < CLOSE]
    if near:
        return float(f"{step:.3g}")
    return step if tool in ("rockpool",) else None


def _as_it_is(timed: Iterable[Fields]) -> Iterator[Array]:
    """Yield tau / r, and 1 / r of neurons without a leak: dt where inputs are added as they are."""
    for node in timed:
        if node["type"] == "Delay":
            continue
        r = field(node, "r")
        if node["type"] in ("IF", "I"):
            yield 1 / r
        elif not (r == 1).all():
            yield _quotient(_tau(node), r)


def _spyx(timed: Iterable[Fields]) -> Iterator[Array]:
    """Yield tau (1 - r), as r is 1 - dt / tau."""
    for node in timed:
        if node["type"] in ("LIF", "CubaLIF"):
            tau, r = _tau(node), field(node, "r")
            if tau.size == r.size and (np.abs(r) < 1).all():
                yield tau * (1 - r)
            else:
                yield np.array([np.nan])


def _rockpool(timed: Iterable[Fields]) -> Iterator[Array]:
    """Yield the dt of r = exp(-a) / a, a = dt / tau: a exp(a) = 1 / r, by Newton's method."""
    for node in timed:
        if node["type"] in ("LIF", "CubaLIF", "LI"):
            tau, r = _tau(node), field(node, "r")
            if tau.size != r.size or not (r > 0).all():
                continue
            a = np.log1p(1 / r)
            for _ in range(30):
                a = a - (a * np.exp(a) - 1 / r) / (np.exp(a) * (1 + a))
            yield tau * a


RULES = {"spyx": _spyx, "rockpool": _rockpool}


def _norse(timed: Iterable[Fields], dt: float, by: str) -> Step:
    """Return the step of norse's files, whose tau is dt times what it is in seconds."""
    constants = [float(_tau(n).min()) for n in timed if "tau" in n or "tau_mem" in n]
    shortest = min(constants, default=dt)
    if shortest < dt * (1 - CLOSE):  # no time constant is shorter than a step
        why = f"{by} is steps of {dt:g} s, and norse 1.1 writes dt / tau_mem_inv, dt times tau"
        return Step(dt=dt**2, because=why)
    return Step(dt=dt, because=f"{by}, and tau is in seconds: none is below {dt:g}")


def _tau(node: Mapping[str, object]) -> Array:
    return field(node, "tau_mem" if "tau_mem" in node else "tau")


def _quotient(one: Array, other: Array) -> Array:
    if 1 not in (one.size, other.size) and one.size != other.size:
        return np.array([np.nan])
    with np.errstate(all="ignore"):
        return one.ravel() / other.ravel()


def _numbers(arrays: Iterator[Array]) -> Iterator[float]:
    """Yield positive numbers; nothing at all where some is none, or a field is damaged."""
    try:
        values = [float(x) for array in arrays for x in (array.min(), array.max())]
    except Unsupported:
        return
    if all(np.isfinite(x) and x > 0 for x in values):
        yield from values


def _positive(entry: object) -> float:
    value = number(entry, "dt")
    if not 0 < value < np.inf:
        raise Unsupported(f"dt is {value:g}", "say how long a step is with --dt SECONDS")
    return value
