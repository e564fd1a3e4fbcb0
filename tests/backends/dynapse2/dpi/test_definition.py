"""Closed forms of the membrane, convergence in dt, mismatch."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.dpi import definition, kernel
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.definition import advance_membrane
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, lognormal, varied
from eideploy.backends.dynapse2.dpi.units import step_of
from tests.backends.dynapse2.wirings import random_wiring, wiring


def settled(i, b):
    v = np.array(0.1)
    for _ in range(4000):
        v = advance_membrane(v, np.array(i), np.array(b), np.array(0.05))
    return float(v)


@pytest.mark.parametrize("shunt", [0.0, 0.5, 1.7])
def test_the_shunt_divides_the_sub_threshold_current(shunt):
    # Imem + Igain = Igain Iin / (Itau + Ishunt)
    assert (1 + settled(5.0, 1 + shunt)) * (1 + shunt) == pytest.approx(5.0, rel=1e-6)


@pytest.mark.parametrize("gaba", [0.0, 0.5, 1.7])
def test_gaba_subtracts_from_the_sub_threshold_current(gaba):
    assert settled(5.0, 1.0) - settled(5.0 - gaba, 1.0) == pytest.approx(gaba, rel=1e-6)


@pytest.mark.parametrize(("i", "b", "v"), [(8.0, 1.0, 0.1), (2.0, 3.0, 4.0), (0.1, 1.0, 1.0)])
def test_a_step_of_the_membrane_is_of_second_order(i, b, v):
    def error(h):
        fine, coarse = np.array(v), np.array(v)
        for _ in range(4096):
            fine = advance_membrane(fine, np.array(i), np.array(b), np.array(1 / 4096))
        for _ in range(round(1 / h)):
            coarse = advance_membrane(coarse, np.array(i), np.array(b), np.array(h))
        return abs(float(fine - coarse))

    assert np.log2(error(1 / 16) / error(1 / 32)) == pytest.approx(2, abs=0.2)


def test_a_constant_current_fires_at_the_rate_of_the_integral_whatever_the_step():
    # from (D3): the time from reset to threshold, by quadrature; all dendrites have dark currents
    made = wiring(1, [], direct=40e-12)
    step = step_of(made, 1e-4)
    dark = float(made.constants.dark_current / made.soma["leak"][0])
    i, v = float(step.direct[0]) + dark, np.linspace(step.reset[0], step.threshold[0], 200_001)
    speed = v * (i / (1 + v) - 1 - dark) / (step.dt / step.h[0])
    period = float(np.sum(2 / (speed[1:] + speed[:-1])) * (v[1] - v[0])) + step.refractory[0]
    for dt in (1e-3, 1e-4):
        spikes = definition.run(made, step_of(made, dt), np.zeros((1, round(2 / dt), 1), np.uint8))
        assert spikes.sum() == pytest.approx(2 / period, rel=0.01)


def test_a_spike_rises_as_fast_as_the_threshold_current_charges_its_node():
    quick = wiring(1, [], direct=40e-12)
    slow = replace(quick, constants=replace(quick.constants, c_spike=0.2e-12))
    quick = replace(quick, constants=replace(quick.constants, c_spike=0.0))
    nothing = np.zeros((1, 20_000, 1), np.uint8)
    periods = [2 / definition.run(w, step_of(w, 1e-4), nothing).sum() for w in (quick, slow)]
    slew = slow.constants.threshold_voltage * 0.2e-12 / slow.soma["threshold"][0]
    assert periods[1] - periods[0] == pytest.approx(slew, rel=0.03)


def test_counts_converge_as_the_step_is_refined():
    rng = np.random.default_rng(0)
    made = random_wiring(rng)
    x, coding = rng.random((16, 6)), Coding(peak_rate_hz=150, duration_s=0.5)

    def counts(dt):
        chip = kernel.Chip(made, step_of(made, dt), "float64")
        return chip.run(event_counts(x, coding, dt)).counts.astype(float)

    finest = counts(1.25e-5)
    gaps = [np.abs(counts(dt) - finest).sum() / finest.sum() for dt in (1e-3, 1e-4, 2.5e-5)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[1] < 0.02


def test_a_linear_synapse_adds_its_charge_and_decays():
    made = replace(wiring(1, [(0, 0, "ampa", 5e-9)]), dendrite="linear")
    step = step_of(made, 1e-3)
    state = definition.State.rest(step, 1)
    charge = np.zeros((4, 1, 1))
    charge[0] = step.strength[0]
    definition.advance_dendrites(state, charge, step)
    first = state.x[0, 0, 0]
    mean = definition.advance_dendrites(state, np.zeros_like(charge), step)
    assert first == pytest.approx(5e-9 / made.tau[0, 0] * -np.expm1(-10e-6 / 10e-3), rel=1e-3)
    assert state.x[0, 0, 0] / first == pytest.approx(np.exp(-0.1), rel=1e-9)
    over_leak = state.x[0, 0, 0] * made.gain[0, 0] / made.soma["leak"][0]
    assert mean[0, 0, 0] == pytest.approx(over_leak * -np.expm1(-0.1) / 0.1, rel=1e-9)


def test_adaptation_is_off_by_default_and_lowers_the_rate():
    plain = wiring(1, [], direct=60e-12)
    tired = replace(plain, soma=plain.soma | {"adaptation_weight": np.array([10e-6])})
    nothing = np.zeros((1, 500, 1), np.uint8)
    rates = [definition.run(w, step_of(w, 1e-3), nothing).sum() for w in (plain, tired)]
    assert 0 < rates[1] < 0.8 * rates[0]


@pytest.mark.parametrize("cv", [0.0, 0.1, 0.2])
def test_mismatch_has_mean_1_and_the_cv_asked_for(cv):
    drawn = lognormal(np.random.default_rng(0), cv, (200_000,))
    assert drawn.mean() == pytest.approx(1, abs=0.002)
    assert drawn.std() == pytest.approx(cv, abs=0.002)


def test_a_chip_is_the_same_for_the_same_seed_and_another_for_another():
    made = random_wiring(np.random.default_rng(0))
    one, again, other = (varied(made, Mismatch.uniform(0.2), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.weight, again.weight)
    assert not np.array_equal(one.weight, other.weight)
    only = varied(made, Mismatch.of("leak", 0.2), 1)
    assert np.array_equal(only.weight, made.weight)
    assert not np.array_equal(only.soma["leak"], made.soma["leak"])


def test_sources_that_share_a_cam_share_its_mismatch():
    made = wiring(1, [(0, 0, "ampa", 1e-9), (1, 0, "ampa", 1e-9)], inputs=2)
    shared = varied(replace(made, cam=np.zeros(2)), Mismatch.uniform(0.2), 0)
    assert shared.weight[0] == shared.weight[1]


def test_events_are_those_of_the_same_times_at_any_step():
    x, coding = np.random.default_rng(0).random((3, 5)), Coding(peak_rate_hz=200, duration_s=0.1)
    coarse, fine = (event_counts(x, coding, dt) for dt in (1e-3, 1e-4))
    assert np.array_equal(fine.reshape(5, 100, 10, 3).sum(2), coarse)
    assert fine.sum(1) == pytest.approx(x.T * 20, abs=1)
