"""The memories of the digital core, filled from a program as docs/digital_core.md lays them out."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array, IntegerLIF
from eideploy.circuit.integer import IntegerEILayer, IntegerSynapses
from eideploy.numeric.fixed import Int
from eideploy.program import Program, Stage

STALE = -1  # what stands in a memory that nobody has written; a run must not depend on it


@dataclass(frozen=True, kw_only=True, eq=False)
class Memories:
    """One array a memory; those of rows are (depth, P), those of words (depth,).

    num, den    the accumulator memory
    shift, align  the lane memory
    threshold, bias, fraction, floor  the parameter memory
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
    gain: Int


def load(program: Program) -> Memories:
    """Return the memories before the first inference.

    Accumulators and inhibitory sums are cleared; membranes and spikes hold what they happen to.
    """
    size, lanes = program.target.memory, program.target.core.lanes

    def rows(depth: int) -> Int:
        return np.zeros((depth, lanes), np.int64)

    def words() -> Int:
        return np.zeros(size.parameter_words, np.int64)

    memories = Memories(
        weight=rows(size.weight_rows),
        num=rows(size.accumulator_rows),
        den=rows(size.accumulator_rows),
        inhibition=rows(size.inhibition_rows),
        spike=rows(size.spike_rows) + STALE,
        shift=rows(size.lane_rows),
        align=rows(size.lane_rows),
        membrane=np.full(size.membrane_words, STALE),
        threshold=words(),
        bias=words(),
        fraction=words(),
        floor=words(),
        gain=np.zeros(size.gain_words, np.int64),
    )
    for stage in program.stages:
        _load_stage(memories, program, stage)
    return memories


def _load_stage(memories: Memories, program: Program, stage: Stage) -> None:
    node = program.circuit.node(stage.name)
    lanes = program.target.core.lanes
    assert isinstance(node, IntegerSynapses)
    w_ie, w_ee = (_in_lanes(w.reshape(len(w), -1), lanes) for w in (node.w_ie, node.w_ee))
    _write(memories.weight, stage.weight_base, np.concatenate([w_ie, w_ee], axis=1))
    _write(memories.weight, stage.inhibitory_base, _in_lanes(node.w_ei, lanes))
    _write(memories.shift, stage.lane_base, _in_lanes(node.shift_ee[:, None], lanes))
    if isinstance(node, IntegerEILayer):
        lif = program.circuit.node(stage.lif)
        assert isinstance(lif, IntegerLIF)
        _write(memories.align, stage.lane_base, _in_lanes(node.align[:, None], lanes))
        _write(memories.gain, stage.gain_base, node.gain)
        _write(memories.threshold, stage.parameter_base, lif.threshold)
        _write(memories.bias, stage.parameter_base, node.bias)
        _write(memories.fraction, stage.parameter_base, node.fraction)
        _write(memories.floor, stage.parameter_base, node.floor)


def _in_lanes(w: Array, lanes: int) -> Array:
    """Return w (n, m) as (m, groups, lanes), zero beyond n."""
    padded = np.pad(w, ((0, -len(w) % lanes), (0, 0)))
    return padded.T.reshape(w.shape[1], -1, lanes)


def _write(memory: Int, base: int, content: Array) -> None:
    rows = content.reshape(-1, *memory.shape[1:])
    memory[base : base + len(rows)] = rows


def spikes_of(memories: Memories, stage: Stage) -> Array:
    """Return the spikes that stand in the spike memory, (n_E, height, width)."""
    rows = memories.spike[stage.spike_base :][: stage.positions * stage.groups_e]
    grid = rows.reshape(stage.height, stage.width, -1)[..., : stage.n_e]
    return grid.transpose(2, 0, 1).astype(bool)


def membranes_of(memories: Memories, stage: Stage, update_lanes: int) -> Int:
    """Return the membranes that stand in the membrane memory, (n_E, height, width)."""
    pitch = -(-stage.n_e // update_lanes) * update_lanes
    words = memories.membrane[stage.membrane_base :][: stage.positions * pitch]
    grid = words.reshape(stage.height, stage.width, pitch)[..., : stage.n_e]
    return grid.transpose(2, 0, 1).copy()
