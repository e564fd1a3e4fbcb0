"""The training kernel: its spikes are the simulator's, its gradients are those of differences."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy import native
from eideploy.backends.dynapse2.dpi import definition
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.training import dynamics
from eideploy.backends.dynapse2.training.dynamics import LANES, Workspace, wires
from tests.backends.dynapse2.wirings import wiring

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
STEPS, INPUTS = 60, 4


def feed_forward(rng):
    """Four inputs to three neurons to one inhibitor and two outputs, sorted by target."""
    synapses = [(s, t, "ampa", rng.gamma(2, 400e-9)) for t in range(3) for s in range(INPUTS)]
    synapses += [(INPUTS + s, 3, "ampa", rng.gamma(2, 400e-9)) for s in range(3)]
    for target in (4, 5):
        synapses += [(INPUTS + s, target, "ampa", rng.gamma(2, 600e-9)) for s in range(3)]
        synapses += [(INPUTS + 3, target, d, 200e-9) for d in ("gaba", "shunt")]
    return wiring(6, synapses, INPUTS)


def prepared(seed=0):
    rng = np.random.default_rng(seed)
    made = feed_forward(rng)
    step = step_of(made, 1e-3)
    events = (rng.random((INPUTS, STEPS, LANES)) < 0.15).astype(np.float32)
    room = Workspace(INPUTS, 6, STEPS, slope=2.0, dead=0.1)
    return made, step, events, room, wires(made.target, made.source, made.receptor, 6)


@pytest.mark.parametrize("seed", range(8))
def test_the_spikes_are_those_of_the_simulator(seed):
    made, step, events, room, linked = prepared(seed)
    spikes = room.forward(events, step, step.strength, linked)
    simulated = Chip(made, step, "float32").run(events.astype(np.uint8), keep_spikes=True)
    assert simulated.spikes[-2:].sum() > 50
    np.testing.assert_array_equal(spikes, simulated.spikes)


@pytest.mark.skipif("avx512vl" not in native.processor(), reason="needs vectors of all widths")
def test_vectors_of_any_width_give_the_same_bits(monkeypatch):
    found = []
    for flags in ((), ("-mavx2",), native.native_flags()):
        monkeypatch.setattr(native, "native_flags", lambda flags=flags: flags)
        library = dynamics.library.__wrapped__()
        monkeypatch.setattr(dynamics, "library", lambda library=library: library)
        _, step, events, room, linked = prepared()
        spikes = room.forward(events, step, step.strength, linked).copy()
        found.append((spikes, room.backward(np.linspace(-1, 1, LANES, dtype=np.float32))))
        monkeypatch.undo()
    for spikes, gradient in found[1:]:
        np.testing.assert_array_equal(spikes, found[0][0])
        np.testing.assert_array_equal(gradient, found[0][1])


def sub_threshold(seed, dendrite):
    """One neuron that cannot fire: its gradient has no surrogate, and differences can be taken."""
    rng = np.random.default_rng(seed)
    kinds = (("ampa", 5e-7), ("ampa", 3e-7), ("gaba", 2e-7), ("shunt", 2e-7))
    made = wiring(1, [(s, 0, *kind) for s, kind in enumerate(kinds)], INPUTS)
    made = replace(made, dendrite=dendrite)
    events = (rng.random((INPUTS, STEPS, LANES)) < 0.2).astype(np.float32)
    return made, events


@pytest.mark.parametrize("dendrite", ["full", "linear"])
@pytest.mark.parametrize("seed", range(2))
def test_the_gradient_is_that_of_the_surrogate(seed, dendrite):
    # with the threshold out of reach the surrogate's sum over time is a smooth function of weights:
    # f = sum_t s(v_t) with s' = slope / (threshold (1 + slope |v / threshold - 1|)^2)
    made, events = sub_threshold(seed, dendrite)
    step = step_of(made, 1e-3)
    slope, threshold = 2.0, 40.0
    object.__setattr__(step, "threshold", np.array([threshold]))
    linked = wires(made.target, made.source, made.receptor, 1)
    room = Workspace(INPUTS, 1, STEPS, slope=slope, dead=0.0)
    assert room.forward(events, step, step.strength, linked).sum() == 0
    found = room.backward(np.ones((1, 1, LANES), np.float32))

    def total(strength):
        state = definition.State.rest(step, LANES)
        sums = 0.0
        for t in range(STEPS):
            jumps = np.zeros((4, 1, LANES))
            amounts = strength[:, None] * events[made.source, t]
            np.add.at(jumps, (made.receptor, made.target), amounts)
            definition.advance(state, jumps, step)
            x = 1 - state.v / threshold  # below it, s(v) = 1 / (1 + slope x)
            sums += float((1 / (1 + slope * x)).sum())
        return sums

    for k in range(len(found)):
        by = 1e-4 * step.strength[k]
        more, less = (step.strength + sign * by * (np.arange(len(found)) == k) for sign in (1, -1))
        assert found[k] == pytest.approx((total(more) - total(less)) / (2 * by), rel=0.02)
