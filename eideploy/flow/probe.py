"""Whether a network that was just read does anything: random inputs, as nobody gives others."""

import numpy as np

from eideploy.circuit import Circuit
from eideploy.flow.warning import IMPORTED, activity_warnings
from eideploy.report.activity import ActivityTally
from eideploy.report.ladder import affordable
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.observe import batches

DENSITIES = (1.0, 0.5, 0.2, 0.05)  # of inputs that are not zero, in turn
MOST = 8


def probe(circuit: Circuit) -> list[str]:
    """Return warnings of a float circuit that is silent, or always says the same, on noise.

    Inputs are uniform in the network's range, most of them zero in some samples. A network that is
    alive there may still be dead on its own data, which compiling looks at.
    """
    rng, count = np.random.default_rng(0), affordable(circuit, MOST)
    shape = (count, *circuit.input.size)
    density = np.resize(DENSITIES, count).reshape(-1, *(1,) * len(circuit.input.size))
    samples = circuit.input.high * rng.random(shape) * (rng.random(shape) < density)
    tally = ActivityTally()
    for batch in batches(samples):
        tally.add(run_float(circuit, batch, keep=frozenset({"spikes"})), batch)
    return activity_warnings(tally.activity(), f"in floats, on {count} random inputs", IMPORTED)
