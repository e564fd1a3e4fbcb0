"""The DPI's own equation: closed forms, fine steps of it, and what others write for it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi import definition
from eideploy.backends.dynapse2.dpi.definition import charged
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.operating import mean_ratio, settled
from eideploy.backends.dynapse2.dpi.units import step_of
from tests.backends.dynapse2.wirings import wiring

SMALL, LARGE = st.floats(1e-4, 1.0), st.floats(1e-3, 1e3)
PULSE_S, TAU_S = 10e-6, 10e-3


@given(x=st.one_of(SMALL, LARGE), charge=st.one_of(SMALL, LARGE))
def test_a_pulse_adds_its_charge_to_x_and_its_logarithm(x, charge):
    grown = float(charged(np.array(x), np.array(charge)))
    assert grown + np.log(grown) == pytest.approx(x + np.log(x) + charge, rel=1e-9, abs=1e-9)
    assert float(charged(np.array(x), np.array(0.0))) == x


@given(x=SMALL, one=LARGE, two=LARGE)
def test_pulses_add_up_in_any_order(x, one, two):
    after = charged(charged(np.array(x), np.array(one)), np.array(two))
    assert float(after) == pytest.approx(float(charged(np.array(x), np.array(one + two))), rel=1e-9)


def alone(receptor, ampere, gain, **soma):
    made = wiring(1, [(0, 0, receptor, ampere)], **soma)
    return replace(made, gain=np.full_like(made.gain, gain))


def played(made, times, dt, duration):
    """Return what the dendrite's current is at the end of every step, in gains."""
    step, number = step_of(made, dt), int(made.receptor[0])
    state, xs = definition.State.rest(step, 1), []
    steps = np.floor(np.array(times) / dt + 1e-9).astype(int)
    due = np.bincount(steps, minlength=round(duration / dt))
    for count in due:
        charges = np.zeros((len(RECEPTORS), 1, 1))
        charges[number] = step.strength[0] * count
        definition.advance_dendrites(state, charges, step)
        xs.append(state.x[number, 0, 0] * step.decay[number, 0])
    return np.maximum(xs, step.rest[number, 0])


def integrated(made, times, duration, dt=1e-6):
    """Return x at every microsecond of the equation itself, with pulses of Iw ampere."""
    number = int(made.receptor[0])
    tau, gain, dark = made.tau[number, 0], made.gain[number, 0], made.constants.dark_current
    current, xs = dark, []
    pulses = np.zeros(round(duration / dt))
    for at in times:
        pulses[round(at / dt) : round((at + PULSE_S) / dt)] += made.weight[0]
    for pulse in pulses:
        for _ in range(10 if pulse else 1):
            part = dt / TAU_S / (10 if pulse else 1)
            fold = part * (pulse / (tau * (1 + current / gain)) - 1)
            middle = current * np.exp(fold / 2)
            fold = part * (pulse / (tau * (1 + middle / gain)) - 1)
            current = max(current * np.exp(fold), dark)
        xs.append(current / gain)
    return np.array(xs)


@pytest.mark.parametrize("receptor", RECEPTORS)
@pytest.mark.parametrize(("ampere", "gain"), [(50e-9, 2e-12), (200e-9, 10e-12), (800e-9, 50e-12)])
def test_every_dendrite_follows_its_equation_in_steps_of_a_microsecond(receptor, ampere, gain):
    made = alone(receptor, ampere, gain)
    times, duration = np.arange(5) * 4e-3 + 1e-3, 30e-3
    fine = integrated(made, times, duration)
    for dt in (1e-3, 1e-4):
        coarse = played(made, times, dt, duration)
        at = fine[round(dt / 1e-6) - 1 :: round(dt / 1e-6)]
        assert coarse == pytest.approx(at, rel=5e-3)


def test_below_its_leak_a_dendrite_stays_dark_and_a_linear_one_does_not():
    # 100 Hz of 10 us at 50 nA: Iin / Itau = 0.6
    times, duration = np.arange(0.0, 0.2, 0.01), 0.2
    made = alone("ampa", 50e-9, 50e-12)
    rest = made.constants.dark_current / 50e-12
    rate = np.array([[100.0], [0.0]])
    ratio = mean_ratio(made, "ampa", rate)
    assert ratio == pytest.approx(100 * 50e-9 * PULSE_S / made.tau[0, 0], rel=1e-3)
    assert ratio < 1
    assert settled(made, "ampa", ratio) == 0
    assert played(made, times, 1e-3, duration)[-1] < 2 * rest
    linear = replace(made, dendrite="linear")
    mean = played(linear, times, 1e-3, duration)[-50:].mean()
    assert mean == pytest.approx(ratio[0, 0], rel=0.06)


def test_a_steady_input_settles_at_its_ratio_to_the_leak_less_one():
    made = alone("gaba", 40e-9, 5e-12)
    rate = 1000.0
    times = np.arange(0.0, 0.3, 1 / rate)
    ratio = mean_ratio(made, "gaba", np.array([[rate], [0.0]]))
    expected = float(settled(made, "gaba", ratio)[0, 0]) + made.constants.dark_current / 5e-12
    assert expected == pytest.approx(float(ratio[0, 0]) - 1)
    assert played(made, times, 1e-4, 0.3)[-1000:].mean() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("start", [0.01, 0.5, 5.0])
def test_the_rise_under_a_constant_input_is_that_of_the_integral(start):
    # (D5) integrates to s t / tau = ln(x / x0) - r ln((s - x) / (s - x0)), s = r - 1
    ratio, tau = 20.0, 10e-3
    s = ratio - 1

    def late(x):
        return (np.log(x / start) - ratio * np.log((s - x) / (s - start))) * tau / s - 4e-3

    exact = brentq(late, start, s * (1 - 1e-12))
    x, dt = start, 1e-5
    for _ in range(round(4e-3 / dt)):
        x = float(charged(np.array(x * np.exp(-dt / tau / 2)), np.array(ratio * dt / tau)))
        x *= np.exp(-dt / tau / 2)
    assert x == pytest.approx(exact, rel=1e-3)


@given(x=st.floats(1e-2, 1e2), charge=st.floats(1e-6, 1e-3))
def test_a_small_pulse_adds_what_teili_writes(x, charge):
    # teili and brian2-based DPI models of DYNAP-SE: Iw Igain / (Itau (Igain / I + 1)) a spike
    grown = float(charged(np.array(x), np.array(charge)))
    assert (grown - x) == pytest.approx(charge / (1 / x + 1), rel=2e-3)


@given(x=st.floats(20, 1e3), charge=st.floats(1e-3, 10))
def test_far_above_its_gain_a_dendrite_is_linear(x, charge):
    grown = float(charged(np.array(x), np.array(charge)))
    assert charge * x / (1 + x) <= (grown - x) * (1 + 1e-9) <= charge * (1 + 1e-9)


def test_dark_currents_flow_in_dendrites_without_synapses():
    quiet = wiring(1, [], direct=18e-12)
    nothing = np.zeros((1, 10_000, 1), np.uint8)
    full = Chip(quiet, step_of(quiet, 1e-4)).run(nothing).counts.sum()
    linear = replace(quiet, dendrite="linear")
    assert 0 < full < Chip(linear, step_of(linear, 1e-4)).run(nothing).counts.sum()
