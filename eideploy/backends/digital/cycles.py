"""The cycle model: how long the digital core takes, from a trace (docs/digital_core.md, C1..C13).

A formula, batched over samples; the digital backend's state machine steps the same core instead.
"""

from collections.abc import Iterator

import numpy as np

from eideploy.backends.digital.counts import Cycles, StageCycles
from eideploy.backends.digital.program import Program, Route, Stage, require_static
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.execute.trace import Trace
from eideploy.numeric.fixed import Int
from eideploy.shown import kind_of

CYCLE_KINDS = frozenset({"spikes", "inhibition", "inputs"})  # what a trace must keep


def count_cycles(program: Program, trace: Trace) -> Cycles:
    """Return the cycles of the run of `program` that `trace` recorded with CYCLE_KINDS.

    Raises:
        UsageError: no program, or a trace of other kinds.
    """
    if not isinstance(program, Program):
        raise UsageError(
            f"{kind_of(program)} has no cycles, a program on a core has",
            where="program",
            fix="give what compile_circuit returned, or load_build(folder).program",
        )
    if program.count is not None:
        return program.count(program, trace)
    missing = sorted(kind for kind in CYCLE_KINDS if not getattr(trace, kind))
    if missing and not (missing == ["inhibition"] and all(s.is_folded for s in program.stages)):
        raise UsageError(
            f"the trace does not hold {', '.join(missing)}",
            where="trace",
            fix="record it with run_integer(circuit, samples, keep=eideploy.CYCLE_KINDS)",
        )
    require_static(program, trace.inputs[program.circuit.input.name])
    return Cycles(stages={stage.name: _count(program, stage, trace) for stage in program.stages})


def _count(program: Program, stage: Stage, trace: Trace) -> StageCycles:
    latency = program.target.latency
    following = [_rows_of_event(route) for route in stage.routes[1:]] + [0]
    scans = [
        _scan(program, stage, *source, then=then)
        for source, then in zip(_sources(program, stage, trace), following, strict=True)
    ]
    steps, batch = scans[0][0].shape
    at = np.arange(steps)[:, None]
    adds = at == 0 if stage.is_static else at >= 0  # events to its sums
    last = at == steps - 1 if stage.is_readout else at >= 0
    scanned, events, row_operations = (
        np.where(adds, np.sum(part, axis=0), 0) for part in zip(*scans, strict=True)
    )
    scanned = np.where(adds, scanned + _rows_of_event(stage.routes[0]) - 1, 0)
    inhibit, active = np.zeros((2, steps, batch), np.int64)
    if not stage.is_folded:
        counted, active = _inhibit(program, stage, trace.inhibition[stage.name])
        inhibit = np.where(last & adds, counted + latency.inhibit, 0)
        active = np.where(adds, active, 0)
    minimum, update = _hidden(program, stage)  # the least divisor is kept with the sums
    output = stage.n_e + latency.output if stage.is_readout else 0
    phases = {
        "setup": latency.setup,
        "accumulate": np.where(adds, scanned + latency.accumulate, 0),
        "inhibit": inhibit,
        "minimum": np.where(adds, minimum, 0),
        "update": update,
        "output": np.where(last, output, 0),
    }
    return StageCycles(
        phases={
            phase: np.broadcast_to(np.asarray(value, np.int64), (steps, batch))
            for phase, value in phases.items()
        },
        events=events,
        row_operations=row_operations,
        active=active,
        useful=row_operations // stage.rows * (stage.n_i + stage.n_e),
        offered=scanned * (program.target.core.lanes + program.target.core.lanes_i),
    )


def _sources(program: Program, stage: Stage, trace: Trace) -> Iterator[tuple[Route, Array]]:
    """Yield every route with what came along it, (T, B, channels, height, width)."""
    for route in stage.routes:
        if route.source:
            values = trace.spikes[program.stage(route.source).lif] > 0
            if route.is_late:
                values = np.concatenate([np.zeros_like(values[:1]), values[:-1]])
        else:
            values = trace.inputs[program.circuit.input.name] > 0
        yield route, values if values.ndim == 5 else values[..., None, None]


def _rows_of_event(route: Route) -> int:
    """Return how many rows of spikes are fetched until there are events to work on."""
    return route.window**2


def _scan(
    program: Program, stage: Stage, route: Route, values: Array, *, then: int
) -> tuple[Int, Int, Int]:
    """Return the cycles, events and row operations of one source, each (T, B) (C1..C3, C14).

    then  rows that are fetched while the last events are worked on: those of the next source's
          first window
    """
    taps = _taps(program, stage, route, values.shape[3:])
    fetched = _rows_of_event(route)
    if fetched > 1:
        values, taps = _windows(values, route.window), taps[:: route.window, :: route.window]
        taps = taps[: values.shape[3], : values.shape[4]]
    weight = np.maximum(1, taps * stage.rows)  # (C1)
    channels = values.shape[2]
    lanes = program.target.core.lanes if route.source else channels
    counts = np.add.reduceat(values, range(0, channels, lanes), axis=2, dtype=np.int64)
    work = counts * weight
    if route.source:  # (C2), (C14)
        last = np.maximum(1, work[:, :, -1, -1, -1])
        cycles = np.maximum(fetched, work).sum((2, 3, 4))
        cycles += np.maximum(then, last) - np.maximum(fetched, last)
    else:
        cycles = work.sum((2, 3, 4)) + max(1, then)  # (C3)
    return cycles, counts.sum((2, 3, 4)), (counts * (taps * stage.rows)).sum((2, 3, 4))


def _windows(values: Array, k: int) -> Array:
    """Return whether a neuron fired in a window of k x k, (T, B, channels, height, width)."""
    *outer, height, width = values.shape
    inner = values[..., : height // k * k, : width // k * k]
    parts = inner.reshape(*outer, height // k, k, width // k, k)
    return np.asarray(parts.any((-3, -1)))


def _taps(program: Program, stage: Stage, route: Route, size: tuple[int, ...]) -> Int:
    """Return how many taps an event at (y, x) of its source has, (height, width)."""
    height, width = size
    if program.layer(stage).is_conv:
        along_y = _axis_taps(stage, stage.in_height, stage.height)
        along_x = _axis_taps(stage, stage.in_width, stage.width)
    else:
        along_y = np.ones(height // route.pool, np.int64)
        along_x = np.ones(width // route.pool, np.int64)
    taps = np.zeros((height, width), np.int64)  # zero in the border that pooling drops
    inner = np.outer(along_y, along_x).repeat(route.pool, 0).repeat(route.pool, 1)
    taps[: inner.shape[0], : inner.shape[1]] = inner
    return taps


def _axis_taps(stage: Stage, size: int, out: int) -> Int:
    """Return how many windows hold each of `size` entries along an axis of `out` windows."""
    offset = np.arange(size)[:, None] + stage.padding - np.arange(out) * stage.stride
    return np.asarray(((offset >= 0) & (offset < stage.kernel)).sum(1))


def _inhibit(program: Program, stage: Stage, s: Array) -> tuple[Int, Int]:
    """Return the cycles of inhibit and the active units, each (T, B) (C4).

    s is (T, B, n_I, ...); a readout inhibits in the last step, on the sum over all steps.
    """
    s = s if s.ndim == 5 else s[..., None, None]
    units = s > 0
    if stage.is_readout:
        units = np.zeros_like(units)
        units[-1] = s.sum(0) > 0
    groups = range(0, stage.n_i, program.target.core.sums_i)
    active = np.add.reduceat(units, groups, axis=2, dtype=np.int64)
    return np.maximum(1, active * stage.groups_e).sum((2, 3, 4)), active.sum((2, 3, 4))


def _hidden(program: Program, stage: Stage) -> tuple[int, int]:
    """Return the cycles of minimum and update, zero for the readout (C5, C6)."""
    if stage.is_readout:
        return 0, 0
    division = program.layer(stage).division
    core, latency = program.target.core, program.target.latency
    interval = program.target.divider[division.divider.method].interval
    rows = stage.positions * stage.groups_e
    minimum = rows + latency.minimum if division.zero_policy == "minimum" else 0
    updates = stage.positions * -(-stage.n_e // core.update_lanes)
    return minimum, (updates - 1) * interval + 1 + program.update_latency(stage)
