"""Spike for spike what rockpool's DynapSim does on AMPA alone, as record_dynapsim.py asked it."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring
from tests.backends.dynapse2.wirings import CONSTANTS, wiring
from tests.cli.support import PATIENCE_S

HERE = Path(__file__).parent
RECORD = json.loads((HERE / "dynapsim.json").read_text(encoding="utf-8"))
ROCKPOOL = os.environ.get("EIDEPLOY_ROCKPOOL", "")  # a Python that has rockpool
NEURONS = 12
# DynapSim takes Euler steps of 2 us, whose lateness adds up over 0.4 s: 0.1 ms at the end
WITHIN_S = 1.5e-4


def recorded() -> Wiring:
    constants = replace(CONSTANTS, **RECORD["constants"], c_spike=0)
    synapses = [(source, target, "ampa", ampere) for source, target, ampere in RECORD["synapses"]]
    made = wiring(NEURONS, synapses, RECORD["inputs"], **RECORD["soma"])
    return replace(
        made,
        tau=np.full_like(made.tau, RECORD["ampa_tau"]),
        gain=np.full_like(made.gain, RECORD["ampa_gain"]),
        constants=constants,
        dendrite="linear",  # as DynapSim's
    )


def spike_times(made: Wiring, dt: float) -> list[np.ndarray]:
    steps = round(RECORD["duration_us"] * 1e-6 / dt)
    events = np.zeros((RECORD["inputs"], steps, 1), np.uint8)
    for at_us, source in RECORD["events"]:
        events[source, round(at_us * 1e-6 / dt)] += 1
    spikes = Chip(made, step_of(made, dt), "float64").run(events, keep_spikes=True).spikes
    return [(np.flatnonzero(row[:, 0]) + 1) * dt for row in spikes]


def theirs() -> list[np.ndarray]:
    return [
        np.array([at * 1e-6 for at, neuron in RECORD["spikes"] if neuron == n])
        for n in range(NEURONS)
    ]


@pytest.mark.parametrize("dt", [1e-5, 1e-4])
def test_every_spike_is_one_of_dynapsim_and_none_is_missing(dt):
    ours = spike_times(recorded(), dt)
    assert [len(row) for row in ours] == [len(row) for row in theirs()]
    for mine, other in zip(ours, theirs(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=WITHIN_S)


def test_neurons_hear_each_other_in_the_record():
    made = recorded()
    deaf = replace(made, weight=made.weight * (made.source < made.inputs))
    assert sum(map(len, spike_times(deaf, 1e-5))) < 0.95 * len(RECORD["spikes"])


@pytest.mark.parametrize("what", ["leak", "threshold", "refractory"])
def test_one_per_cent_of_a_current_would_be_seen(what):
    made = recorded()
    off = replace(made, soma=made.soma | {what: made.soma[what] * 1.01})
    ours = spike_times(off, 1e-5)
    equal = [len(row) for row in ours] == [len(row) for row in theirs()]
    assert not equal or max(map(np.ptp, map(np.subtract, ours, theirs()))) > WITHIN_S


@pytest.mark.skipif(not ROCKPOOL, reason="EIDEPLOY_ROCKPOOL names no Python that has rockpool")
def test_rockpool_still_does_what_was_recorded(tmp_path):
    made = tmp_path / "again.json"
    subprocess.run(
        [ROCKPOOL, "-B", str(HERE / "record_dynapsim.py"), str(made)],
        env={**os.environ, "PYTHONPATH": "", "JAX_PLATFORMS": "cpu"},
        timeout=PATIENCE_S, check=True, capture_output=True,
    )  # fmt: skip
    again = json.loads(made.read_text(encoding="utf-8"))
    assert {**again, "made_by": "", "spikes": 0} == {**RECORD, "made_by": "", "spikes": 0}
    counts = [
        [sum(n == neuron for _, n in record["spikes"]) for neuron in range(NEURONS)]
        for record in (RECORD, again)
    ]
    assert counts[0] == counts[1]
