"""Networks put together by hand, and the worked examples made so."""

import json
import runpy
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from eideploy import cli, native
from eideploy.backends.dynapse2 import circuits
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.circuits import ChipCircuit, poisson
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.errors import ConfigError, UsageError

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
EXAMPLES = Path(__file__).parents[3] / "examples" / "dynapse2_circuits"


EVENTS = {"in": np.zeros((3, 5, 1))}


def example(name):
    return runpy.run_path(str(EXAMPLES / f"{name}.py"))


def small():
    chip = ChipCircuit(name="small")
    chip.inputs("in", 3)
    chip.neurons("cells", 4, tau_membrane_ms=5, gain_pa=20, base_na=50)
    chip.connect("in", "cells", "ampa", 8.0 * np.eye(4, 3) + 4.0 * np.eye(4, 3, k=1))
    return chip


def test_a_weight_is_what_a_spike_adds_in_leaks_to_the_code_of_its_gain():
    mapped = small().map()
    made = decode(mapped.configuration, mapped.spec, dendrite="linear")
    jump = step_of(made, 1e-4).strength * (made.gain / made.soma["leak"])[0, made.target]
    asked = np.where(made.source == made.target, 8.0, 4.0)
    assert jump == pytest.approx(asked, rel=0.12)  # masks of 15 steps, and codes of a few pA


def test_populations_come_back_by_name_and_in_order():
    chip = small()
    events = np.zeros((3, 1000, 2), np.uint8)
    events[1, 100::100, 0] = 1  # the second source alone, in the first trial
    spikes = chip.simulate({"in": events})["cells"]
    assert spikes.shape == (4, 1000, 2)
    counts = spikes.sum(1)
    assert counts[1, 0] > 0
    assert counts[[2, 3], 0].sum() == counts[:, 1].sum() == 0
    again = small().simulate({"in": events}, mismatch=0.2, seed=1)["cells"]
    assert np.array_equal(again, small().simulate({"in": events}, mismatch=0.2, seed=1)["cells"])
    assert not np.array_equal(again, small().simulate({"in": events}, board=1)["cells"])


def test_a_circuit_of_a_nir_file_is_the_one_that_was_saved(tmp_path):
    pytest.importorskip("nir")
    small().save_nir(tmp_path / "small.nir")
    read = ChipCircuit.from_nir(tmp_path / "small.nir")
    assert equal(read.network(), small().network())
    events = poisson([80, 80, 80], 0.2)
    mine = read.simulate({"in": events}, mismatch=0.2, seed=1)["cells"]
    assert np.array_equal(mine, small().simulate({"in": events}, mismatch=0.2, seed=1)["cells"])
    build = read.write(tmp_path / "build")
    again = ChipCircuit.from_nir(build / "model.nir")
    assert equal(again.network(), read.network())
    with pytest.raises(ConfigError, match="read from a file"):
        read.neurons("more", 3)
    with pytest.raises(ConfigError, match="read from a file"):
        read.connect("in", "cells", "ampa", np.ones((4, 3)))


def test_what_is_written_verifies_and_its_loader_reads_it(tmp_path, capsys):
    build = small().write(tmp_path / "build")
    assert cli.main(["verify", str(build)]) == 0
    capsys.readouterr()
    assert cli.main(["report", str(build), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert sum(core["neurons"]["used"] for core in told["cores"]) == 4
    loader = build / "dynapse2" / "load.py"
    said = subprocess.run(
        [sys.executable, "-B", str(loader), "check"], capture_output=True, text=True, check=True
    ).stdout
    assert "4 neurons, 5 synapses" in said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda c: c.inputs("cells", 2), "a population cells already"),
        (lambda c: c.neurons("x", 2, tau=3), "no bias tau"),
        (lambda c: c.neurons("x", 2, role="output"), "0 classes for 2 neurons of role output"),
        (lambda c: c.connect("in", "cells", "ampa", np.ones((3, 4))), r"a matrix of \(3, 4\)"),
        (lambda c: c.connect("in", "nobody", "ampa", np.ones((4, 3))), "no population nobody"),
        (lambda c: c.connect("in", "cells", "x", np.ones((4, 3))), "no dendrite x"),
        (lambda c: c.connect("cells", "in", "ampa", np.ones((3, 4))), "which hears nothing"),
        (lambda c: c.simulate({"in": np.zeros((2, 5, 1))}), "events of"),
        (lambda c: c.simulate({"other": np.zeros((3, 5, 1))}), "events of"),
        (lambda c: c.simulate(EVENTS, board=1, mismatch=0.2), "mismatch and seed have no effect"),
        (lambda c: c.simulate(EVENTS, board=1, seed=1), "mismatch and seed have no effect"),
    ],
)
def test_what_makes_no_circuit_is_refused(wrong, said):
    with pytest.raises(ConfigError, match=said):
        wrong(small())


def test_a_target_without_dendrites_is_refused():
    for target in ("digital", "cortex-m4"):
        with pytest.raises(UsageError, match=f"target {target} is not a mixed-signal chip"):
            ChipCircuit(target=target).map()


def test_the_example_of_the_module_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = circuits.__doc__.splitlines()
    code = textwrap.dedent("\n".join(line for line in lines if line.startswith("    ")))
    names = {**vars(circuits), "weight": np.full((32, 4), 8.0)}
    exec(code, names)  # the documentation's own lines
    assert names["spikes"]["cells"].shape == (32, 10_000, 1)
    assert names["spikes"]["cells"].any()
    assert Path("builds/mine/dynapse2/patch.json").is_file()


def test_random_events_have_the_rate_that_is_asked_for():
    events = poisson(np.array([50.0, 200.0]), 2.0, trials=20, seed=0)
    assert events.shape == (2, 20_000, 20)
    assert events.sum((1, 2)) / 40 == pytest.approx([50, 200], rel=0.1)
    half = np.repeat([[0.0, 100.0]], 500, 1).reshape(1, 1000)
    assert poisson(half, 0.1)[0, :500].sum() == 0


def test_the_strongest_input_wins_and_silences_the_others():
    made = example("winner_take_all")
    alone = made["rates"](made["circuit"](competing=False), 2).mean(1)
    competing = made["rates"](made["circuit"](), 2).mean(1)
    assert alone[0] < 1.4 * alone[1:].min()
    assert competing[0] > 3 * competing[1:].max()
    assert made["rates"](made["circuit"](), 2, mismatch=0.1, seed=1).argmax(0).tolist() == [0, 0]


def test_balanced_cells_follow_their_input_at_random_moments():
    made = example("balanced")
    low, high = (made["figures"](made["circuit"](), hz) for hz in (40.0, 120.0))
    assert high[0] / low[0] == pytest.approx(3, abs=0.5)
    for _, irregular, alike in (low, high):
        assert irregular > 0.8
        assert abs(alike) < 0.1


def test_a_reservoir_tells_orders_that_counts_of_the_inputs_do_not():
    made = example("reservoir")
    (shown, taught), (tried, truth) = made["movements"](120, 1), made["movements"](60, 2)
    states, readout, right = made["states"], made["readout"], made["right"]
    assert right(states(tried), readout(states(shown), taught), truth) < 0.35
    chip = {"mismatch": 0.1, "seed": 1}
    own = readout(made["seen"](shown, **chip), taught)
    assert right(made["seen"](tried, **chip), own, truth) > 0.7


def test_detectors_tell_the_interval_between_two_beats():
    made = example("coincidence")
    delay, fired = made["measured"](made["INTERVALS_MS"])
    assert (np.diff(delay) > 2).all()
    off = np.abs(made["estimate"](delay, fired) - made["INTERVALS_MS"])
    assert off.mean() < 5
