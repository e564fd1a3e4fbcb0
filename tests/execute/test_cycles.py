"""Every phase's formula against numbers worked out by hand, and against the state machine.

The shipped core: P = 8, R = 1; latencies setup 4, accumulate 7, inhibit 6, minimum 5, output 2.
"""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.parameters import timed
from eideploy.backends.digital.place import place
from eideploy.circuit import Add, AvgPool, Division, Flatten
from eideploy.divisions import exact, lut, shift, shift2
from eideploy.execute.integer import run_integer
from tests.helpers.layers import circuit, conv, lif, linear, readout, source
from tests.helpers.targets import core_target


def ones(*shape):
    return np.ones(shape, np.int64)


def none(*shape):
    return np.zeros(shape, np.int64)


def measure(nodes, x, *, steps=1, target=None):
    """Return the cycles of one sample, after the state machine has agreed with them."""
    program = place(circuit(*nodes, steps=steps), target=target or core_target())
    samples = np.asarray(x, float)[None]
    trace = run_integer(program.circuit, samples, keep=CYCLE_KINDS)
    cycles = count_cycles(program, trace)
    run = StateMachine(program).run(samples[0])
    for name, stage in cycles.stages.items():
        for phase, count in stage.phases.items():
            stepped = run.cycles[name].get(phase, none(steps))
            np.testing.assert_array_equal(stepped, count[:, 0], err_msg=f"{name} {phase}")
    return cycles


def phase(cycles, name, of):
    return cycles.stages[name].phases[of][:, 0].tolist()


def classes(reads, n_in):
    return readout(reads, none(3, n_in), none(1, n_in), none(3, 1))


def conv_on_port(size, **geometry):
    """Return an input and a conv of 8 E and 2 I channels, G_E = G_I = 1, and its readout."""
    kernel = geometry.pop("kernel")
    layer = conv(
        "layer",
        "input",
        none(8, 1, kernel, kernel),
        none(2, 1, kernel, kernel),
        none(8, 2),
        **geometry,
    )
    nodes = [source((1, *size)), layer, lif("lif", "layer", 8)]
    features = int(np.prod(layer.shape((1, *size))))
    return [*nodes, Flatten(name="flat", inputs=("lif",)), classes("flat", features)]


def spiking(name, reads, n_in, spikes):
    """Return a linear layer that spikes as told: without divisors the current is the bias."""
    n = len(spikes)
    layer = linear(name, reads, none(n, n_in), none(1, n_in), none(n, 1), bias=spikes)
    return layer, lif(f"{name}.lif", name, n, leak=0)


def spiking_map(name, reads, channels_in, spikes):
    """Return a 1x1 conv whose channels spike everywhere, as told."""
    n = len(spikes)
    shape = (channels_in, 1, 1)
    layer = conv(name, reads, none(n, *shape), none(1, *shape), none(n, 1), bias=spikes)
    return layer, lif(f"{name}.lif", name, n, leak=0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], 1),  # the word that ends the step
        ([(1, 1)], 9 * 2 + 1),  # in the middle 9 windows, a row of W_IE and one of W_EE each
        ([(0, 0)], 4 * 2 + 1),
        ([(0, 1)], 6 * 2 + 1),
        ([(y, x) for y in range(3) for x in range(3)], (4 * 4 + 4 * 6 + 9) * 2 + 1),
    ],
)
def test_word_costs_its_taps_times_its_rows(words, expected):
    x = none(1, 3, 3)
    for at in words:
        x[0][at] = 200  # the value does not matter
    cycles = measure(conv_on_port((3, 3), kernel=3, padding=1), x)
    assert phase(cycles, "layer", "accumulate") == [expected + 7]


def faster(lanes=8):
    """Return the shipped core with two inhibitory lanes, pipelined."""
    base = core_target()
    core = replace(base.core, lanes=lanes, inhibitory_lanes=2, pipelined=True)
    return timed(replace(base, core=core))


def test_with_inhibitory_lanes_a_tap_costs_the_longer_of_both_columns():
    cycles = measure(conv_on_port((3, 3), kernel=3, padding=1), ones(1, 3, 3), target=faster())
    assert phase(cycles, "layer", "accumulate") == [4 * 4 + 4 * 6 + 9 + 1 + 9]
    # 10 E neurons in rows of 8, 5 I neurons in rows of 2: three rows, of which two excite
    cycles = measure(two_layers(spikes_of(0, 1, 2, 16), n_i=5), [0], target=faster())
    assert phase(cycles, "second", "accumulate") == [3 * 3 + 1 + 1 * 3 + 9]
    stage = cycles.stages["second"]
    assert stage.lane_utilisation == 4 * (10 + 5) / (13 * (8 + 2))


def test_with_inhibitory_lanes_rows_of_sums_are_as_long_as_those():
    w_ie = none(10, 2)
    w_ie[[0, 3, 7], 0] = 1  # a unit of three of the five rows hears the first input
    nodes = [
        source((2,)),
        linear("layer", "input", none(10, 2), w_ie, none(10, 10)),
        lif("lif", "layer", 10),
        classes("lif", 10),
    ]
    assert phase(measure(nodes, [1, 0], target=faster()), "layer", "inhibit") == [3 * 2 + 2 + 7]


def test_registers_for_a_higher_clock_lengthen_the_drains_alone():
    nodes = updating(Division(divider=lut(8, 8), zero_policy="minimum"))
    cycles = measure(nodes, none(1, 2, 2), target=faster())
    assert phase(cycles, "layer", "update") == [12 + 12]
    assert phase(cycles, "layer", "minimum") == [4 + 6]


def test_a_tree_over_more_lanes_takes_a_register_for_each_of_its_levels():
    nodes = updating(Division(divider=lut(8, 8), zero_policy="minimum"))
    for lanes, longer in ((8, 0), (16, 1), (32, 2)):
        cycles = measure(nodes, none(1, 2, 2), target=faster(lanes))
        assert phase(cycles, "layer", "minimum") == [4 + 6 + longer]


def test_a_first_layer_that_keeps_its_sums_adds_in_the_first_step_alone():
    base = core_target()
    target = replace(base, core=replace(base.core, static_input=True))
    nodes = conv_on_port((3, 3), kernel=3, padding=1)
    cycles = measure(nodes, ones(1, 3, 3), steps=3, target=target)
    assert phase(cycles, "layer", "accumulate") == [(4 * 4 + 4 * 6 + 9) * 2 + 1 + 7, 0, 0]
    assert phase(cycles, "layer", "inhibit") == [9 + 6, 0, 0]
    assert phase(cycles, "layer", "minimum") == [9 + 5, 0, 0]
    stage = cycles.stages["layer"]
    assert (stage.events.ravel().tolist(), stage.offered.ravel().tolist()[1:]) == (
        [9, 0, 0],
        [0] * 2,
    )


def test_word_between_windows_costs_one_cycle():
    cycles = measure(conv_on_port((3, 3), kernel=1, stride=2), ones(1, 3, 3))
    assert phase(cycles, "layer", "accumulate") == [4 * 2 + 5 * 1 + 1 + 7]


def test_pooled_input_is_sent_unpooled():
    nodes = [
        source((1, 3, 3)),
        AvgPool(name="pool", inputs=("input",), kernel=2),
        conv("layer", "pool", none(8, 1, 1, 1), none(2, 1, 1, 1), none(8, 2)),
        lif("lif", "layer", 8),
        Flatten(name="flat", inputs=("lif",)),
        classes("flat", 8),
    ]
    cycles = measure(nodes, ones(1, 3, 3))
    # four words fall into the one window, five into the border
    assert phase(cycles, "layer", "accumulate") == [4 * 2 + 5 + 1 + 7]


def spikes_of(*at, n=20):
    bits = none(n)
    bits[list(at)] = 1
    return bits


def two_layers(spikes, n_e=10, n_i=3):
    """Return a spiking layer of 3 rows and one that reads it, G_E = 2, G_I = 1."""
    n = len(spikes)
    second = linear("second", "first.lif", none(n_e, n), none(n_i, n), none(n_e, n_i))
    return [
        source((1,)),
        *spiking("first", "input", 1, spikes),
        second,
        lif("second.lif", "second", n_e),
        classes("second.lif", n_e),
    ]


def test_row_of_spikes_costs_its_events_or_one_cycle():
    cycles = measure(two_layers(spikes_of(0, 1, 2, 16)), [0])
    assert phase(cycles, "second", "accumulate") == [3 * 3 + 1 + 1 * 3 + 7]
    stage = cycles.stages["second"]
    assert (stage.events.item(), stage.row_operations.item()) == (4, 12)


def test_silent_source_costs_a_cycle_a_row():
    cycles = measure(two_layers(spikes_of()), [0])
    assert phase(cycles, "second", "accumulate") == [3 + 7]


@pytest.mark.parametrize(
    ("spikes", "size", "expected"),
    [
        ([1, 1, 1], 4, 3 + 4 * (3 * 2)),  # four windows; four rows before the first one's events
        ([0, 1, 0], 4, 3 + 3 * 4 + 2),  # the next window takes longer than the event
        ([0, 0, 0], 4, 3 + 3 * 4 + 1),
        ([0, 1, 0], 5, 3 + 3 * 4 + 2),  # the border is not read
    ],
)
def test_windows_cost_their_events_or_the_rows_of_the_next_one(spikes, size, expected):
    base = core_target()
    target = replace(base, core=replace(base.core, pooled_events=True))
    nodes = [
        source((1, size, size)),
        *spiking_map("first", "input", 1, spikes),
        AvgPool(name="pool", inputs=("first.lif",), kernel=2),
        conv("layer", "pool", none(8, 3, 1, 1), none(2, 3, 1, 1), none(8, 2)),
        lif("lif", "layer", 8),
        Flatten(name="flat", inputs=("lif",)),
        classes("flat", 32),
    ]
    cycles = measure(nodes, none(1, size, size), target=target)
    assert phase(cycles, "layer", "accumulate") == [expected + 7]
    assert cycles.stages["layer"].events.item() == 4 * sum(spikes)


def test_lane_utilisation_counts_lanes_that_hold_weights():
    cycles = measure(two_layers(spikes_of(0, 1, 2, 16)), [0])
    # 4 events use 10 + 3 weights; 13 cycles offer 8 lanes
    assert cycles.stages["second"].lane_utilisation == 4 * 13 / (13 * 8)


def test_event_in_a_dropped_border_costs_one_cycle():
    layer = conv("layer", "pool", none(8, 2, 1, 1), none(2, 2, 1, 1), none(8, 2))
    nodes = [
        source((1, 5, 5)),
        *spiking_map("first", "input", 1, [1, 0]),
        AvgPool(name="pool", inputs=("first.lif",), kernel=2),
        layer,
        lif("lif", "layer", 8),
        Flatten(name="flat", inputs=("pool",)),
        classes("flat", 8),
    ]
    cycles = measure(nodes, none(1, 5, 5))
    assert phase(cycles, "layer", "accumulate") == [16 * 2 + 9 + 7]
    assert phase(cycles, "readout", "accumulate") == [16 * 2 + 9 + 7]


def test_residual_sum_costs_both_sources():
    first, second = spikes_of(0, 1), spikes_of(19)
    nodes = [
        source((1,)),
        *spiking("first", "input", 1, first),
        *spiking("second", "first.lif", 20, second),
        Add(name="sum", inputs=("first.lif", "second.lif")),
        readout("sum", none(10, 20), none(3, 20), none(10, 3)),
    ]
    cycles = measure(nodes, [0])
    assert phase(cycles, "readout", "accumulate") == [(2 * 3 + 1 + 1) + (1 + 1 + 3) + 7]


def test_inhibition_costs_its_active_units_or_one_cycle_a_row():
    w_ie = none(10, 2)
    w_ie[[0, 3, 7], 0] = 1  # three units of the first row hear the first input, of the second none
    nodes = [
        source((2,)),
        linear("layer", "input", none(10, 2), w_ie, none(10, 10)),
        lif("lif", "layer", 10),
        classes("lif", 10),
    ]
    assert phase(measure(nodes, [1, 0]), "layer", "inhibit") == [3 * 2 + 1 + 6]
    assert phase(measure(nodes, [0, 1]), "layer", "inhibit") == [1 + 1 + 6]


def test_readout_inhibits_and_puts_out_in_the_last_step_only():
    nodes = [
        source((1,)),
        *spiking("first", "input", 1, [1, 0]),
        readout("first.lif", none(10, 2), [[1, 0], [0, 1], [1, 1]], none(10, 3)),
    ]
    cycles = measure(nodes, none(3, 1), steps=3)
    assert phase(cycles, "readout", "inhibit") == [0, 0, 2 * 2 + 6]
    assert phase(cycles, "readout", "output") == [0, 0, 10 + 2]
    assert phase(cycles, "readout", "setup") == [4, 4, 4]


def test_readout_remembers_inhibition_of_earlier_steps():
    nodes = [
        source((1,)),
        linear("first", "input", [[1]], [[1]], [[1]]),
        lif("lif", "first", 1),
        readout("lif", none(10, 1), [[1]], ones(10, 1)),
    ]
    # NUM is zero at input 1, so the neuron is silent; the readout has nothing to inhibit
    silent = measure(nodes, [[1], [1]], steps=2)
    assert phase(silent, "readout", "inhibit") == [0, 1 + 6]
    nodes[1] = linear("first", "input", [[2]], [[1]], [[1]])
    # NUM / DEN = 1 = threshold in the first step: one spike, and a reset to zero
    once = measure(nodes, [[1], [0]], steps=2)
    assert once.stages["readout"].events[:, 0].tolist() == [1, 0]
    assert phase(once, "readout", "inhibit") == [0, 2 + 6]
    assert once.stages["readout"].active[:, 0].tolist() == [0, 1]


def updating(division):
    """Return a conv of 3 channels on 2x2 positions."""
    layer = conv(
        "layer", "input", none(3, 1, 1, 1), none(1, 1, 1, 1), none(3, 1), division=division
    )
    nodes = [source((1, 2, 2)), layer, lif("lif", "layer", 3)]
    return [*nodes, Flatten(name="flat", inputs=("lif",)), classes("flat", 12)]


@pytest.mark.parametrize(
    ("divider", "update_lanes", "expected"),
    [
        (lut(8, 8), 1, 12 + 7),
        (shift(), 1, 12 + 6),
        (shift2(), 1, 12 + 7),
        (exact(), 1, 11 * 25 + 1 + 25),
        (lut(8, 8), 2, 4 * 2 + 7),
        (exact(), 4, 3 * 25 + 1 + 25),
    ],
    ids=lambda value: getattr(value, "label", str(value)),
)
def test_update_takes_an_interval_a_group_and_its_latency(divider, update_lanes, expected):
    nodes = updating(Division(divider=divider, zero_policy="minimum"))
    cycles = measure(nodes, none(1, 2, 2), target=core_target(update_lanes=update_lanes))
    assert phase(cycles, "layer", "update") == [expected]


@pytest.mark.parametrize(("policy", "expected"), [("minimum", 4 + 5), ("floor", 0)])
def test_minimum_reads_every_row_under_its_policy_only(policy, expected):
    nodes = updating(Division(divider=exact(), zero_policy=policy))
    cycles = measure(nodes, none(1, 2, 2))
    assert phase(cycles, "layer", "minimum") == [expected]


def test_inference_is_the_sum_over_stages_and_steps():
    cycles = measure(two_layers(spikes_of(0)), none(3, 1), steps=3)
    assert cycles.per_inference.tolist() == [sum(t.sum() for t in cycles.per_stage.values())]
    assert cycles.per_stage["first"].shape == (3, 1)


def test_samples_are_counted_apart():
    program = place(circuit(*conv_on_port((3, 3), kernel=3, padding=1)), target=core_target())
    x = np.stack([none(1, 3, 3), ones(1, 3, 3)]).astype(float)
    together = count_cycles(program, run_integer(program.circuit, x, keep=CYCLE_KINDS))
    for b in range(2):
        trace = run_integer(program.circuit, x[b : b + 1], keep=CYCLE_KINDS)
        assert count_cycles(program, trace).per_inference == together.per_inference[b]
