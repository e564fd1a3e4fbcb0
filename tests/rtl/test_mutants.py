"""Negative controls: a core with one fault is told from the right one, in Icarus Verilog.

Here unknown values count, too: what no reset and no write has set may not reach a result.
"""

import functools

import pytest

from eideploy.backends.digital.bundle import write_bundle
from eideploy.errors import DataError, FormatError
from eideploy.rtl.bench import Manner, in_icarus, run_bundle
from eideploy.rtl.compare import differences
from tests.rtl.directed import DIRECTED
from tests.rtl.support import placed, shape, simulated

CORES = {
    "lut": shape("lut", lanes=4, update_lanes=2),
    "exact": shape("exact", lanes=4, update_lanes=1),
    "shift": shape("shift", lanes=2, update_lanes=1),
    "shift2": shape("shift2", lanes=8, update_lanes=1),
}
MANNER = Manner(gap=300, stall=500, limit=60_000)

MUTANTS = {
    "every event has value 1": ("event_scanner", "op_value <= row_value;", "op_value <= 1;"),
    "windows along x in the wrong order": (
        "event_scanner", "weight_x - step_x", "weight_x + step_x"),
    "windows along y stay in their row": ("event_scanner", "position_y + width", "position_y"),
    "events of later groups are channels of the first": (
        "event_scanner", "first <= last_group ? '0 : first + A'(P);", "first <= '0;"),
    "a sum has one source": ("event_scanner", "source_ends && is_last;", "source_ends;"),
    "words are taken without room": (
        "event_scanner", "in_ready = room && is_port", "in_ready = is_port"),
    "a border has taps": ("event_scanner", "count_y != '0 && count_x != '0", "1'b1"),
    "a sum is not forwarded": ("lanes", "again <= valids[6] &&", "again <= 1'b0 &&"),
    "excitation is not shifted": ("lanes", "product5 << shifts5[i*K+:K]", "product5"),
    "inhibition excites": ("lanes", "old_num - product6", "old_num + product6"),
    "signed weights are unsigned": (
        "lanes", "{is_signed4 && weight[W-1], weight}", "{1'b0, weight}"),
    "all weights are signed": (
        "lanes", "is_folded && kinds[4] == core_pkg::KIND_EE", "kinds[4] == core_pkg::KIND_EE"),
    "folded divisors take a gain": (
        "lanes", "kind == core_pkg::KIND_DEN ? G'(value) : ", ""),
    "folded divisors are added to the numerator, too": (
        "lanes", "is_divisor5 ? '0 : product5", "product5"),
    "a divisor is not forwarded": (
        "lanes", "last_den        <= next_den[i*D+:D];", "last_den        <= den[i*D+:D];"),
    "folded divisors go to s_I": (
        "address_generator", "is_folded ? core_pkg::KIND_DEN : core_pkg::KIND_IE",
        "core_pkg::KIND_IE"),
    "a folded stage inhibits": (
        "control", "is_folded ? summed_phase : core_pkg::INHIBIT", "core_pkg::INHIBIT"),
    "divisible is never cleared": ("lanes", "if (clear_divisible)", "if (1'b0)"),
    "the largest divisor replaces zeros": ("minimum", "one < other", "one > other"),
    "divisors are compared in different units": (
        "minimum", " << lane_row[i*L+K+:core_pkg::ALIGN_BITS]", ""),
    "currents do not saturate": ("neuron", "magnitude > {2'b00, current_top}", "1'b0"),
    "membranes outlive an inference": ("neuron", "is_first ? '0 : ", ""),
    "the leak of negative membranes is positive": ("neuron", "held >>> leak", "held >> leak"),
    "membranes wrap below": ("neuron", "raw < lowest ? lowest : raw", "raw"),
    "the floor is never used": ("neuron", "has_floor ? M'(floor_divisor) : least", "least"),
    "the threshold itself is silent": ("neuron", "u >= limit", "u > limit"),
    "currents are rounded down": (
        "scale", "({1'b0, shifted[C-1:0]} + (C + 1)'(1)) >> 1", "{1'b0, shifted[C-1:0]} >> 1"),
    "the table is read one bit higher": ("divider_table", "normal[M-2-:T]", "normal[M-1-:T]"),
    "spikes gather in the first lanes": ("update", "P'(firing) << (part * R)", "P'(firing)"),
    "lanes beyond the last neuron fire": ("update", "fires & exists", "fires"),
    "s_I is not cleared": ("inhibition_scanner", "clear <= fetch && !reset", "clear <= 1'b0"),
    "only the first unit of a row inhibits": (
        "inhibition_scanner", "ends_unit && rest == '0", "ends_unit"),
    "sums are not cleared": ("core", "row_clear <= row_is_used_up", "row_clear <= 1'b0"),
    "the readout inhibits in every step": (
        "control", "(phase == core_pkg::ACCUMULATE && is_readout && !is_last_step)", "1'b0"),
    "a phase drains a cycle longer": ("control", "left <= latency - BITS'(1)", "left <= latency"),
    "the output port does not wait": ("readout", "out_valid && !out_ready", "1'b0"),
    "exact: a remainder equal to the divisor is left": (
        "divider_iterative", "doubled >= {1'b0, divisor}", "doubled > {1'b0, divisor}"),
    "exact: large quotients wrap": (
        "divider_iterative", "overflow <= overflow || bit_is_set", "overflow <= overflow"),
    "shift: the threshold is an index late": (
        "divider_shift", "below >= core_pkg::SHIFT_FROM", "below > core_pkg::SHIFT_FROM"),
    "shift2: 14 sixteenths are 15": ("divider_shift", "(x << 4) - (x << 1)", "(x << 4) - x"),
}  # fmt: skip


@functools.cache
def networks(method):
    """Return programs with samples and what the integer simulator makes of them."""
    core = CORES[method]
    made = [(placed(circuit, core), x) for circuit, x in (make(method) for make in DIRECTED)]
    return [(program, x, simulated(program.circuit, x)) for program, x in made]


def differs(folder, core, method, fault=None):
    """Return which of the networks tells the core with a fault from the simulators, if one does."""
    for number, (program, x, expected) in enumerate(networks(method)):
        write_bundle(program, folder, shape=core)
        if fault:
            change(folder, *fault)
        try:
            found = run_bundle(program, folder, x, manner=MANNER, run=in_icarus)
        except DataError as error:
            if "testbench:" not in error.what:  # it did not run
                raise
            return number
        except FormatError:
            return number
        if differences(program, found, expected).total:
            return number
    return None


def change(folder, module, old, new):
    path = folder / "rtl" / f"{module}.sv"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


@pytest.mark.icarus
@pytest.mark.parametrize("method", CORES)
def test_the_right_core_is_right_in_a_simulator_of_four_states(method, tmp_path):
    assert differs(tmp_path, CORES[method], method) is None


@pytest.mark.icarus
@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name, tmp_path):
    method = name.partition(":")[0] if ":" in name else "lut"
    assert differs(tmp_path, CORES[method], method, MUTANTS[name]) is not None
