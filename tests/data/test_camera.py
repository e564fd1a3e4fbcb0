"""The event camera against its equations (docs/data.md), and the digits it sees."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.data import load
from eideploy.data.camera import DURATION_US, SACCADE_US, Camera, gaze, log_light, record
from eideploy.data.digits_events import CAMERA, recordings
from eideploy.data.events import EVENT, to_frames
from eideploy.errors import DataError

SENSOR = (2, CAMERA.side, CAMERA.side)


@pytest.fixture(scope="module")
def some():
    return recordings(range(12))


def scene(seed, camera=CAMERA):
    rng = np.random.default_rng(seed)
    image = rng.random((1, 8, 8), dtype=np.float32)
    start = rng.uniform(0, 1, (1, 2)).astype(np.float32)
    phases = rng.uniform(-1, 1, (1, camera.side, camera.side)).astype(np.float32)
    return image, start, phases, camera.thresholds(seed)


def test_the_gaze_makes_three_saccades_and_comes_back():
    assert np.array_equal(gaze(0), [0, 0])
    assert np.array_equal(gaze(SACCADE_US), [3.5, 7])
    assert np.array_equal(gaze(2 * SACCADE_US), [7, 0])
    assert np.array_equal(gaze(DURATION_US), [0, 0])
    assert np.array_equal(gaze(SACCADE_US / 2), [1.75, 3.5])
    assert DURATION_US == 315_000


def test_the_light_is_the_image_bilinearly_enlarged_and_shifted():
    image = np.random.default_rng(0).random((1, 8, 8), dtype=np.float32)
    camera = Camera(zoom=3.0)
    light = np.exp(log_light(image, np.array([[2, 5]], np.float32), camera)) - camera.dark
    centres = light[0, 5 + 1 : 5 + 24 : 3, 2 + 1 : 2 + 24 : 3]  # the middles of the image's pixels
    assert np.allclose(centres, image[0], atol=1e-6)
    between = light[0, 6, 4]  # a third of the way from a middle to the next
    assert np.isclose(between, (2 * image[0, 0, 0] + image[0, 0, 1]) / 3, atol=1e-6)
    assert light[0, 0].max() == pytest.approx(0, abs=1e-6)


@given(seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_there_is_no_event_without_motion_or_contrast(seed):
    image, start, phases, thresholds = scene(seed)
    (still,) = record(image, start, phases, thresholds, CAMERA, moving=False)
    assert not len(still)
    (dark,) = record(image * 0, start, phases, thresholds, CAMERA)
    assert not len(dark)


@given(seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_events_add_up_to_the_light_within_a_threshold(seed):
    image, start, phases, thresholds = scene(seed)
    (events,) = record(image, start, phases, thresholds, CAMERA)
    for time in (40_000, SACCADE_US, 200_000, DURATION_US):
        seen = events[events["t"] < time]
        net = np.zeros(thresholds.shape)
        np.add.at(net, (seen["y"], seen["x"]), np.where(seen["p"], 1, -1))
        begun = log_light(image, start, CAMERA) + phases * thresholds
        light = log_light(image, start + gaze(time).astype(np.float32), CAMERA)
        gap = np.abs(light - (begun + net * thresholds))[0]
        assert np.all(gap < thresholds * (1 + 1e-3))


@given(seed=st.integers(0, 1000))
@settings(max_examples=5)
def test_a_closed_path_leaves_every_pixel_within_one_event(seed):
    image, start, phases, thresholds = scene(seed)
    (events,) = record(image, start, phases, thresholds, CAMERA)
    net = np.zeros(thresholds.shape, int)
    np.add.at(net, (events["y"], events["x"]), np.where(events["p"], 1, -1))
    assert np.abs(net).max() <= 1


@pytest.mark.parametrize("refractory_us", [1000, 5000, 20_000])
def test_a_pixel_rests_after_an_event(refractory_us):
    camera = Camera(refractory_us=refractory_us, threshold=0.2)
    (events,) = record(*scene(0, camera), camera)
    place = events["y"].astype(int) * camera.side + events["x"]
    order = np.lexsort((events["t"], place))
    same = np.diff(place[order]) == 0
    gaps = np.diff(events["t"][order])[same]
    assert gaps.min() >= refractory_us - 1  # times are cut to whole microseconds


def test_a_finer_step_changes_few_events():
    coarse, fine = (
        record(*scene(3), Camera(step_us=step, refractory_us=1000)) for step in (1000, 250)
    )
    assert abs(len(coarse[0]) - len(fine[0])) < 0.02 * len(fine[0])


def test_thresholds_differ_by_pixel_as_stated():
    thresholds = Camera(mismatch=0.03).thresholds(0)
    assert thresholds.mean() == pytest.approx(0.4, rel=0.01)
    assert thresholds.std() == pytest.approx(0.4 * 0.03, rel=0.1)
    assert Camera(mismatch=5.0).thresholds(0).min() == pytest.approx(0.2)
    assert not np.array_equal(Camera().thresholds(0), Camera().thresholds(1))


def test_recordings_are_plausible(some):
    for events in some:
        assert events.dtype == EVENT
        assert 3000 < len(events) < 9000
        assert 0.45 < events["p"].mean() < 0.55
        assert np.all(np.diff(events["t"]) >= 0)
        assert events["t"].min() >= 0
        assert events["t"].max() < DURATION_US
        assert min(events["x"].min(), events["y"].min()) >= 0
        assert max(events["x"].max(), events["y"].max()) < CAMERA.side


def test_each_recording_follows_from_seed_and_index_alone(some):
    for index in (0, 5, 11):
        (alone,) = recordings([index])
        assert np.array_equal(alone, some[index])
    (other,) = recordings([5], seed=1)
    assert not np.array_equal(other, some[5])


@pytest.mark.parametrize("steps", [1, 3, 4, 7, 10, 16])
def test_frames_hold_every_event_once(some, steps):
    for events in some:
        for rule in ({"end": DURATION_US}, {}, {"by_number": True}):
            frames = to_frames(events, steps=steps, sensor=SENSOR, where="here", **rule)
            assert frames.shape == (steps, *SENSOR)
            assert frames.sum() == len(events)
            assert frames[:, 1].sum() == events["p"].sum()


@pytest.mark.parametrize("steps", [1, 4, 10, 16])
def test_frames_are_those_of_tonic(some, steps):
    from tonic.transforms import ToFrame

    sensor = SENSOR[::-1]
    window = DURATION_US / steps
    by_time = ToFrame(sensor, time_window=window, start_time=0, end_time=DURATION_US)
    by_number = ToFrame(sensor, n_event_bins=steps)
    for events in some:
        frames = to_frames(events, steps=steps, sensor=SENSOR, where="here", end=DURATION_US)
        assert np.array_equal(frames, by_time(events))
        whole = events[: len(events) // steps * steps]  # tonic drops the rest
        frames = to_frames(whole, steps=steps, sensor=SENSOR, where="here", by_number=True)
        assert np.array_equal(frames, by_number(whole))


def test_recordings_go_through_tonics_transforms(some):
    from tonic.io import events_struct
    from tonic.transforms import Compose, Denoise, Downsample, ToFrame

    assert events_struct == EVENT
    seen = Compose(
        [
            Denoise(filter_time=20_000),
            Downsample(sensor_size=SENSOR[::-1], target_size=(17, 17)),
            ToFrame((17, 17, 2), n_time_bins=4),
        ]
    )(some[0])
    assert seen.shape == (4, 2, 17, 17)
    assert seen.sum() > 1000


def test_a_recording_too_short_for_its_frames_is_refused(some):
    few = some[0][:3]
    with pytest.raises(DataError) as error:
        to_frames(few, steps=5, sensor=SENSOR, where="here", by_number=True)
    assert error.value.what == "the recording has 3 events, too few for 5 frames"
    assert to_frames(few, steps=3, sensor=SENSOR, where="here", by_number=True).sum() == 3
    brief = few.copy()
    brief["t"] = 7, 7, 10
    with pytest.raises(DataError) as error:
        to_frames(brief, steps=5, sensor=SENSOR, where="here")
    assert error.value.what == "the recording lasts 4 microseconds, too few for 5 frames"
    assert to_frames(brief, steps=4, sensor=SENSOR, where="here").sum((1, 2, 3)).tolist() == [
        2, 0, 0, 1,
    ]  # fmt: skip
    with pytest.raises(DataError, match="the recording has no event"):
        to_frames(few[:0], steps=5, sensor=SENSOR, where="here")


NO_FIELDS = [
    ("x", np.int64, 65541),  # 5 in 16 bits
    ("x", np.float64, 3.5),
    ("x", np.float32, np.nan),
    ("y", np.uint64, (1 << 64) - 1),  # -1 in 64 bits
    ("p", np.int8, -1),  # True as a bool
    ("p", np.int64, 2),
    ("t", np.int64, -1),
    ("t", np.float64, np.inf),
    ("t", np.uint64, 1 << 63),
]


@pytest.mark.parametrize(("name", "kind", "value"), NO_FIELDS)
def test_fields_are_checked_as_they_are_before_any_is_converted(some, name, kind, value):
    events = some[0][:50].astype([(n, kind if n == name else EVENT[n]) for n in EVENT.names])
    assert to_frames(events, steps=5, sensor=SENSOR, where="here").sum() == 50
    events[name][7] = value
    with pytest.raises(DataError) as error:
        to_frames(events, steps=5, sensor=SENSOR, where="here")
    said = f"event 7 has {name} = {events[name][7]}, not a whole number from 0 to "
    assert error.value.what.startswith(said)


@pytest.mark.slow
def test_the_set_is_split_as_the_digits_are():
    found, digits = load("digits-events", steps=4), load("digits")
    assert found.train_x.shape == (1437, 4, 2, 34, 34)
    assert found.train_x.dtype == np.uint8
    assert np.array_equal(found.train_y, digits.train_y)
    assert np.array_equal(found.test_y, digits.test_y)
    assert found.input_shape == (2, 34, 34)
    assert found.steps == 4
    assert found.high == found.all_x.max()


def test_a_few_digits_make_a_data_set(monkeypatch):
    from eideploy.data import digits_events

    images, labels = digits_events.read()
    monkeypatch.setattr(digits_events, "read", lambda: (images[:60], labels[:60]))
    found = load("digits-events")
    assert found.train_x.shape == (48, 10, 2, 34, 34)
    assert found.test_x.shape == (12, 10, 2, 34, 34)
    assert found.train.batch(np.array([0])).sum() == found.train_x[0].sum()
