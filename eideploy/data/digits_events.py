"""The bundled digits as an event camera sees them: an event set that needs no download."""

from collections.abc import Sequence

import numpy as np

from eideploy.data.camera import DURATION_US, VERTICES, Camera, record
from eideploy.data.dataset import Dataset, Images
from eideploy.data.digits import SIDE, read, split
from eideploy.data.events import Events, to_frames

CAMERA = Camera()
STEPS = 10  # frames where the caller asks for no other number
TOGETHER = 64  # images simulated at once
JITTER = 0.25  # pixels that a recording's start lies off the middle, either way


def recordings(indices: Sequence[int], *, seed: int = 0) -> list[Events]:
    """Return the events of those digits, in tonic's structured type, so that its transforms apply.

    Each recording follows from (seed, index) alone: the camera's thresholds from the seed, where
    its saccades and its pixels begin from both.
    """
    images, _ = read()
    thresholds = CAMERA.thresholds(seed)
    events: list[Events] = []
    for first in range(0, len(indices), TOGETHER):
        chosen = np.asarray(indices[first : first + TOGETHER])
        begun = [_begin(seed, int(index)) for index in chosen]
        starts, phases = (np.stack(part) for part in zip(*begun, strict=True))
        events += record(images[chosen, 0], starts, phases, thresholds, CAMERA)
    return events


def digits_events(steps: int | None = None, *, seed: int = 0) -> Dataset:
    """Return frames (N, T, 2, 34, 34) of event counts, split as the digits are."""
    images, labels = read()
    steps, sensor = steps or STEPS, (2, CAMERA.side, CAMERA.side)
    frames = np.zeros((len(images), steps, *sensor), dtype=np.uint8)
    for index, events in enumerate(recordings(range(len(images)), seed=seed)):
        where = f"digits-events, recording {index}"
        frames[index] = to_frames(events, steps=steps, sensor=sensor, where=where, end=DURATION_US)
    train, test = split(labels)
    return Dataset(
        name="digits-events",
        train_x=frames[train],
        train_y=labels[train],
        test_x=frames[test],
        test_y=labels[test],
        classes=10,
        high=float(frames.max()),
    )


def _begin(seed: int, index: int) -> tuple[Images, Images]:
    """Return the corner (x, y) that centres the saccades, jittered, and the pixels' phases."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    room = CAMERA.side - SIDE * CAMERA.zoom - np.max(VERTICES, axis=0)
    corner = room / 2 + rng.uniform(-JITTER, JITTER, 2)
    phases = rng.uniform(-1, 1, (CAMERA.side, CAMERA.side))
    return corner.astype(np.float32), phases.astype(np.float32)
