"""Folders of event recordings by class: what is read, and what is refused, with the fix."""

import numpy as np
import pytest

from eideploy.data.events import EVENT, to_frames
from eideploy.data.own import ReadAs, read_own
from eideploy.errors import ConfigError, DataError
from tests.data import formats

SENSOR = ReadAs(sensor="34x34")


def structured(rng, **changes):
    x, y, t, p = formats.events(rng)
    events = np.zeros(len(x), [(name, np.int64) for name in ("x", "y", "t", "p")])
    for name, column in (("x", x), ("y", y), ("t", t), ("p", p)):
        events[name] = changes.get(name, column)
    return events


@pytest.fixture
def folder(tmp_path, rng):
    """Write five recordings to each of two classes; return the folder and the events."""
    made = {}
    for name in ("left", "right"):
        (tmp_path / "ways" / name).mkdir(parents=True)
        for place in range(5):
            made[name, place] = structured(rng)
            np.save(tmp_path / "ways" / name / f"{place}.npy", made[name, place])
    return tmp_path / "ways", made


@pytest.mark.parametrize("framing", ["time", "number"])
def test_recordings_become_frames_of_counts(folder, framing):
    path, made = folder
    data = read_own(path, ReadAs(sensor="34x34", framing=framing), steps=4)
    assert data.names == ("left", "right")
    assert (data.steps, data.input_shape) == (4, (2, 34, 34))
    expected = sorted(
        to_frames(
            events, steps=4, sensor=(2, 34, 34), where="", by_number=framing == "number"
        ).tobytes()
        for events in made.values()
    )
    assert sorted(x.tobytes() for x in (*data.train_x, *data.test_x)) == expected
    assert any(f"in 4 frames, each {'as long' if framing == 'time' else 'as many'}" in said
               for said in data.notes)  # fmt: skip


def columns(events, order="xytp"):
    return [events[name] for name in order]


WRITERS = {
    "a.npy": lambda path, events: np.save(path, events.astype(EVENT)),
    "rows.npy": lambda path, events: np.save(path, np.stack(columns(events, "xypt"), axis=1)),
    "a.npz": np.savez,
    "a.aedat4": lambda path, events: path.write_bytes(formats.aedat4_bytes(*columns(events))),
    "a.raw": lambda path, events: path.write_bytes(formats.evt2_bytes(*columns(events))),
    "a.dat": lambda path, events: path.write_bytes(formats.dat_bytes(*columns(events))),
    "a.h5": lambda path, events: formats.write_hdf5(path, {"CD/events": events}),
    "a.hdf5": lambda path, events: formats.write_hdf5(
        path, {f"events/{name}": events[name] for name in "xytp"}
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_all_formats_of_the_same_events_are_the_same_frames(folder, name):
    path, made = folder
    first = read_own(path, SENSOR)
    for (way, place), events in made.items():
        (path / way / f"{place}.npy").unlink()
        WRITERS[name]((path / way / str(place)).with_suffix(f".{name.partition('.')[2]}"), events)
    assert read_own(path, SENSOR).sha256 == first.sha256


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("3.raw", b"", "the file is empty"),
        ("3.raw", b"% evt 2.0\n% end\n", "the recording has no event"),
        ("3.raw", b"junk" * 99, "the recording cannot be decoded: it does not begin with a header"),
        ("3.dat", b"% Version 2\n\x07\xff" * 9, "the recording cannot be decoded"),
        ("3.h5", b"no HDF5 file", "the recording cannot be decoded"),
    ],
)
def test_files_that_are_no_recordings_are_named(folder, name, content, what):
    path, _ = folder
    (path / "right" / "3.npy").unlink()
    (path / "right" / name).write_bytes(content)
    with pytest.raises(DataError, match=what) as error:
        read_own(path, SENSOR)
    assert error.value.where.endswith(name)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize(
    "change",
    [
        lambda events: events.astype([(n, "S1" if n == "p" else int) for n in "xytp"]),
        lambda events: events.astype([(n, complex if n == "x" else int) for n in "xytp"]),
        lambda events: np.stack([events, events]),
        lambda events: events[0],
    ],
    ids=["text", "complex", "table", "single"],
)
def test_a_recording_that_is_no_row_of_real_numbers_is_named(folder, rng, suffix, change):
    path, _ = folder
    (path / "right" / "3.npy").unlink()
    events, file = np.asarray(change(structured(rng))), path / "right" / f"3{suffix}"
    np.savez(file, events) if suffix == ".npz" else formats.write_hdf5(file, {"events": events})
    with pytest.raises(DataError, match=r"holds .* of shape .*, not numbers") as error:
        read_own(path, SENSOR)
    assert error.value.where == str(file)


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        (lambda e: {"events": e, "more": e}, "it holds 2 sets of x, y, p and t"),
        (lambda e: {"x": e["x"], "y": e["y"]}, "it holds 0 sets of x, y, p and t"),
        (lambda e: {n: e[n][: 5 if n == "t" else 9] for n in "xytp"}, "t has the shape"),
    ],
)
def test_an_hdf5_file_that_is_no_recording_says_why(folder, rng, arrays, what):
    path, _ = folder
    (path / "right" / "3.npy").unlink()
    formats.write_hdf5(path / "right" / "3.h5", arrays(structured(rng)))
    with pytest.raises(DataError, match=what):
        read_own(path, SENSOR)


def test_a_file_with_more_events_than_any_recording_is_not_read_to_its_end(folder, monkeypatch):
    path, made = folder
    monkeypatch.setattr("eideploy.data.decoders.MAX_EVENTS", 59)
    WRITERS["a.raw"](path / "left" / "6.raw", made["left", 0])
    with pytest.raises(DataError, match="it has more than 59 events"):
        read_own(path, SENSOR)


def test_the_sensor_has_to_be_said_and_nothing_of_it_where_there_is_none(folder, tmp_path):
    with pytest.raises(ConfigError, match="do not give the size of their sensor") as error:
        read_own(folder[0])
    assert "--set data.sensor=128x128" in error.value.fix
    np.savez(tmp_path / "mine.npz", x=np.eye(4).reshape(4, 4), y=np.arange(4) % 2)
    with pytest.raises(ConfigError, match=r"data\.sensor has no effect on mine\.npz"):
        read_own(tmp_path / "mine.npz", SENSOR)


@pytest.mark.parametrize(
    ("damage", "what", "fix"),
    [
        (
            lambda rng: structured(rng, x=34),
            "x = 34, beyond a sensor of 34x34",
            "at least 34x35",
        ),
        (lambda rng: structured(rng, p=-1), "has p = -1, not a whole number from 0 to 1", "as 0"),
        (lambda rng: structured(rng)[::-1], "earlier than the event before it", "sort the events"),
        (lambda rng: structured(rng)[:0], "the recording has no event", "replace"),
        (lambda rng: structured(rng)[["x", "y", "p"]], "the file holds", "fix the recording"),
        (lambda _: np.array([object()] * 3), "the file holds", "fix the recording"),
        (lambda rng: structured(rng, t=5), "lasts 1 microseconds, too few", "network.steps"),
    ],
    ids=["sensor", "polarity", "order", "empty", "fields", "objects", "short"],
)
def test_what_is_no_recording_is_named_with_what_to_do(folder, rng, damage, what, fix):
    path, _ = folder
    np.save(path / "right" / "3.npy", damage(rng), allow_pickle=True)
    with pytest.raises(DataError) as error:
        read_own(path, SENSOR)
    assert what in error.value.what
    assert fix in error.value.fix
    assert error.value.where.endswith("3.npy")
