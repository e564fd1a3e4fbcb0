"""idx files: MNIST and Fashion-MNIST by name, and the user's own in a folder."""

import gzip

import numpy as np
import pytest

from eideploy.data import load, mnist
from eideploy.data.own import read_own
from eideploy.errors import DataError
from tests.data import formats

FOLDERS = {"mnist": "MNIST/raw", "fashion-mnist": "FashionMNIST/raw"}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FOLDERS)
def test_images_and_classes_are_those_of_the_files(name, packed, tmp_path, rng):
    x, y, test_x, test_y = formats.write_idx(tmp_path / FOLDERS[name], rng, packed=packed)
    data = load(name, tmp_path)
    assert np.array_equal(data.train_x, x[:, None])
    assert np.array_equal(data.train_y, y)
    assert np.array_equal(data.test_x, test_x[:, None])
    assert np.array_equal(data.test_y, test_y)
    assert np.array_equal(data.test.batch(slice(1))[0, 0], test_x[0] / np.float32(255))


def test_a_folder_of_ones_own_is_read_alike(tmp_path, rng):
    x, *_ = formats.write_idx(tmp_path, rng, side=12)
    data = read_own(tmp_path)
    assert np.array_equal(data.train_x, x[:, None])
    assert data.divisor == 255


def test_fashion_mnist_is_found_where_debian_installs_it(tmp_path, rng, monkeypatch):
    x, *_ = formats.write_idx(tmp_path, rng)
    monkeypatch.setattr(mnist, "INSTALLED", tmp_path)
    data = load("fashion-mnist")
    assert np.array_equal(data.train_x, x[:, None])
    assert data.class_names[9] == "Ankle boot"


def test_fashion_mnist_that_is_not_there_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "INSTALLED", tmp_path / "none")
    with pytest.raises(DataError) as error:
        load("fashion-mnist")
    assert "apt install dataset-fashion-mnist, and leave --data-dir out; or" in error.value.fix


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda content: content[:-1], "the file has 479 bytes, not the 480 of (40, 3, 4)"),
        (lambda content: content + b"0", "the file has more than the 480 of (40, 3, 4)"),
        (lambda content: b"\0\0\x0d" + content[3:], "not as bytes along 3 axes"),
        (lambda content: content[:4] + b"\xff" * 12, "bytes, more than 1073741824"),
        (lambda content: content[:2], "it begins with"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_damaged_files_are_named(tmp_path, rng, damage, what, packed):
    formats.write_idx(tmp_path, rng, packed=packed)
    path = tmp_path / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    content = damage(formats.idx_bytes(np.zeros((40, 3, 4))))
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError) as error:
        read_own(tmp_path)
    assert what in error.value.what
    assert error.value.where == str(path)


def test_a_packed_file_that_is_cut_off_is_named(tmp_path, rng):
    formats.write_idx(tmp_path, rng)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="the file is damaged"):
        read_own(tmp_path)


def test_missing_files_are_named(tmp_path, rng):
    formats.write_idx(tmp_path / "MNIST/raw", rng)
    (tmp_path / "MNIST/raw/t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte missing"):
        load("mnist", tmp_path)
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte missing"):
        read_own(tmp_path / "MNIST/raw")
