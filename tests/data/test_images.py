"""CIFAR and TinyImageNet, from files in the published formats, whole and damaged."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.data import load
from eideploy.data.cifar import CIFAR10, CIFAR100, cifar
from eideploy.data.tinyimagenet import tinyimagenet
from eideploy.errors import DataError
from tests.data import formats

SMALL10 = replace(
    CIFAR10,
    train=tuple((name, 6) for name, _ in CIFAR10.train),
    test=(("test_batch.bin", 4),),
)
SMALL100 = replace(CIFAR100, train=(("train.bin", 6),), test=(("test.bin", 4),))
LAYOUTS = {"cifar10": SMALL10, "cifar100": SMALL100}


@pytest.fixture(params=LAYOUTS)
def cifar_files(request, tmp_path, rng):
    layout = LAYOUTS[request.param]
    folder = tmp_path / layout.source.folder
    made = formats.write_cifar(folder, layout.train + layout.test, layout.classes, rng)
    return tmp_path, layout, made


@pytest.fixture
def tiny(tmp_path, rng):
    folder = tmp_path / "tiny-imagenet-200"
    return tmp_path, formats.write_tinyimagenet(folder, rng)


def read_tiny(folder):
    return tinyimagenet(folder, classes=3, train_each=2, test=4)


def test_cifar_gives_the_bytes_and_classes_of_its_files_in_order(cifar_files):
    folder, layout, made = cifar_files
    found = cifar(folder, layout)
    for x, y, parts in (
        (found.train_x, found.train_y, layout.train),
        (found.test_x, found.test_y, layout.test),
    ):
        assert x.dtype == np.uint8
        assert np.array_equal(x, np.concatenate([made[name][1] for name, _ in parts]))
        assert np.array_equal(y, np.concatenate([made[name][0] for name, _ in parts]))
    assert found.classes == layout.classes[-1]
    assert found.input_shape == (3, 32, 32)
    assert found.train.batch(slice(None)).max() <= 1
    batches = [found.train.batch(np.arange(5), np.random.default_rng(3)) for _ in range(2)]
    assert batches[0].tobytes() == batches[1].tobytes()


def test_cifar_of_the_published_size_is_read_by_name(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]:
        with (folder / name).open("wb") as file:
            file.truncate(30_730_000)  # 10000 black images of class 0, which take no room
    found = load("cifar10", tmp_path)
    assert found.train_x.shape == (50_000, 3, 32, 32)
    assert found.test_x.shape == (10_000, 3, 32, 32)


def test_a_cut_off_cifar_file_is_named_with_both_sizes(cifar_files):
    folder, layout, _ = cifar_files
    path = folder / layout.source.folder / layout.test[0][0]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError) as error:
        cifar(folder, layout)
    size = 4 * (3072 + len(layout.classes))
    assert error.value.what == f"the file has {size - 1} bytes, not the {size} of 4 records"
    assert error.value.where == str(path)
    assert layout.source.url in error.value.fix


def test_a_wrong_class_of_cifar_is_named_with_its_record(cifar_files):
    folder, layout, _ = cifar_files
    path = folder / layout.source.folder / layout.test[0][0]
    content = bytearray(path.read_bytes())
    content[2 * (3072 + len(layout.classes))] = 200
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        cifar(folder, layout)
    top = layout.classes[0] - 1
    assert error.value.what == f"record 2 has class 200, not one of 0 to {top}"
    assert error.value.where == str(path)


def test_missing_cifar_files_are_named_with_where_to_get_them(cifar_files):
    folder, layout, _ = cifar_files
    (folder / layout.source.folder / layout.test[0][0]).unlink()
    with pytest.raises(DataError) as error:
        cifar(folder, layout)
    name = layout.source.name
    assert error.value.what == f"{name} cannot be read: {layout.test[0][0]} missing"
    assert error.value.fix.startswith(f"get it from {layout.source.url}, unpack it so that")
    assert f"holds {layout.source.folder}/ with {layout.source.files}" in error.value.fix


@pytest.mark.parametrize(
    "name", ["cifar10", "cifar100", "tinyimagenet", "dvs-gesture", "cifar10-dvs", "nmnist", "shd"]
)
def test_a_set_that_is_not_there_says_where_to_get_it(name, tmp_path):
    with pytest.raises(DataError) as error:
        load(name)
    assert error.value.what == f"{name} cannot be read: no folder of data sets was named"
    assert error.value.where == "--data-dir"
    with pytest.raises(DataError) as error:
        load(name, tmp_path)
    assert error.value.what == f"{name} cannot be read: its folder is missing"
    assert error.value.where.startswith(str(tmp_path))
    assert error.value.fix.startswith("get it from http")


def test_tinyimagenet_gives_the_images_of_its_folders_and_list(tiny):
    folder, greys = tiny
    found = read_tiny(folder)
    train = [grey for path, grey in greys.items() if "train" in path.parts]
    test = [grey for path, grey in greys.items() if "val" in path.parts]
    assert found.train_x.shape == (6, 3, 64, 64)
    assert np.abs(found.train_x.mean((1, 2, 3)) - train).max() <= 1
    assert np.abs(found.test_x.mean((1, 2, 3)) - test).max() <= 1
    assert found.train_y.tolist() == [0, 0, 1, 1, 2, 2]
    assert found.test_y.tolist() == [0, 1, 2, 0]
    assert found.input_shape == (3, 32, 32)
    assert found.test.batch(slice(2)).shape == (2, 3, 32, 32)
    assert found.train.batch(slice(2), np.random.default_rng(0)).shape == (2, 3, 32, 32)


def test_tinyimagenet_is_decoded_once(tiny, monkeypatch):
    folder, _ = tiny
    first = read_tiny(folder)
    monkeypatch.setattr("eideploy.data.tinyimagenet._decode", lambda _: pytest.fail("again"))
    again = read_tiny(folder)
    assert np.array_equal(first.train_x, again.train_x)
    assert isinstance(again.train_x, np.memmap)


def test_tinyimagenet_passes_over_what_macos_leaves_and_decodes_replaced_images(tiny):
    folder, greys = tiny
    first = np.array(read_tiny(folder).train_x)
    for path in greys:
        path.with_name("._" + path.name).write_bytes(b"resource fork")
    assert np.array_equal(read_tiny(folder).train_x, first)
    mine, other = sorted(path for path in greys if "train" in path.parts)[:2]
    size = max(path.stat().st_size for path in (mine, other))
    image = other.read_bytes()
    mine.write_bytes(mine.read_bytes().ljust(size, b"\0"))  # JPEG ends before
    read_tiny(folder)
    mine.write_bytes(image.ljust(size, b"\0"))
    found = read_tiny(folder).train_x
    assert np.array_equal(found[0], first[1])
    assert not np.array_equal(first[0], first[1])


def first_jpeg(folder):
    return folder / "tiny-imagenet-200" / "train" / "n00000000" / "images" / "n00000000_0.JPEG"


def listing(folder):
    return folder / "tiny-imagenet-200" / "val" / "val_annotations.txt"


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def other_size(path):
    formats.Image.new("RGB", (32, 64)).save(path)


def claim_many_pixels(path):
    content = bytearray(path.read_bytes())
    frame = content.index(b"\xff\xc0") + 5
    content[frame : frame + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)


def list_a_foreign_class(path):
    path.write_text(path.read_text().replace("n00000001", "n99999999"))


def list_a_way_out(path):
    path.write_text("../../secret\tn00000000\n")


def list_a_long_name(path):
    path.write_text(f"{'v' * 5000}.JPEG\tn00000000\n")


def list_fewer(path):
    path.write_text(path.read_text().partition("\n")[0])


def list_no_text(path):
    path.write_bytes(b"\xff\xfe\xff")


DAMAGES = [
    (first_jpeg, cut, "the image cannot be decoded: "),
    (first_jpeg, lambda p: p.write_bytes(b"PNG"), "the image cannot be decoded: "),
    (first_jpeg, claim_many_pixels, "the image cannot be decoded: "),
    (first_jpeg, other_size, "the image has (32, 64) pixels, not (64, 64)"),
    (first_jpeg, lambda p: p.write_bytes(bytes(2 << 20)), "the image has more than 1048576 bytes"),
    (first_jpeg, lambda p: p.unlink(), "tinyimagenet cannot be read: 1 images are there, not 2"),
    (listing, list_a_foreign_class, "line 2 names no image and class: 'val_1.JPEG\\tn99999999"),
    (listing, list_a_way_out, "line 1 names no image and class: '../../secret\\tn00000000'"),
    (listing, list_a_long_name, "line 1 names no image and class: 'vvvvv"),
    (listing, list_fewer, "1 images are listed, not 4"),
    (listing, list_no_text, "the file is not a text: "),
    (listing, lambda p: p.unlink(), "tinyimagenet cannot be read: val_annotations.txt is missing"),
    (
        lambda folder: listing(folder).parent / "images" / "val_2.JPEG",
        lambda p: p.unlink(),
        "tinyimagenet cannot be read: 1 of 4 listed images are missing, first val_2.JPEG",
    ),
]


@pytest.mark.parametrize(("where", "damage", "what"), DAMAGES)
def test_damaged_tinyimagenet_files_are_named(tiny, where, damage, what):
    folder, _ = tiny
    damage(where(folder))
    with pytest.raises(DataError) as error:
        read_tiny(folder)
    assert error.value.what.startswith(what)
    assert where(folder).is_relative_to(error.value.where)
    assert not list(folder.glob("eideploy-cache/*/train*")) or where is not first_jpeg


def test_too_few_classes_of_tinyimagenet_are_refused(tiny):
    folder, _ = tiny
    with pytest.raises(DataError, match="3 classes are there, not 200"):
        load("tinyimagenet", folder)
