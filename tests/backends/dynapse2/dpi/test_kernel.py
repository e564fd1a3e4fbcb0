"""The compiled kernel against the definition in numpy, and both without a compiler."""

from dataclasses import replace

import numpy as np
import pytest

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
    made = random_wiring(rng, **some)
    given, step = events(rng, 6, 120, 19), step_of(made, dt)
    expected = definition.run(made, step, given)
    ran = kernel.Chip(made, step, "float64").run(given, keep_spikes=True)
    assert expected.sum() > 30
    assert np.array_equal(ran.spikes, expected)
    assert np.array_equal(ran.counts, expected.sum(1))


@needs_compiler
def test_lost_and_doubled_events_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    made = replace(random_wiring(rng), events=Events(lost=0.1, doubled=0.05, seed=3))
    given = events(rng, 6, 120, 19)
    step = step_of(made, 1e-3)
    expected = definition.run(made, step, given)
    ran = kernel.Chip(made, step, "float64").run(given, keep_spikes=True)
    assert np.array_equal(ran.spikes, expected)
    times = np.stack([definition.copies(made.events, t, 26, 19) for t in range(400)])
    shares = [(times == k).mean() for k in (0, 1, 2)]
    assert shares == pytest.approx([0.1, 0.85, 0.05], abs=0.004)


@needs_compiler
def test_single_precision_gives_nearly_the_same_counts():
    rng = np.random.default_rng(0)
    made = random_wiring(rng)
    given, step = events(rng, 6, 400, 16), step_of(made, 1e-3)
    expected = definition.run(made, step, given).sum(1)
    counts = kernel.Chip(made, step).run(given).counts
    assert np.abs(counts - expected).sum() < 0.01 * expected.sum()


def test_without_a_compiler_numpy_runs_after_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "compiler", lambda: None)
    kernel.library.cache_clear()
    rng = np.random.default_rng(0)
    made = random_wiring(rng)
    given, step = events(rng, 6, 30, 3), step_of(made, 1e-3)
    ran = kernel.Chip(made, step).run(given, keep_spikes=True)
    kernel.library.cache_clear()
    assert np.array_equal(ran.spikes, definition.run(made, step, given))
    assert capsys.readouterr().err.endswith("; simulating in numpy, far slower\n")


@needs_compiler
def test_a_spike_reaches_only_its_targets():
    rng = np.random.default_rng(1)
    made = random_wiring(rng)
    made = replace(made, source=np.where(made.source == 2, 3, made.source))
    given, step = events(rng, 6, 200, 4), step_of(made, 1e-3)
    before = kernel.Chip(made, step).run(given).counts
    given[2] = 1
    assert np.array_equal(kernel.Chip(made, step).run(given).counts, before)
