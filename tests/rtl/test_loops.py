"""Recurrent networks in SystemVerilog equal the simulator and the cycle formula."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import strategies as st

from eideploy.backends.digital.parameters import Edges, edges_of
from eideploy.backends.digital.rtl.bench import in_icarus
from eideploy.circuit import AvgPool, Circuit, Flatten
from tests.helpers.layers import folded_conv, folded_linear, folded_readout, lif, source
from tests.helpers.random_circuits import looped
from tests.rtl.faults import case, differs
from tests.rtl.support import ALL, NO_DIVISION, SINGLE, agree_on, placed, shape, tight


@pytest.mark.rtl
def test_a_core_with_loops_equals_simulator_and_formula(tmp_path):
    core = shape("lut", lanes=4, update_lanes=2, general=ALL, edges=Edges(late=True, banks=True))
    networks = st.tuples(looped(method="lut", neurons=SINGLE), st.just(core))
    assert agree_on(networks, tmp_path, examples=20) == 20


@st.composite
def on_its_own(draw):
    """Draw a network with loops and the least core for it."""
    method = draw(st.sampled_from(["lut", "exact", "none"]), label="method")
    circuit = draw(looped(method=method), label="circuit")
    core = tight(circuit, method)
    assert core.edges == edges_of(placed(circuit, core).stages)
    return circuit, core


@pytest.mark.icarus
def test_a_core_with_the_edges_of_its_network_equals_simulator_and_formula(tmp_path):
    assert agree_on(on_its_own(), tmp_path, examples=8, run=in_icarus) == 8


@functools.cache
def directed():
    """Return a network of every edge: own spikes, a back edge, and a late skip, of maps and not."""
    rng = np.random.default_rng(4)

    def conv(name, reads, n, channels, late=()):
        w = rng.integers(-3, 6, (n, channels, 3, 3))
        layer = folded_conv(
            name, reads[0], w, np.zeros_like(w), padding=1, current_bits=8, division=NO_DIVISION
        )
        return with_reads(layer, reads, late)

    def linear(name, reads, n, n_in, late=()):
        w = rng.integers(-4, 7, (n, n_in))
        layer = folded_linear(
            name, reads[0], w, np.zeros_like(w), current_bits=8, division=NO_DIVISION
        )
        return with_reads(layer, reads, late)

    def neurons(name, n):
        return lif(f"{name} neurons", name, n, threshold=20, membrane_bits=9)

    nodes = (
        source((2, 4, 4), top=7),
        conv("first", ["input", "first neurons", "second neurons"], 3, 10, 2),
        neurons("first", 3),
        conv("second", ["first neurons"], 5, 3),
        neurons("second", 5),
        conv("third", ["second neurons", "first neurons"], 6, 8, 1),
        neurons("third", 6),
        AvgPool(name="pool", inputs=("third neurons",), kernel=2),
        Flatten(name="flat", inputs=("pool",)),
        linear("fourth", ["flat", "fourth neurons"], 9, 33, 1),
        neurons("fourth", 9),
        folded_readout("fourth neurons", rng.integers(-3, 4, (3, 9))),
    )
    x = rng.integers(0, 8, (2, 6, 2, 4, 4)) * (rng.random((2, 6, 2, 4, 4)) < 0.4)
    return [case(Circuit(nodes=nodes, steps=6), x, "none", lanes=4, update_lanes=2)]


def with_reads(layer, reads, late):
    return replace(layer, inputs=tuple(reads), delayed=tuple(reads[-late:]) if late else ())


MUTANTS = {
    "spikes of an inference are read in the next one": (
        "event_scanner", "is_blank = is_late && is_first", "is_blank = 1'b0"),
    "nothing is read in the first step": (
        "event_scanner", "is_blank = is_late && is_first", "is_blank = !is_port && is_first"),
    "late spikes are those of the same step": (
        "event_scanner", "(is_odd ^ is_late)", "is_odd"),
    "spikes of odd steps are read where those of even ones are": (
        "event_scanner", "(is_odd ^ is_late)", "is_late"),
    "spikes of odd steps overwrite those of even ones": (
        "neuron_scanner", "is_odd ? spike_bank : '0", "1'b0 ? spike_bank : '0"),
    "what is blank ends the step": (
        "event_scanner", "ahead_is_word <= is_port || is_blank", "ahead_is_word <= is_port"),
    "what is blank is an event": (
        "event_scanner", "ahead_is_end  <= in_last || is_blank", "ahead_is_end  <= in_last"),
}  # fmt: skip


@pytest.mark.icarus
def test_every_edge_is_right_in_a_simulator_of_four_states(tmp_path):
    (run,) = directed()
    assert run.core.edges == Edges(late=True, banks=True)
    assert all(0.02 < z.mean() < 0.98 for z in run.expected.spikes.values())
    assert differs(tmp_path, directed()) is None


@pytest.mark.icarus
@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name, tmp_path):
    assert differs(tmp_path, directed(), MUTANTS[name]) is not None
