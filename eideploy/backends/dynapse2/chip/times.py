"""Time constants and durations that a board's biases reach.

tau = C U_t / (kappa I)    of membrane and dendrites, kappa the mean of N and P
t   = V_th C / I           of pulse and refractory period
"""

from eideploy.backends.dynapse2.chip.biases import Dac
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec


def time_ranges(spec: ChipSpec, dac: Dac) -> dict[str, tuple[float, float]]:
    """Return the shortest and the longest time of every role that sets one, in seconds."""
    c = spec.constants
    kappa = (c.kappa_n + c.kappa_p) / 2
    decays = {"membrane_leak": c.c_membrane} | {f"{r}_tau": spec.capacitance(r) for r in RECEPTORS}
    charges = {role: size * c.thermal_voltage / kappa for role, size in decays.items()}
    charges |= {
        "refractory": c.threshold_voltage * c.c_refractory,
        "pulse": c.threshold_voltage * c.c_pulse,
    }
    ranges = {}
    for role, charge in charges.items():
        low, high = dac.reach(spec.bias_of[role])
        ranges[role] = charge / high, charge / low
    return ranges
