"""What the host makes of one chip's outputs: weights by a few samples, labelled or not.

It counts every output neuron's spikes, so that it can weigh them: a neuron that mismatch silenced,
or made fire at everything, need not vote like the others.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.dpi.classify import show
from eideploy.backends.dynapse2.dpi.wiring import Wiring

STEADY = 0.3  # spikes that a neuron's count is taken to vary by at least
Labelled = tuple[Array, Array]  # samples (batch, ...) in 0..1, and their classes (batch,)
WORTH = 3.0  # logits that one spike of every output neuron of a class is worth
PRIOR = 3.0  # that a weight is 1, in nats a half of its squared distance; docs/dynapse2_training.md


@dataclass(frozen=True, kw_only=True, eq=False)
class Readout:
    """Class scores: spikes of the class's output neurons, each times its weight.

    Shapes   neurons, weights: (outputs,); one_hot: (outputs, classes), which class each votes for
    """

    neurons: Array
    weights: Array
    one_hot: Array

    def decide(self, counts: Array) -> Array:
        """Return the classes of samples (batch,) from spikes of all neurons (neurons, batch)."""
        return np.asarray(((counts[self.neurons].T * self.weights) @ self.one_hot).argmax(1))


def calibrated(wiring: Wiring, counts: Array, labels: Array) -> Readout:
    """Return the most probable weights >= 0 under a softmax of the scores, where 1 is expected.

    Shapes   counts: (neurons, samples); labels: (samples,)
    """
    neurons = np.flatnonzero(wiring.output >= 0)
    one_hot = wiring.one_hot[neurons].astype(np.float64)
    x, aims = counts[neurons].T.astype(np.float64), np.eye(wiring.classes)[labels]

    def surprise(logits: Array) -> tuple[float, Array]:
        """Return the negative log-likelihood, and its gradient by the logits."""
        shifted = logits - logits.max(1, keepdims=True)
        log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
        return float(-(aims * log_p).sum()), np.exp(log_p) - aims

    worth = WORTH / np.maximum(one_hot.sum(0), 1)  # by class

    def loss(weights: Array) -> tuple[float, Array]:
        value, by_logit = surprise((x * weights) @ one_hot * worth)
        by_weight = (x * ((by_logit * worth) @ one_hot.T)).sum(0)
        off = weights - 1
        return value + PRIOR / 2 * float(off @ off), by_weight + PRIOR * off

    start = np.ones(len(neurons))
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return Readout(neurons=neurons, weights=fitted.x, one_hot=one_hot)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scaled:
    """Class scores: spikes of the class's output neurons, each by a line of its own, in the mean.

    Shapes   neurons, slope, offset: (outputs,); one_hot: (outputs, classes)
    """

    neurons: Array
    slope: Array
    offset: Array
    one_hot: Array

    def decide(self, counts: Array) -> Array:
        """Return the classes of samples (batch,) from spikes of all neurons (neurons, batch)."""
        votes = counts[self.neurons].T * self.slope + self.offset
        return np.asarray((votes @ self.one_hot / self.one_hot.sum(0)).argmax(1))


def scaled(wiring: Wiring, counts: Array, aim: Array) -> Scaled:
    """Return lines that give each output the mean and the spread that it has in the simulator.

    No labels are needed: the samples are shown to both.

    Shapes   counts, aim: spikes on the chip and in the simulator (neurons, samples)
    """
    neurons = np.flatnonzero(wiring.output >= 0)
    mine, theirs = counts[neurons], aim[neurons]
    slope = (theirs.std(1) + STEADY) / (mine.std(1) + STEADY)
    one_hot = wiring.one_hot[neurons].astype(np.float64)
    offset = theirs.mean(1) - slope * mine.mean(1)
    return Scaled(neurons=neurons, slope=slope, offset=offset, one_hot=one_hot)


@dataclass(frozen=True, kw_only=True, eq=False)
class Few:
    """A few training samples that a chip is fitted to.

    labelled  to weigh the outputs by; shown: samples, and aim: what the simulator makes of them
              (neurons, samples), to scale the outputs by, without labels
    """

    labelled: Labelled | None = None
    shown: Array | None = None
    aim: Array | None = None


def accuracies(chip: Wiring, tried: Labelled, coding: Coding, few: Few) -> dict[str, float]:
    """Return a chip's accuracy by equal votes, and as the outputs are "calibrated", "scaled"."""
    samples, labels = tried
    response = show(chip, samples, coding)
    decided = {"equal": response.decided}
    if few.labelled is not None:
        weighed = calibrated(chip, show(chip, few.labelled[0], coding).counts, few.labelled[1])
        decided["calibrated"] = weighed.decide(response.counts)
    if few.shown is not None and few.aim is not None:
        lines = scaled(chip, show(chip, few.shown, coding).counts, few.aim)
        decided["scaled"] = lines.decide(response.counts)
    return {how: float((classes == labels).mean()) for how, classes in decided.items()}
