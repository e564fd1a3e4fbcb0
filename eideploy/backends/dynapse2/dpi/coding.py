"""Samples to events: a pixel x in 0..1 sends x * peak rate events a second."""

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
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
    phase = (np.arange(len(rate)) * GOLDEN % 1)[:, None, None]
    times = (np.arange(steps + 1) * dt)[None, :, None]
    passed = np.floor(rate[:, None] * times + phase)
    return np.asarray(np.diff(passed, axis=1).astype(np.uint8))
