"""Samples to events: a pixel x in 0..1 sends x * peak rate events a second."""

from collections.abc import Iterator, Sequence

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.network import Coding

GOLDEN = (5**0.5 - 1) / 2


def event_counts(samples: Array, coding: Coding, dt: float, *, seed: int = 0) -> Array:
    """Return how many events each source sends in each step: (sources, steps, batch).

    A regular source sends its k-th event once x * rate * t + phase has passed k, with phases
    (number * golden ratio) mod 1, so that sources of one rate do not fire together. The events of
    one step are those of the same times at any `dt`; only the step that they fall in differs.

    Shapes   samples: (batch, sources), clipped to 0..1
    """
    rate = np.clip(np.asarray(samples, np.float64), 0, 1).T * coding.peak_rate_hz
    steps = round(coding.duration_s / dt)
    if coding.spacing == "poisson":
        rng = np.random.default_rng(seed)
        return rng.poisson(np.repeat(rate[:, None] * dt, steps, 1)).astype(np.uint8)
    times = (np.arange(steps + 1) * dt)[:, None]
    counts = np.empty((len(rate), steps, rate.shape[1]), np.uint8)
    for number, of_source in enumerate(rate):  # one by one, as all their times are much memory
        passed = np.floor(of_source * times + number * GOLDEN % 1)
        counts[number] = np.diff(passed, axis=0)
    return counts


def event_rows(
    samples: Array, coding: Coding, sources: Sequence[tuple[str, int]]
) -> Iterator[tuple[int, int, str, int]]:
    """Yield trial, microsecond, population and index of all events, as the loader reads them.

    The events are those of `event_counts` in steps of a microsecond; a trial is a sample, from 0.

    sources  population and index of every source, in order
    """
    for trial, sample in enumerate(samples):
        counts = event_counts(sample[None], coding, 1e-6)[:, :, 0]
        step, source = np.nonzero(counts.T)
        for at, number, times in zip(step, source, counts[source, step], strict=True):
            yield from [(trial, int(at), *sources[int(number)])] * int(times)


def sources_of(configuration: Configuration) -> list[tuple[str, int]]:
    """Return population and index of every source, in the order in which they are numbered."""
    placed = set(configuration.neurons.population.tolist())
    named = enumerate(zip(configuration.populations, configuration.sizes, strict=True))
    return [(name, k) for i, (name, size) in named if i not in placed for k in range(size)]
