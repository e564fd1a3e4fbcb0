"""The user's own arrays: what is made of them, and what is refused, with where and why."""

import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from eideploy.data.own import ReadAs, read_own
from eideploy.errors import ConfigError, DataError
from tests.data import formats

PER_CLASS, CLASSES = 5, 3
Y = np.arange(PER_CLASS * CLASSES) % CLASSES


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (len(Y), 6, 5)).astype(np.uint8)


@pytest.fixture
def save(tmp_path):
    """Return a function that writes arrays into one file, and names it."""

    def write(name="mine.npz", **named):
        np.savez(tmp_path / name, **named)
        return tmp_path / name

    return write


def parts(x, y=Y):
    return {"x_train": x[3:], "y_train": y[3:], "x_test": x[:3], "y_test": y[:3]}


def test_parts_stay_as_they_are_split(save, images):
    data = read_own(save(**parts(images)))
    assert np.array_equal(data.train_x, images[3:, None])
    assert np.array_equal(data.test_x, images[:3, None])
    assert np.array_equal(data.train_y, Y[3:])
    assert data.name == "mine.npz"
    assert data.input_shape == (1, 6, 5)


def test_samples_that_are_not_split_are_by_class_and_always_alike(save, images):
    path = save(x=images, y=Y)
    data = read_own(path)
    assert np.array_equal(np.bincount(data.test_y), [1, 1, 1])
    assert len(data.train) == 12
    assert "split 12/3 by class, random_state 0" in data.notes
    assert data.sha256 == read_own(path).sha256
    both = np.concatenate([data.train_x, data.test_x])
    assert sorted(x.tobytes() for x in both) == sorted(x.tobytes() for x in images)


def test_the_hash_is_of_the_samples_and_not_of_the_file(save, images, tmp_path):
    first = read_own(save(x=images, y=Y)).sha256
    np.savez_compressed(tmp_path / "other.npz", x=images, y=Y)
    assert read_own(tmp_path / "other.npz").sha256 == first
    images[0, 0, 0] ^= 1
    assert read_own(save(x=images, y=Y)).sha256 != first


@pytest.mark.parametrize(
    ("shape", "seen", "steps"),
    [
        ((15, 7), (7, 1, 1), None),
        ((15, 6, 5), (1, 6, 5), None),
        ((15, 2, 6, 5), (2, 6, 5), None),
        ((15, 6, 5, 3), (3, 6, 5), None),
        ((15, 4, 2, 6, 5), (2, 6, 5), 4),
    ],
)
def test_axes_are_told_by_their_number(save, rng, shape, seen, steps):
    data = read_own(save(x=rng.random(shape, dtype=np.float32), y=Y))
    assert (data.input_shape, data.steps) == (seen, steps)


def test_channels_that_stand_last_are_moved_and_that_is_said(save, rng):
    x = rng.random((15, 6, 5, 3), dtype=np.float32)
    data = read_own(save(**parts(x)))
    assert np.array_equal(data.train.batch(slice(1))[0], x[3].transpose(2, 0, 1))
    assert any("channels stood last" in said for said in data.notes)


def test_arrays_of_a_folder_are_mapped(tmp_path, images):
    for name, array in parts(images).items():
        np.save(tmp_path / f"{name}.npy", array)
    data = read_own(tmp_path)
    assert np.array_equal(data.train_x, images[3:, None])
    assert data.name == tmp_path.name


@pytest.mark.parametrize("y", [Y, np.array(["low", "mid", "top"])[Y]])
def test_arrays_of_an_hdf5_file_are_those_of_an_npz_file(save, images, tmp_path, y):
    formats.write_hdf5(tmp_path / "mine.h5", {"x": images, "y": y.tolist(), "other": Y})
    found = read_own(tmp_path / "mine.h5")
    assert found.sha256 == read_own(save(x=images, y=y)).sha256
    assert found.names == read_own(save(x=images, y=y)).names
    assert "not read: other" in found.notes


def test_an_hdf5_file_that_leads_elsewhere_is_refused(images, tmp_path):
    path = tmp_path / "mine.h5"
    formats.write_hdf5(path, {"x": images, "y": h5py.ExternalLink("other.h5", "y")})
    with pytest.raises(DataError, match="y leads elsewhere"):
        read_own(path)


def test_names_of_classes_are_kept(save, images):
    names = np.array(["cat", "dog", "owl"])
    assert read_own(save(x=images, y=Y, classes=names)).names == ("cat", "dog", "owl")
    by_name = read_own(save(x=images, y=names[Y][::-1]))
    assert by_name.names == ("cat", "dog", "owl")
    assert set(by_name.train_y) == {0, 1, 2}
    assert read_own(save(x=images, y=Y)).class_names == ("0", "1", "2")


@pytest.mark.parametrize(
    ("values", "offset", "divisor", "said"),
    [
        (np.array([0, 255], np.uint8), 0, 255, "value / 255"),
        (np.array([0, 16], np.uint8), 0, 16, "value / 16"),
        (np.array([0, 1], np.float32), 0, 1, "as they are, 0 to 1"),
        (np.array([0.25, 0.5]), 0, 1, "as they are, 0 to 1"),
        (np.array([0, 1000]), 0, 1000, "value / 1000"),
        (np.array([-1, 3], np.float32), -1, 4, "(value + 1) / 4"),
        (np.array([-100, 27], np.int8), -100, 127, "(value + 100) / 127"),
    ],
)
def test_values_are_brought_to_0_to_1_and_how_is_said(save, values, offset, divisor, said):
    x = np.resize(values, (15, 2, 2))
    data = read_own(save(x=x, y=Y))
    assert (data.offset, data.divisor) == (offset, divisor)
    assert said in data.notes[-1]
    seen = data.all_x
    assert seen.min() >= 0
    assert seen.max() <= 1


@given(
    x=arrays(np.float32, (15, 2, 2), elements=st.floats(-1e6, 1e6, width=32)).filter(
        lambda x: x.min() < x.max()
    )
)
def test_no_value_leaves_the_range_that_the_network_is_told(tmp_path_factory, x):
    path = tmp_path_factory.getbasetemp() / "drawn.npz"
    np.savez(path, x=x, y=Y)
    data = read_own(path)
    assert data.all_x.min() >= 0
    assert data.all_x.max() <= data.high


def test_counts_of_event_frames_stay(save, rng):
    x = rng.integers(0, 7, (15, 4, 2, 3, 3))
    data = read_own(save(**parts(x)))
    assert data.high == 6
    assert np.array_equal(data.train.batch(slice(None)), x[3:])


def test_samples_are_resized_where_that_is_asked_for(save, images):
    data = read_own(save(x=images, y=Y), ReadAs(size="3x4"))
    assert data.input_shape == (1, 3, 4)
    assert data.train.batch(slice(2)).shape == (2, 1, 3, 4)


@pytest.mark.parametrize("size", ["3", "3x", "x3", "3x4x5", "-3x4", "0x4", "3x99999"])
def test_a_size_that_is_none_is_refused(save, images, size):
    with pytest.raises(ConfigError) as error:
        read_own(save(x=images, y=Y), ReadAs(size=size))
    assert error.value.where == "data.size"


def test_other_frames_than_the_network_has_steps_are_refused(save, rng):
    path = save(x=rng.random((15, 4, 2, 3, 3)), y=Y)
    assert read_own(path, steps=4).steps == 4
    with pytest.raises(ConfigError, match=r"the samples have 4 frames, network\.steps is 8"):
        read_own(path, steps=8)


X = np.arange(60, dtype=np.float32).reshape(15, 2, 2)


@pytest.mark.parametrize(
    ("named", "what", "fix"),
    [
        ({"x": X}, "expected arrays x and y, found x", "numpy.savez"),
        ({"x_train": X, "y_train": Y}, "x_test and y_test are missing", "as x and y"),
        ({"a": X, "b": Y}, "expected arrays x and y, found a, b", "numpy.savez"),
        ({"x": X, "y": Y[:9]}, "there are 15 samples, but 9 labels", "one label per"),
        ({"x": X, "y": Y + 1}, "the classes run from 1 to 3: class 0 has no sample", "y - 1"),
        ({"x": X, "y": Y * 2}, "class 1 of 5 has no training sample", "number the classes"),
        ({"x": X, "y": Y - 1}, "the classes run from -1 to 1", "number the classes from 0"),
        ({"x": X, "y": Y * 0}, "all samples belong to one class", "at least 2 classes"),
        ({"x": X, "y": Y + 0.5}, "the classes are float64 and not all whole", "as strings"),
        ({"x": X, "y": np.eye(3)[Y]}, "the classes have the shape (15, 3)", "y.argmax(1)"),
        ({"x": X, "y": Y, "classes": np.array(["a"])}, "not 3 strings", "or leave it out"),
        ({"x": X * np.nan, "y": Y}, "sample 0 holds values that are not finite", "nan_to_num"),
        ({"x": X * 0, "y": Y}, "every value is 0", "samples that differ"),
        ({"x": X.astype(str), "y": Y}, "the samples are of type <U", "as numbers"),
        ({"x": X[:0], "y": Y[:0]}, "there is no sample", "save samples"),
        ({"x": X[:, 0, 0], "y": Y}, "the samples have the shape (15,)", "(N, C, H, W)"),
        ({"x": X[:4], "y": np.array([0, 0, 0, 1])}, "class 1 has one sample", "x_train"),
        ({"x": X, "y": np.r_[0:7, 0:7, 0]}, "a fifth of 15 samples is 3", "x_train"),
        ({**parts(X), "y_test": np.array([0, 1, 3])}, "class 3 of 4 has no training",
         "number"),
        ({**parts(X), "x_test": X[:3, :1]}, "training samples are (1, 2, 2), test samples", "same"),
    ],
)  # fmt: skip
def test_samples_and_classes_that_do_not_fit_are_named(save, named, what, fix):
    path = save(**named)
    with pytest.raises(DataError) as error:
        read_own(path)
    assert what in error.value.what
    assert fix in error.value.fix
    assert path.name in error.value.where


def test_one_sample_that_is_not_a_number_is_told_by_its_place(save):
    x = X.copy()
    x[7, 1, 0] = np.inf
    with pytest.raises(DataError, match="sample 7 holds values that are not finite numbers"):
        read_own(save(x=x, y=Y))


def test_python_objects_are_not_opened(save):
    x = np.array([np.zeros(2), np.zeros(3)] * 8, dtype=object)[:15]
    with pytest.raises(DataError, match="the array holds Python objects, which are not loaded"):
        read_own(save(x=x, y=Y))


def test_samples_alone_are_refused_with_what_to_save(tmp_path):
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match="holds samples only, without labels") as error:
        read_own(tmp_path / "x.npy")
    assert "numpy.savez('mine.npz', x=x, y=y)" in error.value.fix


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"PK\x03\x04" + bytes(90), b"\x93NUMPY\x01"]
)
def test_files_that_are_no_arrays_are_refused(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_own(path)
    assert error.value.where == str(path)


def test_a_missing_file_and_an_empty_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no such file or folder"):
        read_own(tmp_path / "gone.npz")
    with pytest.raises(DataError, match="the folder holds no data that can be read"):
        read_own(tmp_path)


def test_a_folder_of_other_files_is_answered_with_their_kinds_but_for_hidden_ones(tmp_path):
    (tmp_path / "within").mkdir()
    for name in ("notes.txt", "within/films.mp4", "within/._films.png", ".cache.bin"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match=r"that can be read, only \.mp4, \.txt files\n"):
        read_own(tmp_path)


def test_a_header_that_promises_more_than_there_is_is_not_believed(tmp_path, save):
    path = save(x=X, y=Y)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["x.npy"] = members["x.npy"].replace(b"(15, 2, 2)", b"(1500000000, 2, 2)", 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=r"the array has .* bytes, not the"):
        read_own(path)


def test_arrays_that_unpack_to_far_more_than_they_weigh_are_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(600):
            member.write(bytes(1 << 20))
    with pytest.raises(DataError, match="the arrays unpack to 629145600 bytes") as error:
        read_own(path)
    assert error.value.fix == "save them uncompressed, by numpy.savez"
