"""The images of the core's memories, row by row, as the configuration port takes them."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil

import numpy as np

from eideploy.backends.digital.core.layout import Memories, load, routes
from eideploy.backends.digital.parameters import GENERAL_FIELDS, Fields, Shape
from eideploy.backends.digital.program import Program, Stage
from eideploy.circuit import Neurons
from eideploy.numeric.fixed import Int, top

Image = list[int]  # the rows of a memory, from row 0 up


def images(program: Program, shape: Shape) -> dict[str, Image]:
    """Return the rows of every memory of MEMORIES that the program uses.

    Every row is one integer, its first lane or field lowest. A table with fewer entries than the
    core's is repeated: entry i stands for all indices that begin with its bits.
    """
    memories, used = load(program), {use.resource: use.used for use in program.uses}
    entries, along_y, along_x = routes(program)
    rows = shape.row_bits()
    at_once = program.target.core.update_lanes
    parameters = _parameters(program, shape, memories)[: used["parameter words"] // at_once]
    lanes = (memories.align << shape.target.widths.shift) + memories.shift
    lane_bits = rows["lane"] // shape.target.core.lanes
    return {
        "steps": [program.circuit.steps],
        "program": [_entry(program, stage, shape) for stage in program.stages],
        "route": [_packed(vars(entry), shape.route_fields()) for entry in entries],
        "axis_y": [_packed(vars(entry), shape.axis_fields()) for entry in along_y],
        "axis_x": [_packed(vars(entry), shape.axis_fields()) for entry in along_x],
        "weight": _joined(memories.weight[: used["weight rows"]], shape.target.widths.weight),
        "lane": _joined(lanes[: used["lane rows"]], lane_bits),
        "parameter": parameters,
        "gain": memories.gain[: used["gain words"]].tolist(),
        "table": _table(program, shape),
    }


def hex_text(image: Image, bits: int) -> str:
    """Return an image as text: a row a line, in hexadecimal digits."""
    digits = ceil(bits / 4)
    return "".join(f"{row:0{digits}x}\n" for row in image)


def _entry(program: Program, stage: Stage, shape: Shape) -> int:
    """Return a word of the program memory."""
    at_once = program.target.core.update_lanes
    rows = stage.rows
    step = stage.stride if stage.stride < stage.kernel else 0  # else an event has one tap
    node, current_top, membrane_top = program.layer(stage), 0, 0
    has_floor = False
    of_neurons = {"leak": 0, "to_zero": 0, "max_spikes": 1, **dict.fromkeys(GENERAL_FIELDS, 0)}
    if not stage.is_readout:
        lif = program.circuit.node(stage.lif)
        assert isinstance(lif, Neurons)
        current_top, membrane_top = (
            top(node.integer_current.current_bits),
            top(lif.integer_model.membrane_bits),
        )
        has_floor = node.division.zero_policy == "floor"
        of_neurons |= lif.integer_model.rtl() or {}  # shape_of has refused others
    values = {
        **{field: getattr(stage, field, 0) for field in shape.stage_fields()},
        "is_readout": int(stage.is_readout),
        "is_folded": int(stage.is_folded),
        "is_static": int(stage.is_static),
        "has_floor": int(has_floor),
        "is_last": int(stage is program.stages[-1]),
        "rows": rows,
        "rows_i": stage.inhibition_rows,
        "step_y": step * stage.kernel * rows,
        "step_x": step * rows,
        "membrane_base": stage.membrane_base // at_once,
        "parameter_base": stage.parameter_base // at_once,
        "leak": of_neurons["leak"],
        "to_zero": of_neurons["to_zero"],
        "max_spikes": of_neurons["max_spikes"],
        "general": _packed(of_neurons, GENERAL_FIELDS),
        "current_top": current_top,
        "membrane_top": membrane_top,
    }
    return _packed(values, shape.stage_fields())


def _parameters(program: Program, shape: Shape, memories: Memories) -> Image:
    """Return the rows of the parameter memory, R neurons in each."""
    divider = program.division.divider
    fields = shape.parameter_fields()
    is_neuron = memories.floor > 0  # a floor is at least 1; words beyond a stage's neurons are zero
    columns = {
        "threshold": memories.threshold.tolist(),
        "bias": memories.bias.tolist(),
        "fraction": np.where(is_neuron, memories.fraction - divider.fraction_bits, 0).tolist(),
        "floor": memories.floor.tolist(),
    }
    if own := shape.own_fields():
        of_neurons = zip(*(getattr(memories, name).tolist() for name in own), strict=True)
        columns["own"] = [_packed(dict(zip(own, v, strict=True)), own) for v in of_neurons]
    words = [
        _packed(dict(zip(columns, values, strict=True)), fields)
        for values in zip(*columns.values(), strict=True)
    ]
    return _gathered(words, program.target.core.update_lanes, sum(fields.values()))


def _table(program: Program, shape: Shape) -> Image:
    divider = program.division.divider
    if not shape.rtl.has_table:
        return []
    return np.repeat(divider.table, (1 << shape.table_bits) // divider.table.size).tolist()


def _joined(rows: Int, bits: int) -> Image:
    return [_joined_row(row, bits) for row in rows.tolist()]


def _joined_row(row: Sequence[int], bits: int) -> int:
    joined = 0
    for value in reversed(row):
        joined = joined << bits | value & (1 << bits) - 1
    return joined


def _gathered(words: Iterable[int], count: int, bits: int) -> Image:
    """Return rows of `count` words each."""
    listed = list(words)
    return [_joined_row(listed[i : i + count], bits) for i in range(0, len(listed), count)]


def _packed(values: Mapping[str, int], fields: Fields) -> int:
    """Return the fields in one integer, the first one lowest; negative ones in two's complement."""
    word, at = 0, 0
    for name, bits in fields.items():
        value = int(values[name])
        assert -(1 << bits - 1) <= value < 1 << bits, (name, value)  # check_widths has proven it
        word |= (value & (1 << bits) - 1) << at
        at += bits
    return word
