"""What stands in the digital core's memories: a program as docs/digital_core.md lays it out."""

from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.digital.program import Program, Route, Stage
from eideploy.circuit import Array, Factored, IntegerCurrent, Neurons
from eideploy.neurons import IntegerNeuron
from eideploy.numeric.fixed import Int

WRITTEN = (
    "num",
    "den",
    "inhibition",
    "spike",
    "membrane",
    "synapse",
)  # by a run; all else is loaded once
STALE = -1  # what stands in a memory that nobody has written; a run must not depend on it


@dataclass(frozen=True, kw_only=True, eq=False)
class Memories:
    """One array a memory; those of rows are (depth, P), those of words (depth,).

    weight      (depth, P + Q)
    inhibition  (depth, Q), or P where there are no lanes of their own
    num, den    the accumulator memory
    shift, align  the lane memory
    threshold, bias, fraction, floor  the parameter memory; the floor is what stands for every
                divisor where none is looked at
    leak, synapse_leak, v_reset, v_min  the parameter memory of a core with general neurons
    synapse     what their filters hold, beside the membranes
    """

    weight: Int
    num: Int
    den: Int
    inhibition: Int
    spike: Int
    shift: Int
    align: Int
    membrane: Int
    threshold: Int
    bias: Int
    fraction: Int
    floor: Int
    leak: Int
    synapse_leak: Int
    v_reset: Int
    v_min: Int
    synapse: Int
    gain: Int

    def copied(self) -> "Memories":
        """Return memories of the same content, of which what a run writes is its own."""
        return replace(self, **{name: getattr(self, name).copy() for name in WRITTEN})


def load(program: Program) -> Memories:
    """Return the memories before the first inference, as deep as the program takes them.

    Accumulators and inhibitory sums are cleared; membranes and spikes hold what they happen to.
    """
    used = {use.resource: use.used for use in program.uses}
    core = program.target.core

    def rows(memory: str, lanes: int = core.lanes) -> Int:
        return np.zeros((used[f"{memory} rows"], lanes), np.int64)

    def words(memory: str) -> Int:
        return np.zeros(used[f"{memory} words"], np.int64)

    memories = Memories(
        weight=rows("weight", core.lanes + core.lanes_i),
        num=rows("accumulator"),
        den=rows("accumulator"),
        inhibition=rows("inhibition", core.sums_i),
        spike=rows("spike") + STALE,
        shift=rows("lane"),
        align=rows("lane"),
        membrane=words("membrane") + STALE,
        threshold=words("parameter"),
        bias=words("parameter"),
        fraction=words("parameter"),
        floor=words("parameter"),
        leak=words("parameter"),
        synapse_leak=words("parameter"),
        v_reset=words("parameter"),
        v_min=words("parameter"),
        synapse=words("membrane") + STALE,
        gain=words("gain"),
    )
    for stage in program.stages:
        _load_stage(memories, program, stage)
    return memories


def _load_stage(memories: Memories, program: Program, stage: Stage) -> None:
    node, core = program.layer(stage), program.target.core
    lanes = core.lanes
    w, current = node.projection, node.current
    if isinstance(w, Factored) and core.lanes_i:
        beside = [(w.w_ee, lanes), (w.w_ie, core.lanes_i)]
        rows = [_in_lanes(one.reshape(len(one), -1), many, stage.rows) for one, many in beside]
        _write(memories.weight, stage.weight_base, np.concatenate(rows, axis=2))
    else:  # W_IE (of a folded stage: the denominator's) before W_EE (the numerator's)
        rows = [_in_lanes(one.reshape(len(one), -1), lanes) for one in reversed(w.weights)]
        _write(memories.weight, stage.weight_base, np.concatenate(rows, axis=1))
    if isinstance(w, Factored):
        _write(memories.weight, stage.inhibitory_base, _in_lanes(w.w_ei, lanes))
        _write(memories.shift, stage.lane_base, _in_lanes(w.shift[:, None], lanes))
        if w.g_i is not None:
            _write(memories.gain, stage.gain_base, w.g_i)
    if isinstance(current, IntegerCurrent):
        lif = program.circuit.node(stage.lif)
        assert isinstance(lif, Neurons)
        _write(memories.align, stage.lane_base, _in_lanes(current.align[:, None], lanes))
        for name, values in own_of(lif.integer_model).items():
            _write(getattr(memories, name), stage.parameter_base, values)
        _write(memories.bias, stage.parameter_base, current.bias)
        _write(memories.fraction, stage.parameter_base, current.fraction)
        _write(memories.floor, stage.parameter_base, current.stand_in)


def own_of(model: IntegerNeuron) -> dict[str, Array]:
    """Return what neurons have of their own in the parameter memory, by field.

    In units of its leak a LIF neuron's factor is 1; without a v_min a membrane ends where its width
    does.
    """
    like, lowest = model.threshold, -(1 << model.membrane_bits - 1)
    values = {"leak": np.ones_like(like), "v_min": np.full_like(like, lowest)}
    return values | {name: getattr(model, name) for name in model.per_neuron}


def _in_lanes(w: Array, lanes: int, groups: int | None = None) -> Array:
    """Return w (n, m) as (m, groups, lanes), zero beyond n; as many groups as n takes."""
    size = -(-len(w) // lanes) * lanes if groups is None else groups * lanes
    padded = np.pad(w, ((0, size - len(w)), (0, 0)))
    return padded.T.reshape(w.shape[1], -1, lanes)


def _write(memory: Int, base: int, content: Array) -> None:
    rows = content.reshape(-1, *content.shape[2:])
    memory[(slice(base, base + len(rows)), *(slice(n) for n in rows.shape[1:]))] = rows


def spikes_of(memories: Memories, stage: Stage, step: int) -> Array:
    """Return the spikes that stand in the spike memory behind a step, (n_E, height, width)."""
    rows = memories.spike[stage.spike_base + step % 2 * stage.spike_bank :]
    rows = rows[: stage.positions * stage.groups_e]
    grid = rows.reshape(stage.height, stage.width, -1)[..., : stage.n_e]
    return grid.transpose(2, 0, 1).copy()


def membranes_of(memories: Memories, stage: Stage, update_lanes: int) -> Int:
    """Return the membranes that stand in the membrane memory, (n_E, height, width)."""
    pitch = -(-stage.n_e // update_lanes) * update_lanes
    words = memories.membrane[stage.membrane_base :][: stage.positions * pitch]
    grid = words.reshape(stage.height, stage.width, pitch)[..., : stage.n_e]
    return grid.transpose(2, 0, 1).copy()


@dataclass(frozen=True, kw_only=True)
class RouteEntry:
    """A route as the core's event scanner reads it.

    base           its first row in the spike memory, 0 for the input port
    last_y, last_x  of its map, before pooling; of one that is scanned by windows, of the last one
    axis           its first word in the axis memories
    pitch          rows of weights between two channels
    following      the route that is scanned next, in the same stage or in another; behind the last
                   the first one of the next time step
    is_late        its spikes are those of the step before
    bank           rows between the spikes of even and of odd steps
    window         sides of the windows that it is scanned by, 1 without
    step_*         rows from one row to the next, which is the next line's of the window, in the
                   next group of the window, in the next window, or in the next band of windows;
                   along a line `groups`
    """

    is_port: int
    is_last: int
    base: int
    groups: int
    last_y: int
    last_x: int
    axis: int
    pitch: int
    following: int
    is_late: int
    bank: int
    window: int
    step_line: int
    step_group: int
    step_window: int
    step_band: int


@dataclass(frozen=True, kw_only=True)
class AxisEntry:
    """The taps along one axis of the events at one coordinate of a source.

    count     how many; 0 in the border that pooling drops
    position  the first tap's output position, along y times the output's width
    weight    the first tap's row of weights within a channel; the next tap's is `stride` entries
              of the kernel lower
    """

    count: int
    position: int
    weight: int


def windows(stage: Stage, at: int, out: int) -> range:
    """Return which of `out` windows along an axis hold the entry `at` of its input."""
    last = (at + stage.padding) // stage.stride
    first = (at + stage.padding - stage.kernel) // stage.stride + 1
    return range(max(first, 0), min(last, out - 1) + 1)


def routes(
    program: Program,
) -> tuple[tuple[RouteEntry, ...], tuple[AxisEntry, ...], tuple[AxisEntry, ...]]:
    """Return the words of the route memory and of the axis memories (y, x)."""
    entries: list[RouteEntry] = []
    along_y: list[AxisEntry] = []
    along_x: list[AxisEntry] = []
    total = sum(len(stage.routes) for stage in program.stages)
    again = len(program.stages[0].routes) if program.is_static else 0
    for stage in program.stages:
        for route in stage.routes:
            height, width = map_of(program, route)
            source = program.stage(route.source) if route.source else None
            pitch, y, x = _axes(program, stage, route)
            groups, k = (source.groups_e if source else 1), route.window
            inner_y, inner_x = height // k * k, width // k * k
            line, beside = width * groups, (k - 1) * groups
            entries.append(
                RouteEntry(
                    is_port=int(source is None),
                    is_last=int(route is stage.routes[-1]),
                    base=source.spike_base if source else 0,
                    groups=groups,
                    last_y=inner_y - k,
                    last_x=inner_x - k,
                    axis=len(along_y),
                    pitch=pitch,
                    following=len(entries) + 1 if len(entries) + 1 < total else again,
                    is_late=int(route.is_late),
                    bank=source.spike_bank if source else 0,
                    window=k,
                    step_line=line - beside,
                    step_group=1 - (k - 1) * line - beside,
                    step_window=1 - (k - 1) * line,
                    step_band=1 + (width - inner_x) * groups,
                )
            )
            words = max(height, width)
            along_y += y + [_NO_TAPS] * (words - height)
            along_x += x + [_NO_TAPS] * (words - width)
    return tuple(entries), tuple(along_y), tuple(along_x)


def map_of(program: Program, route: Route) -> tuple[int, int]:
    """Return the height and width of a route's map, before pooling."""
    if route.source:
        stage = program.stage(route.source)
        return stage.height, stage.width
    size = program.circuit.input.size
    return (size[1], size[2]) if len(size) == 3 else (1, 1)


_NO_TAPS = AxisEntry(count=0, position=0, weight=0)


def _axes(
    program: Program, stage: Stage, route: Route
) -> tuple[int, list[AxisEntry], list[AxisEntry]]:
    """Return the pitch of a route's channels, and its words along y and x."""
    rows, k = stage.rows, stage.kernel
    height, width = map_of(program, route)
    inner_y, inner_x = height // route.pool, width // route.pool
    if not program.layer(stage).is_conv:
        lines = (route.first + i * inner_x for i in range(inner_y))
        y = [AxisEntry(count=1, position=0, weight=line * rows) for line in lines]
        x = [AxisEntry(count=1, position=0, weight=i * rows) for i in range(inner_x)]
        pitch = inner_y * inner_x * rows
    else:
        pitch = k * k * rows
        first = route.first * pitch
        y = [_taps(stage, i, stage.height, stage.width, k * rows, first) for i in range(inner_y)]
        x = [_taps(stage, i, stage.width, 1, rows) for i in range(inner_x)]
    return pitch, _unpooled(y, route.pool, height), _unpooled(x, route.pool, width)


def _taps(stage: Stage, at: int, out: int, position: int, weight: int, base: int = 0) -> AxisEntry:
    found = windows(stage, at, out)
    if not found:
        return _NO_TAPS
    first = found[0]
    offset = at + stage.padding - first * stage.stride
    return AxisEntry(count=len(found), position=first * position, weight=base + offset * weight)


def _unpooled(entries: list[AxisEntry], pool: int, size: int) -> list[AxisEntry]:
    """Return the words of all `size` coordinates of a map that is pooled by `pool`."""
    repeated = [entry for entry in entries for _ in range(pool)]
    return repeated + [_NO_TAPS] * (size - len(repeated))
