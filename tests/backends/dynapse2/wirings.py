"""Small wirings of DPI neurons."""

from dataclasses import replace

import numpy as np

from eideploy.backends.dynapse2.chip.spec import RECEPTORS, read_spec
from eideploy.backends.dynapse2.dpi.wiring import SOMA, Wiring
from eideploy.shipped import folder

SPEC = read_spec(folder("targets") / "dynapse2" / "spec.toml")
CONSTANTS = SPEC.constants
KAPPA = (CONSTANTS.kappa_n + CONSTANTS.kappa_p) / 2


def current_for(tau_s, capacitance):
    return capacitance * CONSTANTS.thermal_voltage / (KAPPA * tau_s)


def wiring(neurons, synapses, inputs=1, output=None, **soma):
    """Synapses are (source, target, receptor name, ampere)."""
    leak = current_for(20e-3, CONSTANTS.c_membrane)
    given = dict.fromkeys(SOMA, 0.0) | {
        "leak": leak, "gain": 5e-12, "threshold": 10e-12, "pulse": 35e-9, "refractory": 1.05e-9,
        "adaptation_gain": 1e-12, "adaptation_tau": 20e-12, "adaptation_pulse": 35e-9,
    } | soma  # fmt: skip
    capacitances = np.array([getattr(CONSTANTS, f"c_{name}") for name in RECEPTORS])
    tau = np.repeat(current_for(10e-3, capacitances)[:, None], neurons, 1)
    columns = list(zip(*synapses, strict=True)) if synapses else [[], [], [], []]
    return Wiring(
        soma={key: np.full(neurons, value) for key, value in given.items()},
        tau=tau,
        gain=np.full((len(RECEPTORS), neurons), 5e-12),
        source=columns[0],
        target=columns[1],
        receptor=[RECEPTORS.index(name) for name in columns[2]],
        weight=columns[3],
        cam=np.arange(len(columns[0])),
        inputs=inputs,
        output=np.full(neurons, -1) if output is None else output,
        core=np.zeros(neurons),
        constants=CONSTANTS,
    )


def random_wiring(rng, *, inputs=6, neurons=20, **soma):
    synapses = [
        (source, target, str(rng.choice(RECEPTORS, p=[0.6, 0.2, 0.1, 0.1])), rng.gamma(2, 150e-9))
        for target in range(neurons)
        for source in rng.choice(inputs + neurons, 12, replace=False)
    ]
    return wiring(neurons, synapses, inputs, **soma)


def without(made, receptor):
    keep = made.receptor != RECEPTORS.index(receptor)
    fields = ("source", "target", "receptor", "weight", "cam")
    return replace(made, **{name: getattr(made, name)[keep] for name in fields})
