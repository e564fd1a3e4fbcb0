"""A simulated event camera before which an image makes three saccades (docs/data.md)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.data.events import EVENT, Events

Floats = NDArray[np.float32]
VERTICES = (
    (0.0, 0.0),
    (3.5, 7.0),
    (7.0, 0.0),
    (0.0, 0.0),
)  # x, y in pixels, as N-MNIST's stabilise
SACCADE_US = 105_000  # N-MNIST's saccade
DURATION_US = SACCADE_US * (len(VERTICES) - 1)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """What a pixel does (D2-D6); the defaults are those of `digits-events`."""

    side: int = 34  # pixels of the sensor's edge, N-MNIST's
    zoom: float = 3.25  # pixels of the sensor for one of the image
    dark: float = 0.1  # light where the image is 0, of 1 + dark where it is 1
    threshold: float = 0.4  # change of log intensity that makes an event
    mismatch: float = 0.03  # standard deviation of the threshold over pixels, of the threshold
    refractory_us: int = 1000  # a pixel's least time between events
    step_us: int = 1000  # light is linear in time within a step, and a pixel has at most one event

    def thresholds(self, seed: int) -> Floats:
        """Return each pixel's threshold, at least half of the nominal one: (side, side)."""
        spread = np.random.default_rng(seed).standard_normal((self.side, self.side))
        return (self.threshold * np.maximum(0.5, 1 + self.mismatch * spread)).astype(np.float32)


def gaze(time_us: float) -> NDArray[np.float64]:
    """Return how far (x, y) the image has moved, in pixels: from vertex to vertex (D1)."""
    corners = np.arange(len(VERTICES)) * SACCADE_US
    return np.array([np.interp(time_us, corners, part) for part in zip(*VERTICES, strict=True)])


def record(
    images: Floats,
    starts: Floats,
    phases: Floats,
    thresholds: Floats,
    camera: Camera,
    *,
    moving: bool = True,
) -> list[Events]:
    """Return the events of each image, ordered by time (D4-D7).

    Shapes   images: (B, n, n) in [0, 1]; starts: (B, 2), x and y of the image's corner, in pixels;
             phases: (B, side, side), where between its thresholds a pixel begins, within -1 to 1;
             thresholds: (side, side)
    """
    level = log_light(images, starts, camera)
    reference = level + phases * thresholds
    last = np.full(level.shape, -np.inf, dtype=np.float32)
    events: list[tuple[NDArray[Any], ...]] = []
    for end in range(camera.step_us, DURATION_US + 1, camera.step_us):
        offset = gaze(end if moving else 0).astype(np.float32)
        before, level = level, log_light(images, starts + offset, camera)
        change = level - reference
        place = np.nonzero(np.abs(change) >= thresholds)
        rising, step = change[place] > 0, np.where(change[place] > 0, 1, -1)
        crossing = reference[place] + step * thresholds[place[1:]]
        times = _crossing_times(before[place], level[place], crossing, end - camera.step_us, camera)
        times = np.maximum(times, last[place] + camera.refractory_us)
        fires = times < end
        place = tuple(part[fires] for part in place)
        reference[place], last[place] = crossing[fires], times[fires]
        events.append((*place, times[fires].astype(np.int64), rising[fires]))
    return _by_image(events, len(images))


def log_light(images: Floats, corners: Floats, camera: Camera) -> Floats:
    """Return the log intensity (B, side, side) with each image's corner at (x, y) (D2, D3)."""
    columns, rows = (_weights(corners[:, axis], images.shape[-1], camera) for axis in range(2))
    return np.asarray(np.log(rows @ images @ columns.swapaxes(1, 2) + np.float32(camera.dark)))


def _weights(corner: Floats, pixels: int, camera: Camera) -> Floats:
    """Return how much each image pixel gives to each of the sensor's: (B, side, n) (D2)."""
    place = (np.arange(camera.side) + 0.5 - corner[:, None]) / camera.zoom - 0.5
    weights = np.maximum(0, 1 - np.abs(place[:, :, None] - np.arange(pixels)))
    return np.asarray(weights, dtype=np.float32)


def _crossing_times(
    before: Floats, after: Floats, crossing: Floats, start: int, camera: Camera
) -> NDArray[np.float64]:
    """Return when the light, linear within the step, reaches `crossing`; at once if it has (D6)."""
    change = np.where(after == before, 1, after - before)
    part = np.clip((crossing - before) / change, 0, 1)
    return np.asarray(start + part.astype(np.float64) * camera.step_us)


def _by_image(columns: list[tuple[NDArray[Any], ...]], images: int) -> list[Events]:
    owner, y, x, t, p = (np.concatenate(column) for column in zip(*columns, strict=True))
    order = np.lexsort((t, owner))
    events = np.empty(len(order), dtype=EVENT)
    for name, values in (("x", x), ("y", y), ("t", t), ("p", p)):
        events[name] = values[order]
    return np.split(events, np.cumsum(np.bincount(owner, minlength=images))[:-1])
