"""The compiled kernel against the definition in numpy, and both without a compiler."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy import native
from eideploy.backends.dynapse2.dpi import definition, kernel
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Events
from tests.backends.dynapse2.wirings import random_wiring

needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")


def events(rng, inputs, steps, batch):
    return (rng.random((inputs, steps, batch)) < 0.1).astype(np.uint8)


@needs_compiler
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dt", [1e-3, 1e-4])
def test_the_kernel_gives_the_spikes_of_the_definition(seed, dt):
    rng = np.random.default_rng(seed)
    some = {"gate": 5e-12, "adaptation_weight": 4e-9, "direct": 8e-12} if seed % 2 else {}
    made = random_wiring(rng, neurons=20 + 25 * seed, **some)  # blocks of 64 and less
    shown, step = events(rng, 6, 120, 19), step_of(made, dt)
    expected = definition.run(made, step, shown)
    ran = kernel.Chip(made, step, "float64").run(shown, keep_spikes=True)
    assert expected.sum() > 30
    assert np.array_equal(ran.spikes, expected)
    assert np.array_equal(ran.counts, expected.sum(1))


@needs_compiler
def test_lost_and_doubled_events_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    made = replace(random_wiring(rng), events=Events(lost=0.1, doubled=0.05, seed=3))
    shown = events(rng, 6, 120, 19)
    step = step_of(made, 1e-3)
    expected = definition.run(made, step, shown)
    ran = kernel.Chip(made, step, "float64").run(shown, keep_spikes=True)
    assert np.array_equal(ran.spikes, expected)
    times = np.stack([definition.copies(made.events, t, 26, 19) for t in range(400)])
    shares = [(times == k).mean() for k in (0, 1, 2)]
    assert shares == pytest.approx([0.1, 0.85, 0.05], abs=0.004)


@needs_compiler
def test_events_that_cams_miss_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    whole = random_wiring(rng)
    fails = np.zeros(whole.cam.max() + 1)
    fails[::3], fails[1::3] = 1.0, 0.4
    made = replace(whole, fails=fails, events=Events(lost=0.05, seed=3))
    shown, step = events(rng, 6, 120, 19), step_of(made, 1e-3)
    expected = definition.run(made, step, shown)
    ran = kernel.Chip(made, step, "float64").run(shown, keep_spikes=True)
    assert np.array_equal(ran.spikes, expected)
    heard = np.stack([definition.caught(made, t, 19) for t in range(200)]).mean((0, 2))
    assert heard == pytest.approx(1 - fails[made.cam], abs=0.05)
    dead = replace(whole, fails=np.ones_like(fails))
    assert (definition.caught(dead, 0, 2) == 0).all()


@needs_compiler
@pytest.mark.parametrize(
    "spacing", [0.4e-3, 1.5e-3]
)  # two and a half events a step, and less than one
def test_events_that_wait_for_the_bus_are_those_of_the_definition(spacing):
    rng = np.random.default_rng(0)
    free = random_wiring(rng)
    made = replace(free, events=Events(spacing=spacing, lost=0.05, seed=1))
    shown, step = events(rng, 6, 200, 5), step_of(made, 1e-3)
    expected = definition.run(made, step, shown)
    ran = kernel.Chip(made, step, "float64").run(shown, keep_spikes=True)
    assert np.array_equal(ran.spikes, expected)
    assert not np.array_equal(expected, definition.run(free, step_of(free, 1e-3), shown))


@given(spacing=st.floats(1e-4, 5e-3), seed=st.integers(0, 100))
def test_the_bus_takes_every_event_once_and_no_more_than_it_has_room_for(spacing, seed):
    rng, bus = np.random.default_rng(seed), Events(spacing=spacing)
    waiting, arrived, left = np.zeros((8, 3)), np.zeros((8, 3)), np.zeros((8, 3))
    for t in range(40):
        new = rng.integers(0, 3, (8, 3)) * (t < 10)
        waiting, arrived = waiting + new, arrived + new
        sent = definition.taken(waiting, definition.room(bus, t, 1e-3))
        assert (sent <= waiting).all()
        waiting, left = waiting - sent, left + sent
        assert (left.sum(0) <= (t + 1) * 1e-3 / spacing + 1e-6).all()
        assert ((waiting.sum(0) == 0) | (sent.sum(0) == definition.room(bus, t, 1e-3))).all()
    assert np.array_equal(left + waiting, arrived)


@needs_compiler
def test_single_precision_gives_nearly_the_same_counts():
    rng = np.random.default_rng(0)
    made = random_wiring(rng)
    shown, step = events(rng, 6, 400, 16), step_of(made, 1e-3)
    expected = definition.run(made, step, shown).sum(1)
    counts = kernel.Chip(made, step).run(shown).counts
    assert np.abs(counts - expected).sum() < 0.01 * expected.sum()


def test_without_a_compiler_numpy_runs_after_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "compiler", lambda: None)
    kernel.library.cache_clear()
    rng = np.random.default_rng(0)
    made = random_wiring(rng)
    shown, step = events(rng, 6, 30, 3), step_of(made, 1e-3)
    ran = kernel.Chip(made, step).run(shown, keep_spikes=True)
    kernel.library.cache_clear()
    assert np.array_equal(ran.spikes, definition.run(made, step, shown))
    assert capsys.readouterr().err.endswith("; simulating in numpy, far slower\n")


@needs_compiler
def test_a_spike_reaches_only_its_targets():
    rng = np.random.default_rng(1)
    made = random_wiring(rng)
    made = replace(made, source=np.where(made.source == 2, 3, made.source))
    shown, step = events(rng, 6, 200, 4), step_of(made, 1e-3)
    before = kernel.Chip(made, step).run(shown).counts
    shown[2] = 1
    assert np.array_equal(kernel.Chip(made, step).run(shown).counts, before)
