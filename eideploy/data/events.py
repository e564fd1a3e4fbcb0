"""Events of an event camera, and the frames that a network sees of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.errors import DataError

EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.bool_)])  # tonic's
Events = NDArray[Any]  # structured, with at least x, t in microseconds and p
Sensor = tuple[int, int, int]  # polarities, height, width


def bins_by_number(events: Events, steps: int) -> NDArray[np.int64]:
    """Return the frame of each event when every frame takes as many, the last one the rest."""
    share = len(events) // steps
    place = np.arange(len(events))
    return np.minimum(place // share, steps - 1) if share else np.full_like(place, steps - 1)


def bins_by_time(events: Events, steps: int, *, end: int | None = None) -> NDArray[np.int64]:
    """Return the frame of each event when every frame lasts as long.

    The frames divide the time from 0 to `end`, or from the earliest event to the latest where none
    is given; an event at a border belongs to the later frame.
    """
    times = events["t"].astype(np.int64)
    if end is None and len(times):
        times = times - times.min()
        end = int(times.max()) + 1
    return np.asarray(times * steps // (end or 1))


def to_frames(
    events: Events, bins: NDArray[np.int64], *, steps: int, sensor: Sensor, where: str
) -> NDArray[np.int64]:
    """Return the number of events of each frame, polarity and pixel: (steps, polarities, H, W).

    Raises:
        DataError: an event lies outside of the sensor or of time.
    """
    polarities, height, width = sensor
    names = events.dtype.names or ()
    x = events["x"].astype(np.int64)
    y = events["y"].astype(np.int64) if "y" in names else np.zeros_like(x)
    p = events["p"].astype(np.int64) if polarities > 1 else np.zeros_like(x)
    limits = {"frame": (bins, steps), "p": (p, polarities), "y": (y, height), "x": (x, width)}
    for name, (values, limit) in limits.items():
        wrong = np.flatnonzero((values < 0) | (values >= limit))
        if len(wrong):
            raise DataError(
                f"event {wrong[0]} has {name} = {values[wrong[0]]}, not from 0 to {limit - 1}",
                where=where,
                fix="replace the file: it is damaged",
            )
    place = ((bins * polarities + p) * height + y) * width + x
    counts = np.bincount(place, minlength=steps * polarities * height * width)
    return counts.reshape(steps, polarities, height, width)


def check_any(events: Events, where: str) -> None:
    """Refuse a recording without events.

    Raises:
        DataError: there is none.
    """
    if not len(events):
        raise DataError("the recording has no event", where=where, fix="replace the file")
