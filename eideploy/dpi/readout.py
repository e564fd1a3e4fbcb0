"""Weights for the output neurons of one chip, fitted to what it does with a few labelled samples.

The host counts every output neuron's spikes, so that it can weigh them: a neuron that mismatch
silenced, or made fire at everything, need not vote like the others.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.dpi.wiring import Wiring
from eideploy.dynapse2.arrays import Array

PENALTIES = 3.0 ** np.arange(-2, 8)  # tried, in spikes squared a sample


@dataclass(frozen=True, kw_only=True, eq=False)
class Readout:
    """Class scores, counts @ weights + offset.

    Shapes   neurons: (outputs,) their numbers; weights: (outputs, classes); offset: (classes,)
    """

    neurons: Array
    weights: Array
    offset: Array

    def decide(self, counts: Array) -> Array:
        """Return the classes of samples (batch,) from spikes of all neurons (neurons, batch)."""
        scores = counts[self.neurons].T @ self.weights + self.offset
        found: Array = scores.argmax(1)
        return found


def calibrated(wiring: Wiring, counts: Array, labels: Array) -> Readout:
    """Return equal votes plus the ridge regression of what these leave of the labels.

    The penalty is the one whose squared error is least when every sample is left out in turn, so
    that nothing but these samples is asked.

    Shapes   counts: (neurons, samples); labels: (samples,)
    """
    neurons = np.flatnonzero(wiring.output >= 0)
    x = counts[neurons].T.astype(np.float64)
    aims = np.eye(wiring.classes)[labels]
    equal = (wiring.output[neurons][:, None] == np.arange(wiring.classes)).astype(np.float64)
    votes = x @ equal
    equal *= (votes * aims).sum() / max(float((votes**2).sum()), 1e-12)
    mean = x.mean(0)
    centred, left = x - mean, aims - x @ equal
    left_mean = left.mean(0)
    basis, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    inside = basis.T @ (left - left_mean)

    def error(penalty: float) -> float:
        kept = sizes**2 / (sizes**2 + penalty)
        residual = left - left_mean - basis @ (kept[:, None] * inside)
        leverage = 1 / len(x) + (basis**2 * kept).sum(1)
        return float(((residual / (1 - leverage)[:, None]) ** 2).sum())

    penalty = min(PENALTIES * len(x), key=error)
    gram = centred @ centred.T + penalty * np.eye(len(x))
    weights = equal + centred.T @ np.linalg.solve(gram, left - left_mean)
    offset = left_mean - mean @ (weights - equal)
    return Readout(neurons=neurons, weights=weights, offset=offset)
