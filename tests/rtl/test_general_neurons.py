"""Neurons of any leak, filter and reset in SystemVerilog equal the simulator."""

import functools
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import strategies as st

from eideploy.backends.digital.parameters import Edges, general_of
from eideploy.backends.digital.rtl.bench import in_icarus
from eideploy.circuit import Circuit, Neurons
from eideploy.neurons import IntegerGeneralLIF
from tests.helpers.layers import folded_linear, folded_readout, ints, lif, source
from tests.helpers.random_circuits import circuits, general, looped
from tests.rtl.faults import case, differs
from tests.rtl.support import ALL, NO_DIVISION, SINGLE, agree_on, shape, tight

# A core has as many bits as its network asks for, and a cycle more for each.
COUNTED = partial(general, spikes=[1, 2, 5, 15, 200], late_counts=False)
SEVERAL = partial(general, spikes=[4, 5, 6, 7], late_counts=False)
N = 6
EDGES = Edges(late=True, banks=True)


@pytest.mark.rtl
@pytest.mark.parametrize(("method", "pipelined"), [("lut", True), ("exact", False)])
def test_a_core_with_everything_equals_simulator_and_formula(method, pipelined, tmp_path):
    core = shape(method, lanes=4, update_lanes=2, pipelined=pipelined, general=ALL)
    networks = st.tuples(circuits(method=method, neurons=SINGLE), st.just(core))
    assert agree_on(networks, tmp_path, examples=12) == 12


@pytest.mark.rtl
def test_a_core_that_counts_spikes_equals_simulator_and_formula(tmp_path):
    core = shape("lut", lanes=4, update_lanes=2, general=replace(ALL, spike_bits=3), edges=EDGES)
    networks = st.tuples(looped(method="lut", neurons=SEVERAL), st.just(core))
    assert agree_on(networks, tmp_path, examples=16) == 16


@st.composite
def on_its_own(draw):
    """Draw a network of counting neurons and the least core for it."""
    method = draw(st.sampled_from(["lut", "exact", "shift", "none"]), label="method")
    circuit = draw(looped(method=method, neurons=COUNTED), label="circuit")
    core = tight(circuit, method)
    assert core.general == general_of(circuit)
    return circuit, core


@pytest.mark.icarus
def test_a_core_with_what_its_network_has_equals_simulator_and_formula(tmp_path):
    assert agree_on(on_its_own(), tmp_path, examples=12, run=in_icarus) == 12


MODELS = {
    "rest": {
        "leak": [0, 1, 2, 3, 5, 7], "leak_fraction": 3, "reset": "value",
        "v_reset": [-20, -9, 0, 3, -1, -60], "v_min": [-20, -12, -5, 0, -2, -60],
    },
    "none": {
        "leak": [3], "leak_fraction": 2, "reset": "none", "delay": "spike", "fires": ">",
    },
    "late zero": {
        "leak": [5], "leak_fraction": 5, "reset": "zero", "delay": "reset", "fires": ">",
    },
    "late": {
        "leak": [1, 3, 5, 8, 13, 16], "leak_fraction": 4, "delay": "reset", "fires": ">",
        "synapse_leak": [16, 9, 5, 3, 1, 0], "synapse_fraction": 4,
    },
}  # fmt: skip


COUNTING = {
    "one": {"leak": [3], "leak_fraction": 2, "delay": "spike"},
    "five": {"leak": [1, 3, 5, 8, 13, 16], "leak_fraction": 4, "max_spikes": 5},
    "above": {
        "leak": [0], "leak_fraction": 0, "fires": ">", "max_spikes": 7,
        "v_min": [-20, -12, -5, 0, -2, -60],
    },
    "rest": {
        "leak": [3], "leak_fraction": 2, "reset": "value", "v_reset": [-20, -9, 0, 3, -1, -60],
        "max_spikes": 6,
    },
    "filter": {
        "leak": [1, 3, 5, 8, 13, 16], "leak_fraction": 4, "max_spikes": 3,
        "synapse_leak": [16, 9, 5, 3, 1, 0], "synapse_fraction": 4,
    },
    "kept": {"leak": [4], "leak_fraction": 2, "reset": "none", "max_spikes": 7},
}  # fmt: skip


def model(leak, **fields):
    arrays = {k: ints(v) for k, v in fields.items() if isinstance(v, list)}
    return IntegerGeneralLIF(
        threshold=ints([10, 15, 20, 5, 30, 40]),
        leak=ints(leak if len(leak) > 1 else leak * N),
        membrane_bits=9,
        **fields | arrays,
    )


@functools.cache
def layered():
    """Return networks of a layer of LIF neurons and one of every model, on cores of their own.

    Membranes of the second, which keep nothing and are fives as thresholds are, often meet these.
    """
    forgetful = MODELS | {
        "none": MODELS["none"] | {"leak": [4]},
        "late zero": MODELS["late zero"] | {"leak": [32]},
    }
    return [network(MODELS, 1, (-6, 12), (-25, 60)), network(forgetful, 5, (-2, 3), (-5, 9))]


@functools.cache
def counting():
    """Return a network of a layer of every model of several spikes, and one of one, late."""
    return [network(COUNTING, 1, (-4, 15), (-6, 16)), network(COUNTING, 5, (-2, 4), (-2, 5))]


def network(models, unit, first, others):
    rng = np.random.default_rng(3)
    nodes, reads, n_in, drive = [source((4,), top=7)], "input", 4, first
    own = lif("", "", N, threshold=25, membrane_bits=9).model
    for name, of in {"lif": own, **{k: model(**fields) for k, fields in models.items()}}.items():
        low = -30 if name == "rest" else -6
        layer = folded_linear(
            name, reads, unit * rng.integers(*drive, (N, n_in)), np.zeros((N, n_in)),
            bias=rng.integers(low, 6, N) // unit * unit, current_bits=7, division=NO_DIVISION,
        )  # fmt: skip
        reads = f"{name} neurons"
        nodes += [layer, Neurons(name=reads, inputs=(name,), model=of)]
        n_in, drive = N, others
    nodes.append(folded_readout(reads, np.eye(3, N)))
    x = rng.integers(0, 8, (3, 12, 4)) * (rng.random((3, 12, 4)) < 0.8)
    return case(Circuit(nodes=tuple(nodes), steps=12), x, "none", lanes=4, update_lanes=2)


MUTANTS = {
    "a negative membrane's leak is positive": (
        "general_neuron", "product2 >>> leak", "product2 >> leak"),
    "membranes outlive an inference": (
        "general_neuron", "is_first ? '0 : $signed(membrane)", "$signed(membrane)"),
    "filters outlive an inference": (
        "general_neuron", "is_first || !has_synapse ? '0", "!has_synapse ? '0"),
    "every stage filters": (
        "general_neuron", "SYNAPSE && general[eideploy_pkg::GENERAL_HAS_SYNAPSE]", "SYNAPSE"),
    "the filter leaks as the membrane": (
        "general_neuron", "own[eideploy_pkg::OWN_SYNAPSE_LEAK+:G]",
        "G'(own[eideploy_pkg::OWN_LEAK+:F])"),
    "the filter does not saturate": (
        "general_neuron", "has_synapse ? clipped : whole", "whole"),
    "the filter is kept unclipped": (
        "general_neuron", "rest_late, V'(clipped)", "rest_late, V'(whole)"),
    "a late reset subtracts nothing": (
        "general_neuron", "late1 && !keeps ? limit1", "1'b0 ? limit1"),
    "a late reset to zero does nothing": (
        "general_neuron", "late && to_zero ? rest", "1'b0 ? rest"),
    "late resets are those of the threshold itself": (
        "general_neuron", "is_above ? L'(held) > limit1 : ", ""),
    "the threshold itself fires": ("general_neuron", "is_above ? u > limit : ", ""),
    "spikes are never late": ("general_neuron", "spikes_late ? late_last : fires", "fires"),
    "all spikes of late resets are late": (
        "general_neuron", "spikes_late ? late_last", "is_late ? late_last"),
    "what keeps its membrane is reset": ("general_neuron", "!fires || keeps || is_late", "!fires"),
    "what resets late resets at once, too": (
        "general_neuron", "keeps || is_late ? u", "keeps ? u"),
    "every reset is to zero": (
        "general_neuron", "to_zero ? U'($signed(rest_last)) : u", "to_zero ? U'(0) : u"),
    "membranes have no floor": (
        "general_neuron", "raw < bottom ? bottom : raw", "raw < lowest ? lowest : raw"),
    "membranes wrap above": ("general_neuron", "raw > highest ? highest : raw", "raw"),
    "currents do not saturate": ("general_neuron", "magnitude > {2'b00, current_top}", "1'b0"),
    "the last word of the filters is missing": (
        "core", "ROWS)\n    ) synapse_memory", "ROWS - 1)\n    ) synapse_memory"),
}  # fmt: skip


COUNTER_MUTANTS = {
    "the lowest bit of a count is missing": (
        "spike_counter", "count = next_count[Z-1]", "count = counts[Z-1]"),
    "the most of a step is not kept": ("spike_counter", " && more <= {1'b0, most}", ""),
    "no neuron reaches the most of a step": ("spike_counter", "more <= {", "more < {"),
    "as many thresholds as there are do not count": (
        "spike_counter", "W'(left[i]) >= step", "W'(left[i]) > step"),
    "the threshold itself counts": (
        "spike_counter", "- $signed((V + 1)'(is_above));\n    counts", ";\n    counts"),
    "what lies above is lost": (
        "spike_counter", "next_left[Z-1] + $signed((V + 1)'(is_above))", "next_left[Z-1]"),
    "counts are reset where nothing is": ("spike_counter", " || stays ?", " ?"),
    "counts always subtract": ("spike_counter", "to_zero ? rests[Z-1] : ", ""),
    "rests are those of a later neuron": ("spike_counter", "rests[Z-1]", "rests[0]"),
    "thresholds are those of a later neuron": (
        "spike_counter", "thresholds[i] <= thresholds[i-1]", "thresholds[i] <= threshold"),
    "what did not spike is what a later neuron is": (
        "spike_counter", "stays ? membranes[Z-1]", "stays ? membranes[0]"),
    "filters are those of a later neuron": (
        "general_neuron", ".WIDTH (V + 1),\n        .CYCLES(Z)",
        ".WIDTH (V + 1),\n        .CYCLES(Z - 1)"),
    "a late spike is a count": (
        "general_neuron", "spikes_late ? Z'(late_before) : count", "count"),
    "every event of a row is the first one's": (
        "event_scanner", "row_counts[lane*B+:B]", "row_counts[0+:B]"),
    "every event is one": (
        "event_scanner", "eideploy_pkg::EVENT_BITS'(row_counts[lane*B+:B])",
        "eideploy_pkg::EVENT_BITS'(1)"),
    "words have counts": ("event_scanner", "value = row_is_word ?", "value = 1'b0 ?"),
    "odd counts alone are events": (
        "event_scanner", "spiking[i] = spikes[i*Z+:Z] != '0", "spiking[i] = spikes[i*Z]"),
    "counts gather in the first lanes": (
        "update", "(P * Z)'(firing) << (part * R * Z)", "(P * Z)'(firing)"),
    "every stage counts": (
        "core", "Z > 1 ? entry[eideploy_pkg::STAGE_MAX_SPIKES+:Z]", "Z > 1 ? '1"),
}  # fmt: skip


@pytest.mark.icarus
def test_a_network_of_every_model_is_right_in_a_simulator_of_four_states(tmp_path):
    for run in layered():
        assert all(0.02 < z.mean() < 0.98 for z in run.expected.spikes.values())
    assert differs(tmp_path, layered()) is None


@pytest.mark.icarus
@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name, tmp_path):
    assert differs(tmp_path, layered(), MUTANTS[name]) is not None


@pytest.mark.icarus
def test_a_network_of_every_count_is_right_in_a_simulator_of_four_states(tmp_path):
    for run in counting():
        assert all((z > 0).mean() > 0.02 for z in run.expected.spikes.values())
    for name, fields in COUNTING.items():
        most = fields.get("max_spikes", 1)
        counts = [run.expected.spikes[f"{name} neurons"] for run in counting()]
        assert {0, 1, most} <= {n for z in counts for n in np.unique(z).tolist()}, name
    assert differs(tmp_path, counting()) is None


@pytest.mark.icarus
@pytest.mark.parametrize("name", COUNTER_MUTANTS)
def test_a_fault_in_counting_is_caught(name, tmp_path):
    assert differs(tmp_path, counting(), COUNTER_MUTANTS[name]) is not None
