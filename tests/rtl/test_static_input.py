"""Cores that take a sample once, and keep the first layer's sums over its time steps."""

import functools

import numpy as np
import pytest
from hypothesis import strategies as st

from eideploy.circuit import Circuit, Division
from eideploy.divisions import lut
from tests.helpers.layers import lif, linear, readout, source
from tests.helpers.random_circuits import circuits
from tests.rtl.faults import case, differs
from tests.rtl.support import agree_on, shape


@pytest.mark.rtl
@pytest.mark.parametrize("beside", [0, 2])
def test_a_core_that_keeps_sums_equals_simulator_and_formula(beside, tmp_path):
    core = shape("lut", beside=beside, pipelined=beside > 0, static=True)

    networks = st.tuples(circuits(method="lut"), st.just(core))
    assert agree_on(networks, tmp_path, examples=15, sequences=False) == 15


@functools.cache
def directed():
    """Return two hidden layers that share a core, and samples with and without a divisor."""
    rng = np.random.default_rng(3)

    def hidden(name, reads, n_in, inhibiting, policy):
        w_ie = rng.integers(1, 3, (2, n_in)) * np.isin(np.arange(n_in), inhibiting)
        return linear(
            name,
            reads,
            rng.integers(0, 9, (4, n_in)),
            w_ie,
            rng.integers(0, 3, (4, 2)),
            division=Division(divider=lut(8, 8), zero_policy=policy),
            shift_ee=3,
            current_bits=12,
        )

    def neurons(name):
        return lif(f"{name}.lif", name, 4, threshold=9, leak=2, membrane_bits=12)

    nodes = (
        source((3,), top=15),
        hidden("first", "input", 3, [0, 1, 2], "minimum"),
        neurons("first"),
        hidden("second", "first.lif", 4, [1], "floor"),
        neurons("second"),
        readout("second.lif", rng.integers(0, 5, (2, 4)), np.ones((1, 4)), [[1], [0]]),
    )
    x = np.array([[9, 3, 7], [0, 0, 0], [15, 15, 1], [0, 2, 0]], float)
    circuit = Circuit(nodes=nodes, steps=5)
    return [case(circuit, x, "lut", lanes=4, update_lanes=2, static=True)]


MUTANTS = {
    "sums are cleared in every step": ("core", " && !keeps_sums", ""),
    "sums outlive an inference": (
        "control", "keeps_sums = is_static && !is_last_step", "keeps_sums = is_static"),
    "every layer keeps its sums": (
        "control", "keeps_sums = is_static && !is_last_step", "keeps_sums = !is_last_step"),
    "the first layer adds again": ("control", "has_sums ? eideploy_pkg::UPDATE : ", ""),
    "no layer adds but in the first step": (
        "control", "has_sums = is_static && !is_first_step", "has_sums = !is_first_step"),
    "rows are fetched for sums that are there": ("control", " && about_to_end && !has_sums",
        " && about_to_end"),
    "a layer without new sums has no divisor": (
        "core", "has_sums ? kept_divisible : divisible", "divisible"),
    "every layer divides as the first does": (
        "core", "has_sums ? kept_divisible : divisible", "kept_divisible"),
    "whether there is a divisor is asked in every step": (
        "core", "if (is_static && is_first_step) begin", "if (is_static) begin"),
    "the least divisor of kept sums is sought no more, and not kept": (
        "core", "has_sums ? kept_least : least", "least"),
    "the least divisor is sought again": (
        "control", "has_sums ? eideploy_pkg::UPDATE", "has_sums ? summed_phase"),
}  # fmt: skip


@pytest.mark.icarus
def test_kept_sums_are_right_in_a_simulator_of_four_states(tmp_path):
    (run,) = directed()
    assert run.core.target.core.static_input
    assert run.program.port_steps == 1
    divides = [(den > 0).any(axis=(0, 2)).tolist() for den in run.expected.divisors.values()]
    assert divides[0] == [True, False, True, True]
    spikes = run.expected.spikes["first.lif"]
    assert (spikes.any(2) & ~spikes[..., 1]).any()  # the second layer has no divisor then
    assert all(0.02 < z.mean() < 0.98 for z in run.expected.spikes.values())
    assert differs(tmp_path, directed()) is None


@pytest.mark.icarus
@pytest.mark.parametrize("name", MUTANTS)
def test_a_fault_is_caught(name, tmp_path):
    assert differs(tmp_path, directed(), MUTANTS[name]) is not None
