"""Classes from the spikes of a simulated chip: what the host would count."""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring

CHUNK = 256  # samples whose events are in memory together
DT_S = 1e-4  # at which digits have converged (docs/dynapse2_training.md)


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """What samples made of a chip.

    votes   mean spikes of a class's output neurons: (batch, classes)
    counts  spikes of every neuron: (neurons, batch); sent: events of every input, likewise
    """

    votes: Array
    counts: Array
    sent: Array

    @property
    def decided(self) -> Array:
        """The classes; of equal votes the first."""
        return np.asarray(self.votes.argmax(1))


def show(wiring: Wiring, samples: Array, coding: Coding, *, dt: float = DT_S) -> Response:
    """Return what samples (batch, ...) in 0..1 make of a chip."""
    flat = samples.reshape(len(samples), -1)
    chip = Chip(wiring, step_of(wiring, dt))
    counts, sent = [], []
    for at in range(0, len(flat), CHUNK):
        events = event_counts(flat[at : at + CHUNK], coding, dt)
        counts.append(chip.run(events).counts)
        sent.append(events.sum(1, dtype=np.int64))
    joined = np.concatenate(counts, 1)
    return Response(votes=votes(joined, wiring), counts=joined, sent=np.concatenate(sent, 1))


def rates(response: Response, configuration: Configuration) -> dict[str, float]:
    """Return the mean events a second of every population's sources or neurons."""
    names, neurons = configuration.populations, configuration.neurons.population
    seconds = configuration.coding.duration_s
    hertz, at = {}, 0
    for number, (name, size) in enumerate(zip(names, configuration.sizes, strict=True)):
        own = neurons == number
        if own.any():
            hertz[name] = float(response.counts[own].mean() / seconds)
        else:
            hertz[name] = float(response.sent[at : at + size].mean() / seconds)
            at += size
    return hertz


def votes(counts: Array, wiring: Wiring) -> Array:
    """Return the mean spikes of a class's output neurons: (batch, classes)."""
    one_hot = wiring.one_hot
    return np.asarray((counts.T @ one_hot) / np.maximum(one_hot.sum(0), 1))


def accuracies(
    wiring: Wiring,
    samples: Array,
    labels: Array,
    coding: Coding,
    *,
    mismatch: Mismatch,
    seeds: range,
    dt: float = DT_S,
) -> Array:
    """Return the accuracy of every one of the chips that `seeds` draw: (seeds,)."""
    return np.array(
        [
            (show(varied(wiring, mismatch, seed), samples, coding, dt=dt).decided == labels).mean()
            for seed in seeds
        ]
    )
