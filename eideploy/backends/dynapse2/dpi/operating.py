"""Where dendrites work: their mean input against what they leak, and what follows for (D5).

A dendrite settles at x = Iin / Itau - 1 under a constant input, and at its dark current where that
is below 1: the DPI amplifies nothing then, and no synapse is heard. It integrates its input
linearly only where x, its current over its gain, is well above 1.
"""

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi.units import step_of, time_constant
from eideploy.backends.dynapse2.dpi.wiring import Wiring

ANY_STEP_S = 1e-4  # what is asked of a step here does not depend on its length


def mean_ratio(wiring: Wiring, receptor: str, rate: Array) -> Array:
    """Return Iin / Itau of a dendrite, the mean over time.

    Shapes   rate: (inputs + neurons, batch) events a second; result: (neurons, batch)
    """
    number = RECEPTORS.index(receptor)
    rows = np.flatnonzero(wiring.receptor == number)
    charge = step_of(wiring, ANY_STEP_S).strength[rows]
    capacitance = getattr(wiring.constants, f"c_{receptor}")
    tau = time_constant(capacitance, wiring.tau[number], wiring.constants)
    ratio = np.zeros((wiring.neurons, rate.shape[1]))
    target = wiring.target[rows]
    np.add.at(ratio, target, (charge * tau[target])[:, None] * rate[wiring.source[rows]])
    return ratio


def settled(wiring: Wiring, receptor: str, ratio: Array) -> Array:
    """Return what x of a dendrite settles at above its dark current, for Iin / Itau: (neurons, ..).

    Where nothing is heard it is 0.
    """
    if wiring.dendrite == "linear":
        return ratio
    rest = wiring.constants.dark_current / wiring.gain[RECEPTORS.index(receptor)]
    return np.asarray(np.maximum(ratio - 1 - rest[:, None], 0))
