"""Negative controls: a core with one fault is told from the right one, in Icarus Verilog.

Here unknown values count, too: what no reset and no write has set may not reach a result.
"""

import functools
import re

import numpy as np
import pytest

from eideploy import shipped
from tests.rtl.directed import (
    DIRECTED,
    corners,
    every_bound,
    every_mantissa,
    folded,
    last_divisor,
    windows,
)
from tests.rtl.faults import case, differs

LANES = {
    "lut": {"lanes": 4, "update_lanes": 2},
    "exact": {"lanes": 4, "update_lanes": 1},
    "shift": {"lanes": 2, "update_lanes": 1},
    "shift2": {"lanes": 8, "update_lanes": 1},
    "fast": {"lanes": 4, "update_lanes": 2, "beside": 1, "pipelined": True},
    "pooled": {"lanes": 4, "update_lanes": 2, "pooled": True},
    "turn": {"lanes": 4, "update_lanes": 2, "pipelined": True},
    "wide": {"lanes": 16, "update_lanes": 2, "beside": 2, "pipelined": True},
}

# Of the core's memories; that of the denominators is one row deeper than is read, for the readout.
DEPTHS = {
    "program": "PROGRAM_ENTRIES", "route": "ROUTES",
    "axis_y": "AXIS_WORDS", "axis_x": "AXIS_WORDS",
    "weight": "WEIGHT_ROWS", "gain": "GAIN_WORDS",
    "num": "ACCUMULATOR_ROWS", "inhibition": "INHIBITION_ROWS",
    "lane": "LANE_ROWS", "parameter": "PARAMETER_ROWS",
    "membrane": "MEMBRANE_ROWS", "spike": "SPIKE_ROWS",
}  # fmt: skip
CORE = shipped.folder("targets") / "digital" / "rtl" / "eideploy_core.sv"


def shallower(name, depth):
    """Return the parameters of a memory in the core, and the same with a row less."""
    (found,) = re.finditer(rf"::{depth}(\)[^;]*\) {name}_memory)", CORE.read_text())
    return found[0], f"::{depth} - 1{found[1]}"


MUTANTS = {
    "every event has value 1": ("event_scanner", "op_value <= value;", "op_value <= 1;"),
    "windows along x in the wrong order": (
        "event_scanner", "weight_x - step_x", "weight_x + step_x"),
    "windows along y stay in their row": ("event_scanner", "position_y + width", "position_y"),
    "events of later groups are channels of the first": (
        "event_scanner", "first <= last_group ? '0 : first + A'(P);", "first <= '0;"),
    "a sum has one source": ("event_scanner", "source_ends && is_last;", "source_ends;"),
    "words are taken without room": (
        "event_scanner", "in_ready = room && is_port", "in_ready = is_port"),
    "events between the second and the last are left out": (
        "event_scanner", "last_event <= !old_three", "last_event <= 1'b1"),
    "a new row has one event": (
        "event_scanner", "last_event <= ahead_is_word || !new_two", "last_event <= 1'b1"),
    "three bits are never found": ("few_set", "(a[0] && b[1]) || (a[1] && b[0])", "1'b0"),
    "fast: the numerator comes before the table's entry": (
        "divider_table", "num3      <= num_late", "num3      <= num2"),
    "a border has taps": ("event_scanner", "count_y != '0 && count_x != '0", "1'b1"),
    "a sum is not forwarded": ("lanes", "same = valids[6] &&", "same = 1'b0 &&"),
    "excitation is not shifted": ("lanes", "product5 << shifts5[i*K+:K]", "product5"),
    "inhibition excites": ("running_sum", "old - change", "old + change"),
    "signed weights are unsigned": (
        "lanes", "{is_signed4 && weight[W-1], weight}", "{1'b0, weight}"),
    "all weights are signed": (
        "lanes", "is_folded && kinds[4] == eideploy_pkg::KIND_EE",
        "kinds[4] == eideploy_pkg::KIND_EE"),
    "folded divisors take a gain": (
        "lanes", "kind == eideploy_pkg::KIND_DEN ? G'(value) : ", ""),
    "folded divisors are added to the numerator, too": (
        "lanes", "is_divisor5 ? '0 : product5", "product5"),
    "a divisor is not forwarded": (
        "lanes", ".again     (again),\n        .again_late(again_late),\n        .stored    (den",
        ".again     (1'b0),\n        .again_late(again_late),\n        .stored    (den"),
    "folded divisors are numerators": (
        "address_generator", "divides ? eideploy_pkg::KIND_DEN", "divides ? eideploy_pkg::KIND_EE"),
    "inhibitory sums are shifted": (
        "address_generator", ": to_inhibition ? eideploy_pkg::KIND_IE :", ":"),
    "fast: s_I is not forwarded": (
        "lanes", "same_i = BESIDE &&", "same_i = 1'b0 &&"),
    "fast: a sum of two operations ago is not forwarded": (
        "lanes", "same_late = MORE != 0 &&", "same_late = 1'b0 &&"),
    "fast: s_I of two operations ago is not forwarded": (
        "lanes", "same_late_i = MORE != 0 &&", "same_late_i = 1'b0 &&"),
    "fast: the older of two sums is forwarded": (
        "running_sum", "again ? next : again_late ? last", "again_late ? last : again ? next"),
    "fast: a sum is forwarded a cycle late": (
        "running_sum", "again ? next : again_late", "again ? last : again_late"),
    "fast: products are added to the sum before theirs": (
        "lanes", ".CYCLES(MORE)\n    ) products", ".CYCLES(0)\n    ) products"),
    "turn: s_I of two operations ago is not forwarded": (
        "lanes", "same_late_i = MORE != 0 &&", "same_late_i = 1'b0 &&"),
    "fast: weights of W_EE are taken for W_IE": (
        "core", "weight_row[ROW-1-:O*W]", "weight_row[O*W-1:0]"),
    "fast: rows of s_I stand as far apart as those of NUM": (
        "address_generator", "event_position * groups_i", "event_position * groups_e"),
    "fast: a tap ends before its last row": (
        "event_scanner", "last_row <= rows - A'(1)", "last_row <= groups_e - A'(1)"),
    "fast: powers come a cycle early": (
        "divider_table", ".power    (power4)", ".power    (power3)"),
    "fast: thresholds come a cycle late": (
        "neuron", ".CYCLES(DEPTH - 1 - MORE)", ".CYCLES(DEPTH - 1)"),
    "wide: the least divisor of a row is taken before the tree has it": (
        "minimum", "valids[LAST] &&", "valids[LAST-1] &&"),
    "wide: a level of the tree has no register": (
        "minimum", "level == 0 ? 1", "level == 0 ? 1 : level == LEVELS ? 0"),
    "pooled: a window ends with its first line": (
        "event_scanner", "is_port || (last_column && last_line)", "is_port || last_column"),
    "pooled: the last row of a window is left out": (
        "event_scanner", "gathered[i*B+:B] + B'(spikes[i*Z+:Z])", "gathered[i*B+:B]"),
    "pooled: spikes of a window count once": (
        "event_scanner", "eideploy_pkg::EVENT_BITS'(row_counts[lane*B+:B])", "1"),
    "pooled: a window begins with the last one's sum": (
        "event_scanner", "if (enter || take) gathered", "if (enter) gathered"),
    "pooled: the next group is the next window": (
        "event_scanner", "STEP_GROUP+:A]", "STEP_WINDOW+:A]"),
    "pooled: the border is scanned": ("event_scanner", "STEP_BAND+:A]", "STEP_WINDOW+:A]"),
    "pooled: half a window is worked on": (
        "event_scanner", "ahead_valid && !ahead_is_part &&", "ahead_valid &&"),
    "pooled: gathering waits for the row": (
        "event_scanner", "assign gather = ahead_valid && ahead_is_part;",
        "assign gather = ahead_valid && ahead_is_part && (!row_valid || consume);"),
    "pooled: gathering counts as a wait": (
        "event_scanner", "!row_valid && (ahead_valid ? ahead_is_port : is_port)", "!row_valid"),
    "a folded stage inhibits": (
        "control", "is_folded ? summed_phase : eideploy_pkg::INHIBIT", "eideploy_pkg::INHIBIT"),
    "divisible is never cleared": ("lanes", "if (clear_divisible)", "if (1'b0)"),
    "the largest divisor replaces zeros": ("minimum", "one < other", "one > other"),
    "divisors are compared in different units": (
        "minimum", " << lane_row2[i*L+K+:eideploy_pkg::ALIGN_BITS]", ""),
    "currents do not saturate": ("neuron", "magnitude > {2'b00, current_top}", "1'b0"),
    "membranes outlive an inference": ("neuron", "is_first ? '0 : ", ""),
    "the leak of negative membranes is positive": ("neuron", "held >>> leak", "held >> leak"),
    "membranes wrap below": ("neuron", "raw < lowest ? lowest : raw", "raw"),
    "the floor is never used": ("neuron", "has_floor ? M'(floor_divisor) : least", "least"),
    "the threshold itself is silent": ("neuron", "u >= limit", "u > limit"),
    "currents are rounded down": (
        "scale", "({1'b0, shifted2[C-1:0]} + (C + 1)'(1)) >> 1", "{1'b0, shifted2[C-1:0]} >> 1"),
    "the table is read one bit higher": ("divider_table", "normal[M-2-:T]", "normal[M-1-:T]"),
    "spikes gather in the first lanes": (
        "update", "(P * Z)'(firing) << (part * R * Z)", "(P * Z)'(firing)"),
    "lanes beyond the last neuron fire": (
        "update", "exists[i] ? fires[i*Z+:Z] : '0", "fires[i*Z+:Z]"),
    "s_I is not cleared": ("inhibition_scanner", "clear <= fetch && !reset", "clear <= 1'b0"),
    "only the first unit of a row inhibits": (
        "inhibition_scanner", "ends_unit && rest == '0", "ends_unit"),
    "sums are not cleared": ("core", "row_clear <= row_is_used_up", "row_clear <= 1'b0"),
    "the readout inhibits in every step": (
        "control", "(phase == eideploy_pkg::ACCUMULATE && is_readout && !is_last_step)", "1'b0"),
    "a phase drains a cycle longer": ("control", "left <= latency - BITS'(1)", "left <= latency"),
    "the output port does not wait": ("readout", "out_valid && !out_ready", "1'b0"),
    "exact: a remainder equal to the divisor is left": (
        "divider_iterative", "doubled >= {1'b0, divisor}", "doubled > {1'b0, divisor}"),
    "exact: large quotients wrap": (
        "divider_iterative", "overflow <= overflow || bit_is_set", "overflow <= overflow"),
    "shift: the threshold is an index late": (
        "divider_shift", "below >= eideploy_pkg::SHIFT_FROM", "below > eideploy_pkg::SHIFT_FROM"),
    "shift2: 14 sixteenths are 15": ("divider_shift", "(x << 4) - (x << 1)", "(x << 4) - x"),
    "a busy core is configured": ("config_port", "cfg_ready = idle", "cfg_ready = 1'b1"),
    "a busy core writes words that it has not taken": (
        "config_port", "cfg_valid && cfg_ready && cfg_commit", "cfg_valid && cfg_commit"),
    "a busy core gathers words that it has not taken": (
        "config_port", "if (cfg_valid && cfg_ready) gathered", "if (cfg_valid) gathered"),
    "a busy core starts again": ("control", "restart = idle && start", "restart = start"),
    "a start ends the clearing": (
        "control", "if (clear_address ==", "if (start || clear_address =="),
    "an idle core takes words": ("event_scanner", "room = enable &&", "room ="),
    "clearing stops a row early": ("control", "CLEAR_ROWS - 1)", "CLEAR_ROWS - 2)"),
    "the last accumulators are not cleared": (
        "core", "< A'(eideploy_pkg::ACCUMULATOR_ROWS)", "< A'(eideploy_pkg::ACCUMULATOR_ROWS - 1)"),
    "the last inhibitory sums are not cleared": (
        "core", "< A'(eideploy_pkg::INHIBITION_ROWS)", "< A'(eideploy_pkg::INHIBITION_ROWS - 1)"),
    "the rows of the readout are not cleared": (
        "core", "row_clear_address <= used_row_address", "row_clear_address <= neuron_row_address"),
    "logits come from the first row": ("readout", "if (lane == LANE'(P - 1)) row", "if (1'b0) row"),
    "time steps count on from one inference to the next": (
        "control", "is_last_step ? '0 : step + T'(1)", "step + T'(1)"),
    "membranes are reset by subtraction alone": ("neuron", "to_zero ? U'(0) : ", ""),
    "the magnitude of the least numerator is zero": (
        "neuron", "|| !DIVIDES ? absolute", "|| !DIVIDES ? {1'b0, absolute[N-2:0]}"),
    "products are as wide as numerators": ("lanes", "M'(product4)", "M'(N'(product4))"),
    "far shifts wrap": ("scale", "vanishes ? S'(WIDTH + C) : S'(amount)", "S'(amount)"),
    "exact: far shifts wrap": (
        "divider_iterative", "vanishes ? S'(M + C + N) : S'(amount)", "S'(amount)"),
    **{
        f"the last row of the memory {name} is missing": ("core", *shallower(name, depth))
        for name, depth in DEPTHS.items()
    },
}  # fmt: skip

# Faults that the first networks do not meet, by the one that meets them soonest.
MET_BY = {
    last_divisor: (
        "currents are rounded down", "exact: a remainder equal to the divisor is left",
        "the largest divisor replaces zeros",
    ),
    every_bound: (
        "folded divisors take a gain", "folded divisors are numerators", "a folded stage inhibits",
        "the rows of the readout are not cleared", "logits come from the first row",
        "the magnitude of the least numerator is zero",
    ),
    windows: (
        "windows along x in the wrong order", "windows along y stay in their row",
        "a sum has one source", "divisors are compared in different units", "membranes wrap below",
        "shift2: 14 sixteenths are 15", "fast: rows of s_I stand as far apart as those of NUM",
    ),
    folded: (
        "a sum is not forwarded", "signed weights are unsigned", "a border has taps",
        "folded divisors are added to the numerator, too", "a divisor is not forwarded",
        "the floor is never used", "wide: a level of the tree has no register",
        *(name for name in MUTANTS if name.startswith("pooled:")),
    ),
    every_mantissa: ("exact: large quotients wrap", "shift: the threshold is an index late"),
}  # fmt: skip

# What a reset must end; a core of few rows is clear, and may start, before its pipelines are empty.
LEFT_BEHIND = {
    "a time step": ("control", "      step <= '0;\n    end", "    end"),
    "a stage": ("control", "      stage <= '0;\n      step", "      step"),
    "a drain": ("control", "      draining <= 1'b0;\n", ""),
    "the row that is cleared": ("control", "      clear_address <= '0;\n", ""),
    "the route": ("event_scanner", "route_read = restart || (", "route_read = ("),
    "the program entry": ("control", "program_read = restart || ", "program_read = "),
    "an operation of an event": ("event_scanner", "op_valid <= !reset &&", "op_valid <="),
    "an operation of a unit": ("inhibition_scanner", "op_valid <= !reset &&", "op_valid <="),
    "an address": ("address_generator", "valid <= !reset &&", "valid <="),
    "an address of s_I": ("address_generator", "valid_i <= !reset &&", "valid_i <="),
    "a product": ("lanes", "valids <= reset ? '0 : {", "valids <= {"),
    "a product of s_I": ("lanes", "valids_i <= reset ? '0 : {", "valids_i <= {"),
    "a membrane": ("update", "valids <= reset ? '0 : {", "valids <= {"),
    "half a row of spikes": ("update", "if (reset) gathered <= '0;\n    else if", "if"),
    "a logit": ("readout", "if (reset) {valid1, out_valid}", "if (1'b0) {valid1, out_valid}"),
}  # fmt: skip

SOME, MANY = 8, 20  # how often the samples are repeated: most of these faults show in some


@functools.cache
def networks(name):
    method = "lut" if name in ("fast", "pooled", "turn", "wide") else name
    return [case(*make(method), method, **LANES[name]) for make in DIRECTED]


def meeting(name):
    """Return the networks that may tell the core with a fault from the right one."""
    every = networks(name.partition(":")[0] if ":" in name else "lut")
    met = [network for network, names in MET_BY.items() if name in names]
    return [every[DIRECTED.index(network)] for network in met] or every


@functools.cache
def resets(times):
    """Return a case of many resets, which clears its sums before its pipelines are empty."""
    circuit, x = corners("lut")
    found = case(circuit, np.tile(x, (times, 1, 1)), "lut", lanes=4, update_lanes=1)
    assert found.core.target.memory.accumulator_rows == 2
    return found


@pytest.mark.icarus
@pytest.mark.no_cover
@pytest.mark.parametrize("method", LANES)
def test_the_right_core_is_right_in_a_simulator_of_four_states(method, tmp_path):
    assert differs(tmp_path, networks(method)) is None


@pytest.mark.icarus
@pytest.mark.no_cover
def test_a_reset_at_any_moment_leaves_nothing_behind(tmp_path):
    assert differs(tmp_path, [resets(MANY)]) is None


@pytest.mark.icarus
@pytest.mark.no_cover
@pytest.mark.parametrize("method", LANES)
def test_what_a_read_returns_that_meets_a_write_does_not_matter(method, tmp_path):
    """Synthesis is told so by no_rw_check, and leaves out the registers that would keep it."""
    row = "content[read_address[BITS-1:0]]"
    meets = "write && write_address[BITS-1:0] == read_address[BITS-1:0]"
    unknown = ("memory", f"q <= {row};", f"q <= {meets} ? 'x : {row};")
    assert differs(tmp_path, networks(method), unknown) is None


def test_every_fault_that_a_network_meets_is_one_of_the_table():
    assert set().union(*MET_BY.values()) <= set(MUTANTS)


@pytest.mark.icarus
@pytest.mark.no_cover
@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name, tmp_path):
    assert differs(tmp_path, meeting(name), MUTANTS[name]) is not None


@pytest.mark.icarus
@pytest.mark.no_cover
@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_a_reset_leaves_behind_is_caught(name, tmp_path):
    cases = [resets(SOME), resets(MANY)]
    assert differs(tmp_path, cases, LEFT_BEHIND[name]) is not None
