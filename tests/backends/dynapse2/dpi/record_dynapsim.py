"""Run by a Python that has rockpool: what its DynapSim does with a small network on AMPA alone.

    python record_dynapsim.py dynapsim.json

rockpool is AGPL: nothing of it is copied, it is asked here alone, in a process of its own, and what
is kept are spike times and the parameters that made them. DynapSim subtracts the leak twice, which
a constant input of one leak undoes; it adds dark currents in several places, which are 1e-4 of the
leak here, because leak and capacitance of the membrane are a thousand times those of the chip. It
counts the refractory period in whole steps from the end of the step of a spike, half a step after
the spike on average.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

DT_US, DURATION_US, GRID_US = 2, 400_000, 100  # inputs come at multiples of GRID_US
INPUTS, NEURONS, FROM_INPUTS, FROM_NEURONS = 8, 12, 4, 3
RATE_HZ = 120.0
KAPPA, UT, VTH, DARK = 0.705, 25e-3, 0.7, 0.5e-12
C_MEMBRANE, C_AMPA, C_PULSE, C_REFRACTORY = 3e-9, 24.5e-12, 0.5e-12, 1.5e-12
TAU_MEMBRANE_S, TAU_AMPA_S, PULSE_S, REFRACTORY_STEPS = 20e-3, 10e-3, 10e-6, 500
GAIN, THRESHOLD = 5e-12, 10e-12
LEAK, AMPA_TAU = C_MEMBRANE * UT / KAPPA / TAU_MEMBRANE_S, C_AMPA * UT / KAPPA / TAU_AMPA_S
AMPA_GAIN = 100 * AMPA_TAU


def network():
    """Return synapses (source, target, ampere), inputs first, and events (microsecond, input)."""
    rng = np.random.default_rng(7)
    jump = AMPA_GAIN / AMPA_TAU * -np.expm1(-PULSE_S / TAU_AMPA_S) / LEAK  # in leaks, per ampere
    synapses = []
    for target in range(NEURONS):
        others = INPUTS + np.delete(np.arange(NEURONS), target)
        drawn = ((np.arange(INPUTS), FROM_INPUTS, 4.0), (others, FROM_NEURONS, 0.8))
        for sources, count, strength in drawn:
            for source in np.sort(rng.choice(sources, count, replace=False)):
                ampere = strength * rng.uniform(0.5, 1.5) / jump
                synapses.append((int(source), target, float(f"{ampere:.6g}")))
    slots = rng.random((DURATION_US // GRID_US, INPUTS)) < RATE_HZ * GRID_US * 1e-6
    return synapses, [[int(at) * GRID_US, int(source)] for at, source in np.argwhere(slots)]


def refractory(steps):
    """Return the current of a refractory period."""
    return VTH * C_REFRACTORY / (steps * DT_US * 1e-6)


def simulate(synapses, events):
    """Return DynapSim's spikes (microsecond of the step's end, neuron)."""
    from rockpool.devices.dynapse import DynapSim

    weight = np.zeros((INPUTS + NEURONS, NEURONS), np.float32)
    for source, target, ampere in synapses:
        weight[source, target] = ampere
    made = DynapSim(
        (NEURONS, NEURONS), has_rec=True, w_rec=weight[INPUTS:], Iscale=1.0, dt=DT_US * 1e-6,
        Idc=LEAK, Itau_mem=LEAK, Igain_mem=GAIN, Ispkthr=THRESHOLD, Io=DARK, Ut=UT, Vth=VTH,
        kappa_n=KAPPA, kappa_p=KAPPA, Itau_syn=AMPA_TAU, Igain_syn=AMPA_GAIN,
        Ipulse=VTH * C_PULSE / PULSE_S, Iref=refractory(REFRACTORY_STEPS - 0.5), Iw_ahp=0.0,
        C_mem=C_MEMBRANE, C_syn=C_AMPA, C_pulse=C_PULSE, C_ref=C_REFRACTORY,
    )  # fmt: skip
    shown = np.zeros((DURATION_US // DT_US, NEURONS), np.float32)
    for at, source in events:
        shown[at // DT_US] += weight[source]
    spikes = np.asarray(made(shown[None])[0])[0]
    if spikes.max() > 1:
        raise SystemExit("several spikes in a step")
    return [[(int(at) + 1) * DT_US, int(neuron)] for at, neuron in np.argwhere(spikes)]


def main(path):
    """Write the record."""
    synapses, events = network()
    record = {
        "made_by": f"rockpool {version('rockpool')}, DynapSim; record_dynapsim.py",
        "dt_us": DT_US,
        "duration_us": DURATION_US,
        "inputs": INPUTS,
        "constants": {
            "c_membrane": C_MEMBRANE, "c_ampa": C_AMPA, "c_refractory": C_REFRACTORY,
            "c_pulse": C_PULSE, "dark_current": DARK, "kappa_n": KAPPA, "kappa_p": KAPPA,
            "thermal_voltage": UT, "threshold_voltage": VTH,
        },
        "soma": {
            "leak": LEAK, "gain": GAIN, "threshold": THRESHOLD,
            "pulse": VTH * C_PULSE / PULSE_S, "refractory": refractory(REFRACTORY_STEPS + 0.5),
        },
        "ampa_tau": AMPA_TAU,
        "ampa_gain": AMPA_GAIN,
        "synapses": synapses,
        "events": events,
        "spikes": simulate(synapses, events),
    }  # fmt: skip
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in record.items()]
    Path(path).write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
