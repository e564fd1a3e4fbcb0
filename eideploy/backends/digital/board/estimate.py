"""What a core takes of an FPGA, estimated before any tool runs, as synthesised cores took."""

from dataclasses import asdict
from math import ceil

from eideploy.backends.digital.parameters import Shape
from eideploy.target import Resources, Target

BLOCKS = (
    (512, 36),
    (1024, 18),
    (2048, 9),
    (4096, 4),
    (8192, 2),
    (16384, 1),
)  # 18 Kbit, rows by bits
SMALL_ROWS, SMALL_BITS, SMALL_CELLS = (
    16,
    4,
    6,
)  # a memory of lookup tables, and what one takes of them
SMALL_PER_BLOCK = 24  # so many small ones are still taken rather than a block
# What an image fills and nobody writes is logic: a lookup table for 16 rows of a bit, less what is
# alike.
CONSTANT_PER_BLOCK, CONSTANT_CELLS = 400, 0.6
MULTIPLIER = 18  # bits of an operand
MOST_FILLED = 0.85  # of the lookup tables: beyond, routing rarely ends
LINK = 1500  # lookup tables of the serial line, its frames and the answers
# Lookup tables of the logic as yosys 0.23 makes them for ECP5 (docs/boards.md has them beside the
# estimate): at all, a lane and a bit of its sums, an update lane and a bit of NUM and DEN.
AT_ALL, LANE_BIT, UPDATE_BIT = 2500.0, 9.1, 19.0
# Flip flops of pipelined cores as yosys 0.66 makes them, for the same: within an eighth of the five
# designs that it was fitted to.
FLIP_FLOPS, LANE_FLIP_FLOPS, UPDATE_FLIP_FLOPS = 570.0, 5.6, 23.0


def estimated(shape: Shape) -> Resources:
    """Return about what the core takes, with the board's serial line."""
    widths, core = shape.target.widths, shape.target.core
    blocks, tables = 1, 0.0  # a payload's buffer
    for rows, bits, copies, is_constant in _memories(shape):
        block = min(ceil(rows / depth) * ceil(bits / width) for depth, width in BLOCKS)
        if is_constant:
            cells, most, each = ceil(rows / SMALL_ROWS) * bits, CONSTANT_PER_BLOCK, CONSTANT_CELLS
        else:
            cells = ceil(rows / SMALL_ROWS) * ceil(bits / SMALL_BITS)
            most, each = SMALL_PER_BLOCK, SMALL_CELLS
        is_small = cells <= most * block
        blocks += 0 if is_small else copies * block
        tables += copies * cells * each if is_small else 0
    sums = core.lanes * (widths.accumulator + widths.divisor)
    sums += core.sums_i * widths.inhibition * core.runs_factored
    updated = core.update_lanes * (widths.accumulator + widths.divisor)
    tables += AT_ALL + LANE_BIT * sums + UPDATE_BIT * updated + LINK
    flip_flops = FLIP_FLOPS + LANE_FLIP_FLOPS * sums + UPDATE_FLIP_FLOPS * updated
    return Resources(
        lookup_tables=round(tables),
        flip_flops=round(flip_flops),
        block_memories=blocks,
        multipliers=_multipliers(shape),
    )


def excess(needed: Resources, offered: Resources) -> dict[str, tuple[int, int]]:
    """Return what is needed beyond what an FPGA can be filled with: needed, offered."""
    limits = {
        name: int(count * (MOST_FILLED if name == "lookup_tables" else 1))
        for name, count in asdict(offered).items()
    }
    return {
        name: (count, limits[name])
        for name, count in asdict(needed).items()
        if count > limits[name]
    }


def shares_text(target: Target, needed: Resources | None) -> list[str]:
    """Return lines that say what is estimated to be taken of a board; none without an estimate."""
    if needed is None or target.board is None:
        return []
    offered = asdict(target.board.resources)
    shares = ", ".join(
        f"{count:,} of {offered[name]:,} {name.replace('_', ' ')}"
        for name, count in asdict(needed).items()
    )
    core = target.core
    return [
        f"  {core.lanes} lanes, {core.update_lanes} update lanes; estimated: {shares}",
        "  eideploy board build says what it takes, and makes the bitstream",
    ]


def _memories(shape: Shape) -> list[tuple[int, int, int, bool]]:
    """Return rows, bits and copies of every memory, and whether nothing writes it."""
    target, bits = shape.target, shape.row_bits()
    memory, core, widths = target.memory, target.core, target.widths
    groups = ceil(memory.parameter_words / core.update_lanes)
    listed = [
        (core.layers, bits["program"], 1, True),
        (core.routes, bits["route"], 1, True),
        (memory.axis_words, bits["axis_y"], 2, True),
        (memory.weight_rows, bits["weight"], 1, True),
        (memory.lane_rows, bits["lane"], 1, True),
        (groups, bits["parameter"], 1, True),
        (memory.accumulator_rows, core.lanes * widths.accumulator, 1, False),
        (memory.accumulator_rows, core.lanes * widths.divisor, 1, False),
        (memory.membrane_words // core.update_lanes, core.update_lanes * widths.membrane, 1, False),
        (memory.spike_rows, core.lanes * shape.spike_bits, 1, False),
    ]
    if core.runs_factored:
        listed += [(memory.gain_words, bits["gain"], 1, True)]
        listed += [(memory.inhibition_rows, core.sums_i * widths.inhibition, 1, False)]
    if shape.rtl.has_table:
        listed.append((1 << shape.table_bits, shape.entry_bits, core.update_lanes, True))
    return listed


def _multipliers(shape: Shape) -> int:
    """Return the multipliers of lanes, addresses, gain and dividers."""
    widths, core = shape.target.widths, shape.target.core
    event = max(widths.input, shape.spike_bits)
    value = max(event, widths.inhibition if core.runs_factored else 0)
    gained = value + (widths.gain if core.runs_factored else 0)
    lane = _tiles(widths.weight + 1, value + 1) + _tiles(widths.weight, gained)
    others = (3 if core.lanes_i else 2) * _tiles(shape.address_bits, shape.address_bits)
    others += _tiles(value, widths.gain) if core.runs_factored else 0
    others += core.lanes_i * _tiles(widths.weight, event)
    division = _tiles(widths.accumulator, shape.entry_bits) if shape.rtl.has_table else 0
    return core.lanes * lane + others + core.update_lanes * division


def _tiles(one: int, other: int) -> int:
    return ceil(one / MULTIPLIER) * ceil(other / MULTIPLIER)
