"""Whether a network that was just read does anything: random inputs, as nobody gives others."""

from math import prod

import numpy as np

from eideploy.circuit import Circuit
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.flow.warning import IMPORTED, activity_warnings
from eideploy.validate.activity import ActivityTally
from eideploy.validate.ladder import MOST_PRODUCTS, products

DENSITIES = (1.0, 0.5, 0.2, 0.05)  # of inputs that are not zero, in turn
MOST, LEAST = 8, 2
MOST_VALUES = 1 << 25  # of all nodes at all steps, so that they fit in memory


def probe(circuit: Circuit) -> list[str]:
    """Return warnings of a float circuit that is silent, or always says the same, on noise.

    Inputs are uniform in the network's range, most of them zero in some samples. A network that is
    alive there may still be dead on its own data, which compiling looks at. Of networks too large
    for two samples within seconds nothing is said.
    """
    values = circuit.steps * sum(map(prod, circuit.shapes.values()))
    count = min(MOST, MOST_PRODUCTS // products(circuit), MOST_VALUES // values)
    if count < LEAST:
        return []
    rng = np.random.default_rng(0)
    shape = (count, *circuit.input.size)
    density = np.resize(DENSITIES, count).reshape(-1, *(1,) * len(circuit.input.size))
    samples = circuit.input.high * rng.random(shape) * (rng.random(shape) < density)
    tally = ActivityTally()
    for batch in batches(samples):
        tally.add(run_float(circuit, batch, keep=frozenset({"spikes"})), batch)
    return activity_warnings(tally.activity(), f"in floats, on {count} random inputs", IMPORTED)
