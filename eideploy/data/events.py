"""Events of an event camera, and the frames that a network sees of them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.errors import DataError

EVENT = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.bool_)])  # tonic's
Events = NDArray[Any]  # structured: x, y, t in microseconds and p, of whatever types a file has
Sensor = tuple[int, int, int]  # polarities, height, width
COUNT = np.uint16  # events of a pixel in a frame
LONGEST_US = 1 << 40  # 12 days
DAMAGED = "replace the file: it is damaged"
POLARITIES = "write on events as 1 and off events as 0, or replace the file"


def to_frames(
    events: Events,
    *,
    steps: int,
    sensor: Sensor,
    where: str,
    by_number: bool = False,
    end: int | None = None,
) -> NDArray[np.uint16]:
    """Return the number of events of each frame, polarity and pixel: (steps, polarities, H, W).

    Frames have as many events each if `by_number`. Else they last as long each: from 0 to `end`, or
    from the earliest event to the latest where none is given.

    Fields are checked as they are, before any is converted; y and p may be absent where there is
    one of them.

    Raises:
        DataError: no event, or too few for the frames; one that lies outside of the sensor or of
            time, or between pixels; more events of a pixel in a frame than are counted.
    """
    polarities, height, width = sensor
    limits = {"x": width, "y": height, "p": polarities, "t": end or LONGEST_US}
    used = {name for name in events.dtype.names or () if name != "t" or not by_number}
    for name, limit in limits.items():
        if name in used:
            _check_field(events[name], name, limit, where)
    _check_enough(events, steps, where, by_number=by_number, end=end)
    bins = _bins_by_number(events, steps) if by_number else _bins_by_time(events, steps, end=end)
    p, y, x = (events[name].astype(np.int64) if name in used else 0 for name in ("p", "y", "x"))
    place = ((bins * polarities + p) * height + y) * width + x
    counts = np.bincount(place, minlength=steps * polarities * height * width)
    if counts.max() > np.iinfo(COUNT).max:
        what = f"a pixel has {counts.max()} events in one frame"
        raise DataError(what, where=where, fix=DAMAGED)
    return counts.reshape(steps, polarities, height, width).astype(COUNT)


def _check_field(values: NDArray[Any], name: str, limit: int, where: str) -> None:
    """Refuse values that are no whole numbers from 0 to below `limit`."""
    whole = np.floor(values) if values.dtype.kind == "f" else values
    right = (values >= 0) & (values < limit) & (whole == values)
    if not right.all():
        wrong = int(np.argmin(right))
        raise DataError(
            f"event {wrong} has {name} = {values[wrong]}, not a whole number from 0 to {limit - 1}",
            where=where,
            fix=POLARITIES if name == "p" else DAMAGED,
        )


def _check_enough(
    events: Events, steps: int, where: str, *, by_number: bool, end: int | None
) -> None:
    """Refuse a recording that leaves frames without events, whatever it recorded."""
    if not len(events):
        raise DataError("the recording has no event", where=where, fix="replace the file")
    what, most = f"has {len(events)} events", len(events)
    if not by_number:
        most = end or int(events["t"].max()) - int(events["t"].min()) + 1
        what = f"lasts {most} microseconds"
    if most < steps:
        raise DataError(
            f"the recording {what}, too few for {steps} frames",
            where=where,
            fix="replace the file, or ask for fewer frames with --set network.steps=N",
        )


def _bins_by_number(events: Events, steps: int) -> NDArray[np.int64]:
    """Return the frame of each of at least `steps` events: each as many, the last one the rest."""
    return np.minimum(np.arange(len(events)) // (len(events) // steps), steps - 1)


def _bins_by_time(events: Events, steps: int, *, end: int | None = None) -> NDArray[np.int64]:
    """Return the frame of each event; one at a border belongs to the later frame."""
    times = events["t"].astype(np.int64)
    if end is None:
        times -= times.min()
        end = int(times.max()) + 1
    return np.asarray(times * steps // end)
