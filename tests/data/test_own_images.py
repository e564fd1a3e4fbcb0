"""Folders of images by class: what is read, and what is refused, with the file and the fix."""

import numpy as np
import pytest
from PIL import Image

from eideploy.data.own import ReadAs, read_own
from eideploy.errors import DataError


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array, mode).save(path, **options) if mode is None else array.save(path)


@pytest.fixture
def folder(tmp_path, rng):
    """Write five grey images of 6x5 to each of three classes; return the folder and all images."""
    greys = {}
    for name in ("cat", "dog", "owl"):
        for place in range(5):
            grey = rng.integers(0, 256, (6, 5)).astype(np.uint8)
            save(tmp_path / "pets" / name / f"{place}.png", grey)
            greys[name, place] = grey
    return tmp_path / "pets", greys


def test_grey_images_stay_what_they_are(folder):
    path, greys = folder
    data = read_own(path)
    assert data.names == ("cat", "dog", "owl")
    assert data.input_shape == (1, 6, 5)
    assert (data.offset, data.divisor) == (0, 255)
    assert (len(data.train), len(data.test)) == (12, 3)
    both = [*data.train_x, *data.test_x]
    labels = [*data.train_y, *data.test_y]
    kept = sorted((label, x.tobytes()) for label, x in zip(labels, both, strict=True))
    assert kept == sorted((data.names.index(n), grey.tobytes()) for (n, _), grey in greys.items())


def test_images_that_are_split_stay_so(folder):
    path, greys = folder
    for name in ("cat", "dog", "owl"):
        for part, places in (("train", range(1, 5)), ("test", range(1))):
            (path / part / name).mkdir(parents=True)
            for place in places:
                (path / name / f"{place}.png").rename(path / part / name / f"{place}.png")
        (path / name).rmdir()
    data = read_own(path)
    assert np.array_equal(data.train_x[4, 0], greys["dog", 1])
    assert np.array_equal(data.test_x[:, 0], [greys[n, 0] for n in ("cat", "dog", "owl")])
    assert data.train_y.tolist() == [0] * 4 + [1] * 4 + [2] * 4


def test_one_image_with_colours_makes_all_rgb(folder, rng):
    path, greys = folder
    colours = rng.integers(0, 256, (6, 5, 3)).astype(np.uint8)
    save(path / "cat" / "9.png", colours)
    data = read_own(path)
    assert data.input_shape == (3, 6, 5)
    both = {x.tobytes() for x in (*data.train_x, *data.test_x)}
    assert np.ascontiguousarray(colours.transpose(2, 0, 1)).tobytes() in both
    assert np.stack([greys["dog", 2]] * 3).tobytes() in both


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_a_mode_without_loss_is_read_by_its_colours(folder, mode):
    path, _ = folder
    colours = np.zeros((6, 5, 3), np.uint8)
    colours[2:, 1:] = 255 if mode in ("1", "L", "LA") else (255, 0, 255)
    Image.fromarray(colours).convert(mode).save(path / "cat" / "9.png")
    data = read_own(path)
    wanted = np.ascontiguousarray(colours.transpose(2, 0, 1)[: data.input_shape[0]]).tobytes()
    assert wanted in {x.tobytes() for x in (*data.train_x, *data.test_x)}
    assert data.input_shape[0] == (1 if mode in ("1", "L", "LA") else 3)


def test_jpegs_are_read_upright(folder, rng):
    path, _ = folder
    turned = np.zeros((40, 48), np.uint8)
    turned[:, 24:] = 255
    exif = Image.Exif()
    exif[274] = 6  # to be turned right by 90 degrees
    Image.fromarray(turned).save(path / "cat" / "9.jpg", exif=exif)
    data = read_own(path, ReadAs(size="48x40"))
    assert "all" not in data.notes
    found = [x[0] for x in (*data.train_x, *data.test_x) if abs(x[0, :20].mean()) < 5]
    assert any(x[28:].mean() > 250 for x in found)


def test_images_are_resized_where_that_is_asked_for_and_that_is_said(folder):
    data = read_own(folder[0], ReadAs(size="12x10"))
    assert data.input_shape == (1, 12, 10)
    assert "15 of 15 images resized to 12x10 (height x width)" in data.notes


def test_classes_that_are_numbers_are_in_their_order(tmp_path, rng):
    for name in range(11):
        for place in range(5):
            grey = rng.integers(0, 256, (3, 3)).astype(np.uint8)
            save(tmp_path / str(name) / f"{place}.png", grey)
    assert read_own(tmp_path).names == tuple(map(str, range(11)))


def test_hidden_files_are_passed_over_and_others_are_told(folder):
    path, _ = folder
    (path / "cat" / "._0.png").write_bytes(b"macOS")
    (path / ".DS_Store").write_bytes(b"macOS")
    (path / "README.txt").write_text("pets")
    data = read_own(path)
    assert "skipped 1 file that is no PNG or JPEG, first README.txt" in data.notes


def other_size(path):
    save(path / "dog" / "3.png", np.zeros((5, 6), np.uint8))


def sixteen_bits(path):
    save(path / "dog" / "3.png", np.arange(30, dtype=np.uint16).reshape(6, 5) * 999)


def transparent(path):
    save(path / "dog" / "3.png", np.zeros((6, 5, 4), np.uint8))


def cut_off(path):
    file = path / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:60])


def text(path):
    (path / "dog" / "3.png").write_text("no image")


def empty_class(path):
    (path / "emu").mkdir()


def in_no_class(path):
    save(path / "3.png", np.zeros((6, 5), np.uint8))


def one_class(path):
    for name in ("dog", "owl"):
        for file in (path / name).iterdir():
            file.unlink()
        (path / name).rmdir()


def training_only(path):
    for name in ("cat", "dog", "owl"):
        (path / "train" / name).parent.mkdir(exist_ok=True)
        (path / name).rename(path / "train" / name)


def two_frames(path):
    frame = Image.fromarray(np.zeros((6, 5), np.uint8))
    other = Image.fromarray(np.ones((6, 5), np.uint8))
    frame.save(path / "dog" / "3.png", save_all=True, append_images=[other])


def unknown_in_test(path):
    for name in ("cat", "dog"):
        (path / "train" / name).mkdir(parents=True)
        (path / name / "0.png").rename(path / "train" / name / "0.png")
    (path / "test" / "owl").mkdir(parents=True)
    (path / "owl" / "0.png").rename(path / "test" / "owl" / "0.png")
    (path / "test" / "cat").mkdir()
    (path / "cat" / "1.png").rename(path / "test" / "cat" / "1.png")


def test_the_folder_of_one_class_is_told_from_that_of_all(folder):
    path, _ = folder
    with pytest.raises(DataError) as error:
        read_own(path / "dog")
    assert error.value.what == "the file is not in a class folder"
    assert error.value.fix.endswith(f"if dog itself is a class, give {path}")


@pytest.mark.parametrize(
    ("damage", "what", "where", "fix"),
    [
        (
            other_size,
            "the image is 5 pixels high and 6 wide, 0.png is 6 high and 5 wide",
            "dog/3.png",
            "data.size=6x5",
        ),
        (sixteen_bits, "the image has 16 bits per channel", "dog/3.png", "save it with 8"),
        (transparent, "the image has transparent pixels", "dog/3.png", "on a background"),
        (cut_off, "the image cannot be decoded", "dog/3.png", "replace it"),
        (text, "the image cannot be decoded", "dog/3.png", "replace it"),
        (two_frames, "the image has 2 frames", "dog/3.png", "one image per file"),
        (empty_class, "class emu has no sample that can be read", "emu", "remove the folder"),
        (in_no_class, "the file is not in a class folder", "3.png", "put it into pets/CLASS/"),
        (training_only, "the folder holds train, and no test", "pets", "pets/train, of which"),
        (one_class, "there is one class folder", "pets", "into a folder"),
        (unknown_in_test, "class owl has no folder in train", "test/owl", "add training samples"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named_with_what_to_do(folder, damage, what, where, fix):
    path, _ = folder
    damage(path)
    with pytest.raises(DataError) as error:
        read_own(path)
    assert what in error.value.what
    assert error.value.where.endswith(where)
    assert fix in error.value.fix


def test_images_that_take_too_much_memory_are_refused_before_any_is_decoded(folder, monkeypatch):
    monkeypatch.setattr("eideploy.data.own.images.MOST_HELD", 400)
    monkeypatch.setattr("eideploy.data.own.images.decoded", None)
    with pytest.raises(DataError, match="15 images of 6x5 take 450 bytes, more than 400"):
        read_own(folder[0])


def test_an_image_that_claims_many_pixels_is_refused(folder):
    path, _ = folder
    file = path / "dog" / "3.png"
    content = bytearray(file.read_bytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"the image cannot be decoded|more than"):
        read_own(path)
