"""The event data sets of recordings, as data: where the files lie, what the network sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy.data.decoders import read_aedat4, read_array, read_nmnist
from eideploy.data.events import Events, Sensor
from eideploy.data.sources import SOURCES, Source

OBJECTS = "airplane automobile bird cat deer dog frog horse ship truck"
DIGITS = tuple("0123456789")


@dataclass(frozen=True, kw_only=True)
class EventSet:
    """An event data set of one file to a recording, in the layout of tonic 1.7.0."""

    source: Source
    decode: Callable[[Path], Events]  # of one recording
    pattern: str  # of a recording's path in its folder; groups: label, and part where there are two
    parts: tuple[str, ...]  # folders of training and of test; none where the files are split here
    counts: tuple[int, ...] = ()  # published recordings a part; none where no number is stated
    labels: tuple[str, ...]
    sensor: Sensor  # polarities, height, width
    steps: int  # frames where the caller asks for no other number
    by_number: bool = False  # a frame has as many events as the others; else it lasts as long
    size: tuple[int, int] | None = None  # that the network sees


NMNIST = EventSet(
    source=SOURCES["nmnist"],
    decode=read_nmnist,
    pattern=r"(?P<part>Train|Test)/(?P<label>\d)/[^/]+\.bin",
    parts=("Train", "Test"),
    counts=(60_000, 10_000),
    labels=DIGITS,
    sensor=(2, 34, 34),
    steps=10,
)
DVS_GESTURE = EventSet(
    source=SOURCES["dvs-gesture"],
    decode=read_array,
    pattern=r"(?P<part>ibmGestureTrain|ibmGestureTest)/user\d+_[^/]+/(?P<label>\d+)\.npy",
    parts=("ibmGestureTrain", "ibmGestureTest"),
    labels=(*DIGITS, "10"),
    sensor=(2, 128, 128),
    steps=16,
    by_number=True,
    size=(48, 48),
)
CIFAR10_DVS = EventSet(
    source=SOURCES["cifar10-dvs"],
    decode=read_aedat4,
    pattern=r"(?P<label>[a-z]+)/[^/]+\.aedat4",
    parts=(),
    counts=(10_000,),
    labels=tuple(OBJECTS.split()),
    sensor=(2, 128, 128),
    steps=10,
    by_number=True,
    size=(48, 48),
)
EVENT_SETS: Mapping[str, EventSet] = {
    spec.source.name: spec for spec in (NMNIST, DVS_GESTURE, CIFAR10_DVS)
}
