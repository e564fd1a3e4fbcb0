"""Folders of event recordings by class, integrated to frames once and kept beside the folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy.data.cache import cached
from eideploy.data.checks import check_file, holds_events
from eideploy.data.dataset import Stored
from eideploy.data.decoders import COLUMNS, read_aedat4, read_array, read_hdf5, read_prophesee
from eideploy.data.events import COUNT, Events, to_frames
from eideploy.data.own.classes import Samples
from eideploy.data.own.files import read_arrays
from eideploy.data.sources import Source
from eideploy.errors import ConfigError, DataError

STEPS = 10  # frames where nothing asks for another number
POLARITIES = 2
Size = tuple[int, int]  # height, width


@dataclass(frozen=True, kw_only=True)
class Own(Source):
    """Recordings of the user's, which can be had nowhere else."""

    def damaged(self, what: str, path: Path) -> DataError:
        """Return the error of a file that is no recording."""
        return DataError(what, where=str(path), fix="fix the recording, or remove it")


OWN = Own(name="recordings", url="", folder="", files="")


@dataclass(frozen=True, kw_only=True)
class Camera:
    """How recordings become frames.

    sensor     height and width
    by_number  a frame has as many events as the others; else it lasts as long
    decode     what reads a recording; None: what its suffix asks for
    """

    sensor: Size
    by_number: bool = False
    decode: Callable[[Path], Events] | None = None

    def frames(self, path: Path, steps: int) -> Stored:
        """Return the frames (T, 2, H, W) of event counts of a recording.

        Raises:
            DataError: it is damaged, not in order of time, or beyond the sensor.
        """
        sensor = (POLARITIES, *self.sensor)
        return to_frames(
            self.events(path),
            steps=steps,
            sensor=sensor,
            where=str(path),
            by_number=self.by_number,
        )

    def events(self, path: Path) -> Events:
        """Return the events of a recording.

        Raises:
            DataError: it is damaged, not in order of time, or beyond the sensor.
        """
        check_file(path, OWN)
        try:
            events = (self.decode or DECODERS[path.suffix.lower()])(path)
        except DataError:
            raise
        except BaseException as error:  # each decoder has its own; a panic of Rust is no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            raise OWN.damaged(f"the recording cannot be decoded: {error}", path) from error
        if missing := [name for name in COLUMNS if name not in (events.dtype.names or ())]:
            raise OWN.damaged(f"the recording has no field {', '.join(missing)}", path)
        if not holds_events(events.shape, events.dtype):
            raise OWN.damaged(
                f"the recording holds {events.dtype} of shape {events.shape}, not numbers of shape "
                "(n,)",
                path,
            )
        if self.decode is None:  # published ones are taken in the order that they have
            _check_order(events, path)
        _check_sensor(events, self.sensor, path)
        return events


def read_recordings(
    folder: Path, listed: Samples, *, sensor: Size | None, by_number: bool, steps: int | None
) -> tuple[list[Stored], list[str]]:
    """Return frames (N, T, 2, H, W) of event counts of each part, and in words how they were made.

    Raises:
        ConfigError: no sensor is said.
        DataError: a recording that is damaged, not in order of time, or beyond the sensor.
    """
    if sensor is None:
        raise ConfigError(
            "the recordings do not give the size of their sensor",
            where=str(folder),
            fix="give HEIGHTxWIDTH, e.g. --set data.sensor=128x128",
        )
    frames, camera = steps or STEPS, Camera(sensor=sensor, by_number=by_number)
    rule = "number" if by_number else "time"
    parts = []
    for number, files in enumerate(listed.files):
        for path in files:
            check_file(path, OWN)
        samples = (camera.frames(path, frames) for path in files)
        shape = (len(files), frames, POLARITIES, *sensor)
        part = f"part{number}-by-{rule}"
        parts.append(cached(folder, part, files, samples, shape=shape, dtype=COUNT))
    what = "as many events" if by_number else "as long"
    height, width = sensor
    size = f"{height}x{width} (height x width)"
    return parts, [f"recordings of {size} in {frames} frames, each {what} as the others"]


def _of_archive(path: Path) -> Events:
    arrays = read_arrays(path)
    if len(arrays) != 1:
        raise DataError(
            f"the file holds {len(arrays)} arrays; a recording is a single array",
            where=str(path),
            fix="save the events of one recording as one structured array of x, y, t and p",
        )
    return next(iter(arrays.values()))


DECODERS: Mapping[str, Callable[[Path], Events]] = {
    ".npy": read_array,
    ".npz": _of_archive,
    ".aedat4": read_aedat4,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
    ".raw": read_prophesee,
    ".dat": read_prophesee,
}
SUFFIXES = tuple(DECODERS)


def _check_order(events: Events, path: Path) -> None:
    times = events["t"]
    later = times[1:] < times[:-1]
    if later.any():
        place = int(later.argmax()) + 1
        raise DataError(
            f"event {place} is at {times[place]}, earlier than the event before it",
            where=str(path),
            fix="sort the events: events[numpy.argsort(events['t'], kind='stable')]",
        )


def _check_sensor(events: Events, sensor: Size, path: Path) -> None:
    for name, size in zip(("y", "x"), sensor, strict=True):
        beyond = events[name] >= size
        if beyond.any():
            place = int(beyond.argmax())
            needed = "x".join(str(int(events[axis].max()) + 1) for axis in ("y", "x"))
            raise DataError(
                f"event {place} has {name} = {events[name][place]}, beyond a sensor of "
                f"{sensor[0]}x{sensor[1]} (height x width)",
                where=str(path),
                fix=f"remove the recording, or set a sensor of at least {needed}",
            )
