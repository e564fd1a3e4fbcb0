"""The event sets, from files in their real formats, whole and damaged."""

import os
import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from eideploy.data import checks
from eideploy.data.event_sets import CIFAR10_DVS, DVS_GESTURE, NMNIST
from eideploy.data.events import EVENT
from eideploy.data.recordings import event_set, split_by_class
from eideploy.data.shd import shd
from eideploy.errors import DataError
from tests.data import formats

SMALL_NMNIST = replace(NMNIST, counts=(20, 10))
SMALL_DVS = replace(CIFAR10_DVS, counts=(110,))


@pytest.fixture
def nmnist(tmp_path, rng):
    return tmp_path, formats.write_nmnist(tmp_path / "NMNIST", rng)


@pytest.fixture
def gesture(tmp_path, rng):
    return tmp_path, formats.write_gesture(tmp_path / "DVSGesture", rng, users=1)


@pytest.fixture
def cifar10_dvs(tmp_path, rng):
    return tmp_path, formats.write_cifar10_dvs(tmp_path / "CIFAR10DVS", rng)


@pytest.fixture
def spoken(tmp_path, rng):
    return tmp_path, formats.write_shd(tmp_path / "SHD", rng)


def frames_of(x, y, t, p, *, steps, side, by_number):
    """The frames by definition, an event at a time."""
    out = np.zeros((steps, 2, side, side), int)
    for n, (a, b, s, q) in enumerate(zip(x, y, t, p, strict=True)):
        if by_number:
            frame = min(n // (len(x) // steps), steps - 1)
        else:
            frame = (s - t[0]) * steps // (t[-1] - t[0] + 1)
        out[frame, q, b, a] += 1
    return out


def test_nmnist_is_integrated_over_equal_times(nmnist):
    folder, made = nmnist
    found = event_set(folder, SMALL_NMNIST, 4)
    assert found.train_x.shape == (20, 4, 2, 34, 34)
    assert found.test_x.shape == (10, 4, 2, 34, 34)
    assert found.train_y.tolist() == [digit for digit in range(10) for _ in range(2)]
    paths = sorted(path for path in made if "Train" in path.parts)
    for frames, path in zip(found.train_x, paths, strict=True):
        assert np.array_equal(frames, frames_of(*made[path], steps=4, side=34, by_number=False))
    assert found.high == max(found.train_x.max(), found.test_x.max())
    assert found.steps == 4


def test_gestures_are_integrated_over_equal_numbers_and_resized_as_published(gesture):
    folder, made = gesture
    found = event_set(folder, DVS_GESTURE)
    assert found.train_x.shape == (11, 16, 2, 128, 128)
    assert found.input_shape == (2, 48, 48)
    for index, label in enumerate(found.train_y):
        path = folder / "DVSGesture" / "ibmGestureTrain" / "user01_led" / f"{label}.npy"
        expected = frames_of(*made[path], steps=16, side=128, by_number=True)
        assert np.array_equal(found.train_x[index], expected)
    assert sorted(found.test_y) == list(range(11))
    assert found.test.batch(slice(2)).shape == (2, 16, 2, 48, 48)
    assert found.train.batch(slice(2), np.random.default_rng(0)).shape == (2, 16, 2, 48, 48)


def test_cifar10_dvs_is_split_nine_to_one_in_the_order_of_file_names(cifar10_dvs):
    folder, made = cifar10_dvs
    found = event_set(folder, SMALL_DVS)
    assert found.train_x.shape == (100, 10, 2, 128, 128)
    assert found.test_x.shape == (10, 10, 2, 128, 128)
    assert found.test_y.tolist() == list(range(10))
    last = folder / "CIFAR10DVS" / "frog" / "cifar10_frog_9.aedat4"  # after _10, as text
    expected = frames_of(*made[last], steps=10, side=128, by_number=True)
    assert np.array_equal(found.test_x[6], expected)


def test_a_split_takes_the_first_nine_tenths_of_each_class():
    recordings = [(f"{label}-{place}", label) for place in range(15) for label in (1, 0)]
    train, test = split_by_class(recordings)
    assert [name for name, _ in test] == ["0-14", "1-14"]
    assert len(train) == 28


def test_spoken_digits_have_700_channels(spoken):
    folder, made = spoken
    found = shd(folder, 5, counts=(6, 3))
    assert found.train_x.shape == (6, 5, 700, 1, 1)
    assert found.test_y.tolist() == [0, 1, 2]
    _, units = made[folder / "SHD" / "shd_train.h5"][0]
    assert found.train_x[0].sum() == len(units)
    assert np.array_equal(
        found.train_x[0].sum(0).ravel(), np.bincount(units.astype(int), minlength=700)
    )
    assert found.train_x[0, 0, units[0]] >= 1  # the first spike is in the first frame


def test_frames_are_made_once_and_again_for_another_number_of_frames(nmnist):
    folder, _ = nmnist
    once = replace(SMALL_NMNIST, decode=lambda _: pytest.fail("again"))
    first = event_set(folder, SMALL_NMNIST, 4)
    assert np.array_equal(event_set(folder, once, 4).train_x, first.train_x)
    with pytest.raises(pytest.fail.Exception):
        event_set(folder, once, 5)


def test_frames_are_made_again_of_a_file_that_was_replaced_by_another_of_its_size(nmnist):
    folder, made = nmnist
    path = next(iter(made))
    before, time = np.array(event_set(folder, SMALL_NMNIST, 4).train_x), path.stat().st_mtime_ns
    x, y, t, p = made[path]
    path.write_bytes(formats.nmnist_bytes(x, y[::-1], t, p))
    os.utime(path, ns=(time, time))
    after = event_set(folder, SMALL_NMNIST, 4).train_x
    assert np.array_equal(after[0], frames_of(x, y[::-1], t, p, steps=4, side=34, by_number=False))
    assert np.array_equal(after[1:], before[1:])


def test_spoken_digits_replaced_by_others_of_their_size_bring_their_own_frames(spoken, rng):
    folder, _ = spoken
    path = folder / "SHD" / "shd_train.h5"
    shd(folder, 5, counts=(6, 3))
    size = path.stat().st_size
    made = formats.write_shd(folder / "SHD", rng)  # other spikes
    assert path.stat().st_size == size
    found = shd(folder, 5, counts=(6, 3))
    for frames, (_, units) in zip(found.train_x, made[path], strict=True):
        assert np.array_equal(frames.sum(0).ravel(), np.bincount(units.astype(int), minlength=700))


def test_a_damaged_cache_is_made_again(nmnist):
    folder, _ = nmnist
    first = np.array(event_set(folder, SMALL_NMNIST, 4).train_x)
    (path,) = (folder / "eideploy-cache" / "NMNIST").glob("Train*")
    path.write_bytes(path.read_bytes()[:-1000])
    assert np.array_equal(event_set(folder, SMALL_NMNIST, 4).train_x, first)
    assert not list(path.parent.glob(".*"))


def test_a_cache_that_cannot_be_written_is_named(nmnist):
    folder, _ = nmnist
    (folder / "eideploy-cache").write_text("in the way")
    with pytest.raises(DataError) as error:
        event_set(folder, SMALL_NMNIST)
    assert error.value.what.startswith("cannot keep the decoded samples: ")
    assert error.value.where.startswith(str(folder / "eideploy-cache"))


def refused(read, path, what):
    with pytest.raises(DataError) as error:
        read()
    assert error.value.what.startswith(what)
    assert error.value.where.startswith(str(path))
    return error.value


BAD_BIN = [
    (b"", "the file is empty"),
    (b"123456", "the file has 6 bytes, not 5 to each event"),
    (formats.nmnist_bytes([40], [1], [5], [1]), "event 0 has x = 40, not a whole number from 0"),
    (formats.nmnist_bytes([4, 4], [1, 99], [5, 6], [1, 1]), "event 1 has y = 99, not a whole"),
    (formats.nmnist_bytes([4], [240], [7], [1]), "the recording has no event"),  # a clock overflow
    (
        formats.nmnist_bytes(*np.tile([[4], [4], [7], [1]], 1 << 16)),
        "a pixel has 65536 events in one frame",
    ),
]


@pytest.mark.parametrize(("content", "what"), BAD_BIN)
def test_damaged_nmnist_recordings_are_named(nmnist, content, what):
    folder, made = nmnist
    path = list(made)[7]
    path.write_bytes(content)
    refused(lambda: event_set(folder, SMALL_NMNIST, 1), path, what)


def test_a_recording_too_large_to_be_one_is_not_read(nmnist, monkeypatch):
    folder, made = nmnist
    monkeypatch.setattr(checks, "MAX_BYTES", 100)
    refused(
        lambda: event_set(folder, SMALL_NMNIST),
        next(iter(made)),
        "the file has 300 bytes, more than 100",
    )


def test_missing_and_unexpected_recordings_are_named(nmnist):
    folder, made = nmnist
    path = next(iter(made))
    stray = path.rename(folder / "NMNIST" / "Train" / "stray.bin")
    error = refused(
        lambda: event_set(folder, SMALL_NMNIST), stray, "no recording is expected here: "
    )
    assert NMNIST.source.files in str(error)
    stray.unlink()
    error = refused(
        lambda: event_set(folder, SMALL_NMNIST),
        folder / "NMNIST" / "Train",
        "nmnist cannot be read: 19 recordings are there, not 20",
    )
    assert NMNIST.source.url in error.fix
    shutil.rmtree(folder / "NMNIST" / "Test")
    with pytest.raises(DataError, match="not 20"):
        event_set(folder, SMALL_NMNIST)


@pytest.mark.parametrize(
    ("kind", "spec"),
    [("nmnist", SMALL_NMNIST), ("gesture", DVS_GESTURE), ("cifar10_dvs", SMALL_DVS)],
)
def test_what_macos_leaves_in_archives_is_no_recording(kind, spec, request):
    folder, made = request.getfixturevalue(kind)
    before = event_set(folder, spec, 2)
    for path in made:
        path.with_name("._" + path.name).write_bytes(b"resource fork")
    copy = folder / "__MACOSX" / next(iter(made)).relative_to(folder)
    copy.parent.mkdir(parents=True)
    copy.with_name("._" + copy.name).write_bytes(b"resource fork")
    shutil.rmtree(folder / "eideploy-cache")
    after = event_set(folder, spec, 2)
    assert np.array_equal(after.train_x, before.train_x)
    assert np.array_equal(after.train_y, before.train_y)


def test_the_order_of_events_does_not_matter_for_frames_of_equal_times(nmnist):
    folder, made = nmnist
    path = next(iter(made))
    columns = np.array(made[path])
    path.write_bytes(formats.nmnist_bytes(*columns[:, ::-1]))
    found = event_set(folder, SMALL_NMNIST, 4).train_x[0]
    assert np.array_equal(found, frames_of(*columns, steps=4, side=34, by_number=False))


def test_a_set_without_any_recording_is_missing(tmp_path):
    (tmp_path / "DVSGesture" / "ibmGestureTrain").mkdir(parents=True)
    with pytest.raises(DataError, match="0 recordings are there"):
        event_set(tmp_path, DVS_GESTURE)


def save(array):
    return lambda path: np.save(path, array)


def pickled(path):
    np.save(path, np.array([{}]), allow_pickle=True)


def overstate(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(60, 4)", b"(99, 4)"))


BAD_NPY = [
    (lambda p: p.write_bytes(b"nonsense" * 9), "the file is not a numpy array of version 1.0: "),
    (lambda p: p.write_bytes(p.read_bytes()[:-8]), "the file has 2040 bytes, not the 2048"),
    (overstate, "the file has 2048 bytes, not the 3296 of its 99 events"),
    (
        lambda p: p.write_bytes(p.read_bytes().replace(b"(60, 4)", b"(6\xb8, 4)", 1)),
        "the file is not a numpy array of version 1.0: ",
    ),
    (save(np.zeros((3, 5))), "the file holds float64 of shape (3, 5), not numbers (n, 4) or, of"),
    (save(np.zeros(3, EVENT)[["x", "y", "t"]]), "the file holds {'names': ['x', 'y', 't']"),
    (save(np.zeros((3, 1), EVENT)), "the file holds [('x', '<i2'), ('y', '<i2'), "),
    (save(np.zeros(3, [(name, "U1") for name in "xypt"])), "the file holds [('x', '<U1'), "),
    (save(np.zeros(3, [(name, "i2", (2,)) for name in "xypt"])), "the file holds [('x', '<i2', "),
    (pickled, "the file holds object of shape (1,), not numbers (n, 4)"),
    (save(np.zeros((0, 4))), "the recording has no event"),
    (save(np.full((2, 4), 128)), "event 0 has x = 128, not a whole number from 0 to 127"),
    (save(np.full((2, 4), np.nan)), "event 0 has x = nan, not a whole number from 0 to 127"),
    (save(np.array([[5, 5, 1, 0], [65541, 5, 1, 1]])), "event 1 has x = 65541, not a whole number"),
    (save(np.array([[5, 5, 1, 0], [5, 5.5, 1, 1]])), "event 1 has y = 5.5, not a whole number"),
    (save(np.array([[5, 5, 1, 0]])), "the recording has 1 events, too few for 2 frames"),
    (lambda p: (p.unlink(), p.mkdir()), "that is no file"),
]


@pytest.mark.parametrize(("damage", "what"), BAD_NPY)
def test_damaged_gesture_recordings_are_named(gesture, damage, what):
    folder, made = gesture
    path = next(iter(made))
    damage(path)
    refused(lambda: event_set(folder, DVS_GESTURE, 2), path, what)


def test_polarities_of_minus_one_and_one_are_refused_and_their_fix_works(gesture):
    folder, _ = gesture
    before = np.array(event_set(folder, DVS_GESTURE).train_x)
    path = sorted((folder / "DVSGesture" / "ibmGestureTrain" / "user01_led").iterdir())[0]
    events = np.load(path)
    events[:, 2] = events[:, 2] * 2 - 1
    np.save(path, events)
    error = refused(lambda: event_set(folder, DVS_GESTURE), path, "event ")
    assert "has p = -1, not a whole number from 0 to 1" in error.what
    assert error.fix == "write on events as 1 and off events as 0, or replace the file"
    events[:, 2] = events[:, 2] > 0
    np.save(path, events)
    assert np.array_equal(event_set(folder, DVS_GESTURE).train_x, before)


@pytest.mark.parametrize("order", ["xytp", "txyp"])
def test_gestures_may_be_structured_arrays(gesture, order):
    folder, made = gesture
    before = np.array(event_set(folder, DVS_GESTURE).train_x)
    for path, columns in made.items():
        values = dict(zip("xytp", columns, strict=True))
        events = np.zeros(len(columns[0]), [(name, EVENT[name]) for name in order])
        for name in order:
            events[name] = values[name]
        np.save(path, events)
    shutil.rmtree(folder / "eideploy-cache")
    assert np.array_equal(event_set(folder, DVS_GESTURE).train_x, before)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64])
def test_gestures_may_be_of_any_type_of_number_and_order_in_memory(gesture, kind):
    folder, made = gesture
    before = np.array(event_set(folder, DVS_GESTURE).train_x)
    for path in made:
        np.save(path, np.asfortranarray(np.load(path)[:, [0, 1, 2, 2]].astype(kind)))
    shutil.rmtree(folder / "eideploy-cache")
    assert np.array_equal(event_set(folder, DVS_GESTURE).train_x, before)


def test_a_gesture_of_no_class_is_named(gesture):
    folder, made = gesture
    path = next(iter(made))
    stray = path.rename(path.with_name("11.npy"))
    refused(lambda: event_set(folder, DVS_GESTURE), stray, "no recording is expected here: ")


BAD_AEDAT4 = [
    (lambda c: b"#!AER-DAT2.0" + c[12:], "the file begins with b'#!AER-DAT2.0\\r\\n', not with"),
    (lambda c: c[:-40], "the packets are damaged: a packet of 992 bytes has 952"),
    (lambda c: c[:14] + bytes(60), "the header is damaged: 0 bytes are stated, 0 read"),
    (lambda c: c[:200], "the header is damaged: "),
    (lambda c: c.replace(b"</node>", b"</edon>", 1), "the header is damaged: mismatched tag"),
    (lambda c: c.replace(b"128", b"1\xff8", 1), "the header is damaged: 'utf-8' codec"),
    (lambda c: c.replace(b"NONE", b"<!E>", 1), "the header is damaged: it declares entities"),
    (lambda c: c.replace(b"EVTS", b"EVTX"), "the recording cannot be decoded: "),
    (  # a root beyond the end, on which aedat panics
        lambda c: c.replace(b"\x10\0\0\0EVTS", b"\xff\xff\0\0EVTS"),
        "the recording cannot be decoded: ",
    ),
]


@pytest.mark.parametrize(("damage", "what"), BAD_AEDAT4)
def test_damaged_cifar10_dvs_recordings_are_named(cifar10_dvs, damage, what):
    folder, made = cifar10_dvs
    path = list(made)[3]
    path.write_bytes(damage(path.read_bytes()))
    refused(lambda: event_set(folder, SMALL_DVS), path, what)


def change_h5(key, value):
    def damage(path):
        with h5py.File(path, "a") as file:
            if key in file:
                del file[key]
            if value is not None:
                file[key] = value

    return damage


def set_spikes(name, kind, values):
    def damage(path):
        with h5py.File(path, "a") as file:
            file[f"spikes/{name}"][1] = np.array(values, dtype=kind)

    return damage


BAD_H5 = [
    (lambda p: p.write_bytes(b"no HDF5 at all"), "the file begins with b'no HDF5 ', not with"),
    (lambda p: p.write_bytes(p.read_bytes()[:900]), "the file is not whole: "),
    (change_h5("spikes/units", None), "the file is not whole: "),
    (change_h5("extra", None), "the file is not whole: "),
    (change_h5("labels", np.zeros(5, int)), "labels has 5 recordings, not 6"),
    (change_h5("labels", np.full(6, 20)), "recording 0 has class 20, not one of 0 to 19"),
    (change_h5("labels", np.full(6, 3.7)), "labels are float64, not whole numbers"),
    (change_h5("labels", np.full(6, (1 << 64) - 19, np.uint64)), "recording 0 has class 1844674"),
    (set_spikes("units", np.uint16, [700] * 40), "event 0 has x = 700, not a whole number from 0"),
    (set_spikes("units", np.uint16, []), "recording 1 has float16 times of shape (40,) and uint16"),
    (set_spikes("times", np.float16, [np.nan] * 40), "event 0 has t = nan, not a whole number"),
    (set_spikes("times", np.float16, [-1] * 40), "event 0 has t = -1000000.0, not a whole number"),
    (set_spikes("times", np.float16, [1.0]), "recording 1 has float16 times of shape (1,) and"),
    (set_spikes("times", np.float16, [1.0] * 40), "the recording lasts 1 microseconds, too few"),
    (change_h5("spikes/units", np.full((6, 40), 65541)), "event 0 has x = 65541, not a whole"),
    (change_h5("spikes/units", np.zeros(6, int)), "recording 0 has float16 times of shape (40,)"),
    (change_h5("spikes/times", np.full((6, 40), b"1")), "recording 0 has |S1 times of shape (40,)"),
]


@pytest.mark.parametrize(("damage", "what"), BAD_H5)
def test_damaged_spoken_digits_are_named(spoken, damage, what):
    folder, _ = spoken
    path = folder / "SHD" / "shd_train.h5"
    damage(path)
    refused(lambda: shd(folder, counts=(6, 3)), path, what)


def test_a_missing_file_of_spoken_digits_is_named(spoken):
    folder, _ = spoken
    (folder / "SHD" / "shd_test.h5").unlink()
    refused(
        lambda: shd(folder, counts=(6, 3)),
        folder / "SHD",
        "shd cannot be read: shd_test.h5 missing",
    )


@pytest.mark.parametrize("module", ["tonic.io", "aedat"])
def test_what_is_not_installed_is_named(cifar10_dvs, module, monkeypatch):
    folder, _ = cifar10_dvs
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(DataError) as error:
        event_set(folder, SMALL_DVS)
    assert error.value.what == f"{module}, which reads this data set, is not installed"
    assert error.value.fix == "pip install 'eideploy[data]'"
