"""Classes and scores of samples of any kind, by every executor, and accuracy on own samples."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eideploy.data import load, origin
from eideploy.data.events import EVENT
from eideploy.data.own import ReadAs, read_own
from tests.cli.support import BUILD, RUN
from tests.data import formats

COUNT = 12


@pytest.fixture
def digits(built):
    """Write digits as the data set has them, their classes, and as pictures."""
    data = load("digits")
    np.save("x.npy", data.test_x[:COUNT])
    np.save("y.npy", data.test_y[:COUNT])
    Path("pictures").mkdir()
    for place, image in enumerate(data.test_x[:COUNT, 0]):
        picture = Image.fromarray(np.rint(image * 255).astype(np.uint8))
        picture.save(f"pictures/{place:02}.png")
    return data


def told(found):
    assert found.code == 0, found.err
    return json.loads(found.out)


def logits(call, *words):
    call("simulate", *words, "--input", "x.npy", "--save", "out.npz")
    return np.load("out.npz")["logits"]


def scores(content):
    return np.array([list(row["scores"].values()) for row in content["predictions"]])


@pytest.mark.parametrize("executor", ["integer", "float", "onnx"])
@pytest.mark.parametrize("named", [BUILD, RUN])
def test_scores_are_the_logits_that_simulate_saves(digits, call, executor, named):
    content = told(call("predict", named, "x.npy", "--executor", executor, "--json"))
    assert content["executor"] == executor
    assert np.array_equal(scores(content), logits(call, named, "--executor", executor))
    first = content["predictions"][0]
    assert first["sample"] == "x.npy[0]"
    assert first["number"] == np.argmax(list(first["scores"].values()))
    assert first["class"] == str(first["number"])


def test_the_latest_build_is_asked_and_people_read_a_table(digits, call):
    found = call("predict", "x.npy", "--top", 2)
    assert found.code == 0
    assert f"using {BUILD}" in found.err
    assert found.out.startswith(f"predicted {COUNT} samples by build {BUILD}")
    row = next(line.split() for line in found.out.splitlines() if "x.npy[0]" in line)
    assert len(row) == 5  # sample, class, score; another class, score


def test_pictures_are_the_samples_to_their_rounding(digits, call):
    pictures = told(call("predict", "pictures", "--executor", "float", "--json"))
    arrays = told(call("predict", "x.npy", "--executor", "float", "--json"))
    assert [Path(row["sample"]).name for row in pictures["predictions"]] == [
        f"{place:02}.png" for place in range(COUNT)
    ]
    assert np.abs(scores(pictures) - scores(arrays)).max() < 1


def test_pictures_of_another_size_and_with_colours_are_brought_to_the_input(digits, call):
    picture = Image.open("pictures/00.png").resize((16, 16), Image.Resampling.NEAREST)
    picture.convert("RGB").save("large.png")
    large = told(call("predict", "large.png", "--executor", "float", "--json"))
    small = told(call("predict", "pictures/00.png", "--executor", "float", "--json"))
    assert large["predictions"][0]["class"] == small["predictions"][0]["class"]


def test_another_division_is_taken(digits, call):
    own = scores(told(call("predict", BUILD, "x.npy", "--json")))
    other = scores(told(call("predict", BUILD, "x.npy", "--division", "shift", "--json")))
    assert (own != other).any()


@pytest.mark.parametrize(
    "shape", [(8, 8), (1, 8, 8), (COUNT, 8, 8), (COUNT, 8, 8, 1), (COUNT, 1, 8, 8)]
)
def test_one_sample_or_many_are_told_by_the_shape(digits, call, shape):
    np.save("own.npy", digits.test_x[:COUNT].ravel()[: np.prod(shape)].reshape(shape))
    found = scores(told(call("predict", "own.npy", "--executor", "float", "--json")))
    assert len(found) == (COUNT if COUNT in shape else 1)
    assert np.array_equal(found[0], logits(call, RUN, "--executor", "float")[0])


def test_frames_of_a_sequence_are_taken(digits, call):
    np.save("own.npy", digits.test_x[:2, None].repeat(4, axis=1))
    found = scores(told(call("predict", "own.npy", "--executor", "float", "--json")))
    assert np.allclose(found, logits(call, RUN, "--executor", "float")[:2], atol=1e-5)


def test_values_beyond_the_range_are_clipped_and_counted(digits, call):
    x = digits.test_x[:COUNT] * 2
    np.save("own.npy", x)
    found = call("predict", "own.npy")
    beyond = int((x > 1).sum())
    assert f"{beyond} values of {x.size} lay outside of what the network takes, 0 to 1" in found.out
    assert told(call("predict", "own.npy", "--json"))["clipped"] == beyond


def test_scores_that_tie_are_counted(digits, call):
    np.save("x.npy", np.concatenate([digits.test_x[:1], np.zeros((2, 1, 8, 8))]))
    found = call("predict", "x.npy")
    assert "the highest score of 2 samples is that of several classes" in found.out
    assert told(call("predict", "x.npy", "--json"))["tied"] == 2


def test_pictures_that_are_stretched_are_counted(digits, call):
    Image.new("L", (16, 16)).save("square.png")
    Image.new("L", (16, 8)).save("wide.png")
    found = call("predict", "square.png", "wide.png", "--executor", "float")
    assert "stretched 1 picture of other proportions to 8x8" in found.out
    square = told(call("predict", "square.png", "--executor", "float", "--json"))
    assert square["distorted"] == 0


def test_arrays_are_scaled_as_the_training_data_and_classes_have_their_names(empty, call):
    data = load("digits")
    some = data.all_y < 3
    x = (data.all_x[some, 0] * 16).astype(np.int64) - 8
    names = ["nought", "one", "two"]
    np.savez("mine.npz", x=x, y=np.array(names)[data.all_y[some]])
    short = ("training.epochs=2", "training.warmup_epochs=0", 'network.widths=[8, "P", 8]')
    settings = [word for setting in short for word in ("--set", setting)]
    assert call("train", "--data", "mine.npz", *settings).code == 0
    np.save("x.npy", x[:COUNT])
    np.save("seen.npy", ((x[:COUNT, None] + 8) / np.float32(16)).astype(np.float32))
    np.save("y.npy", np.array(names)[data.all_y[some]][:COUNT])
    content = told(call("predict", "x.npy", "--executor", "float", "--json"))
    assert content["clipped"] == 0
    assert list(content["predictions"][0]["scores"]) == names
    call("simulate", "--executor", "float", "--input", "seen.npy", "--save", "out.npz")
    assert np.array_equal(scores(content), np.load("out.npz")["logits"])
    words = ("--executor", "float", "--input", "seen.npy", "--labels", "y.npy")
    found = told(call("simulate", *words, "--json"))
    predicted = np.array([row["class"] for row in content["predictions"]])
    assert found["float_accuracy"] == (predicted == np.load("y.npy")).mean()


@pytest.fixture
def ways(empty, call):
    """Train on recordings of two classes."""
    rng = np.random.default_rng(0)
    for way in ("left", "right"):
        Path("ways", way).mkdir(parents=True)
        for place in range(5):
            np.save(f"ways/{way}/{place}.npy", recorded(rng))
    short = ("training.epochs=1", "training.warmup_epochs=0", "network.widths=[8]")
    asked = (*short, "network.steps=5", "data.sensor=8x8")
    settings = [word for setting in asked for word in ("--set", setting)]
    call("train", "--data", "ways", *settings)  # which tells that it learned nothing of these
    assert Path("runs/ways-1/manifest.json").is_file()


def recorded(rng):
    events = np.zeros(50, EVENT)
    events["x"], events["y"] = rng.integers(0, 8, (2, 50))
    events["t"], events["p"] = np.arange(50) * 1000, rng.integers(0, 2, 50)
    return events


def test_recordings_are_framed_as_those_that_were_trained_on(ways, call):
    frames = read_own(Path("ways"), ReadAs(sensor="8x8"), steps=5)
    np.save("x.npy", np.concatenate([frames.train_x, frames.test_x]))
    words = ("runs/ways-1", "--executor", "float", "--json")
    as_files = told(call("predict", *words, "ways"))
    as_arrays = told(call("predict", *words, "x.npy"))
    assert [row["sample"] for row in as_files["predictions"]] == sorted(
        map(str, Path("ways").rglob("*.npy"))
    )
    assert np.array_equal(np.sort(scores(as_files), axis=0), np.sort(scores(as_arrays), axis=0))


def test_recordings_of_other_formats_are_read(ways, call):
    events = np.load("ways/left/0.npy")
    columns = [events[name] for name in "xytp"]
    Path("a.raw").write_bytes(formats.evt2_bytes(*columns, side=8))
    formats.write_hdf5("a.h5", dict(zip("xytp", columns, strict=True)))
    np.save("a.npy", np.stack([events[name] for name in "xypt"], axis=1).astype(int))
    words = ("--executor", "float", "--json")
    found = told(call("predict", "ways/left/0.npy", "a.raw", "a.h5", "a.npy", *words))
    assert (scores(found) == scores(found)[0]).all()


def test_recordings_that_the_network_cannot_take_are_named(ways, call):
    events = np.load("ways/left/0.npy")
    np.save("reversed.npy", events[::-1])
    events["x"][7] = 8
    np.save("wide.npy", events)
    for name, what in (
        ("wide.npy", "event 7 has x = 8, beyond a sensor of 8x8"),
        ("reversed.npy", "earlier than the event before it"),
    ):
        found = call("predict", name, "--executor", "float")
        assert (found.code, found.out, what in found.err) == (1, "", True), found.err


@pytest.mark.parametrize(
    "command",
    [
        ("compile", "runs/ways-1", "--target", "dynapse2"),
        ("compile", "runs/ways-1", "--target", "dynapse2", "--no-adapt"),
        ("train", "--finetune", "runs/ways-1", "--target", "dynapse2"),
        ("train", "digits-dynapse2", "--data", "ways", "--set", "data.sensor=8x8"),
    ],
    ids=" ".join,
)
def test_recordings_are_refused_for_a_mixed_signal_chip_before_any_is_read(
    ways, refused, monkeypatch, command
):
    monkeypatch.setattr(origin, "read_own", lambda *_, **__: pytest.fail("it was read"))
    refused(*command, code=1, where="data set ways",
            what="ways/ holds recordings, which change from frame to frame",
            fix="choose a data set of images, e.g. digits")  # fmt: skip


def test_recordings_are_refused_by_a_network_of_images(digits, call):
    np.save("a.npy", recorded(np.random.default_rng(0)))
    found = call("predict", "a.npy")
    assert (found.code, "not trained on recordings" in found.err) == (1, True)


def test_own_samples_with_labels_have_an_accuracy(digits, call):
    told_of_split = told(call("simulate", BUILD, "--samples", COUNT, "--json"))
    own = told(call("simulate", BUILD, "--input", "x.npy", "--labels", "y.npy", "--json"))
    assert own["integer_accuracy"] == told_of_split["integer_accuracy"]
    few = ("--samples", 5, "--input", "x.npy", "--labels", "y.npy", "--json")
    assert told(call("simulate", BUILD, *few))["samples"] == 5


@pytest.mark.parametrize(
    ("labels", "what"),
    [
        (np.zeros(3, int), "the classes have the shape (3,), there are 12 samples"),
        (np.full(COUNT, 10), "10 is not one of the 10 classes"),
        (np.full(COUNT, -1), "-1 is not one of the 10 classes"),
        (np.full(COUNT, "x"), "x is not one of the 10 classes"),
        (np.full(COUNT, 0.5), "the classes are float64 and not all whole numbers"),
        (np.full(COUNT, np.nan), "the classes are float64 and not all whole numbers"),
        (np.full(COUNT, None), "Python objects in dtype"),
    ],
)
def test_labels_that_are_none_are_refused(digits, call, labels, what):
    np.save("z.npy", labels, allow_pickle=True)
    found = call("simulate", BUILD, "--input", "x.npy", "--labels", "z.npy")
    assert (found.code, found.out) == (1, "")
    assert what in found.err
    assert "z.npy" in found.err
    assert "numpy.save(path, samples)" not in found.err


@pytest.mark.parametrize("kind", [float, np.uint8, bool])
def test_labels_may_be_of_any_type_of_number(digits, call, kind):
    np.save("z.npy", (np.load("y.npy") == 1).astype(kind))
    words = ("--executor", "float", "--input", "x.npy", "--labels", "z.npy", "--json")
    predicted = told(call("predict", BUILD, "x.npy", "--executor", "float", "--json"))
    right = [row["number"] for row in predicted["predictions"]] == (np.load("y.npy") == 1)
    assert told(call("simulate", BUILD, *words))["float_accuracy"] == right.mean()


def test_files_that_are_named_twice_are_predicted_twice(digits, call):
    once = told(call("predict", "x.npy", "--json"))["predictions"]
    assert told(call("predict", "x.npy", "x.npy", "--json"))["predictions"] == once + once


def test_folders_within_folders_are_entered_and_hidden_ones_are_not(digits, call):
    for name in ("b/seven.png", "a/three.png", ".hidden/four.png"):
        Path("classes", name).parent.mkdir(parents=True)
        shutil.copy("pictures/00.png", Path("classes", name))
    found = told(call("predict", "classes", "--json"))
    assert [row["sample"] for row in found["predictions"]] == [
        "classes/a/three.png",
        "classes/b/seven.png",
    ]


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (("gone.npy",), 1, "there is no such file"),
        (("gone.png",), 1, "there is no such file"),
        (("empty.npy",), 1, "the array holds no sample"),
        (("gone.txt",), 1, "there is no such file"),
        ((RUN,), 2, "there is nothing to predict"),
        ((), 2, "there is nothing to predict"),
        (("nothing",), 1, "the folder holds no file that is read"),
        (("wide.npy",), 1, "the array has the shape (3, 9, 9)"),
        (("nan.npy",), 1, "sample 0 holds values that are not finite"),
        (("two.npz",), 1, "the file holds a, b, and no array x"),
        (("x.npy", "--executor", "float", "--lut", "8bit"), 2, "--lut has no effect"),
        ((BUILD[:-2], "x.npy"), 2, "there is no such folder"),
        ((BUILD, "x.npy", "--data-dir", "."), 2, "--data-dir has no effect"),
        (("x.npy", "--executor", "dpi"), 2, "there is no build for a mixed-signal chip"),
    ],
)
def test_what_cannot_be_predicted_is_named(digits, call, words, code, what):
    np.save("wide.npy", np.zeros((3, 9, 9)))
    np.save("nan.npy", np.full((1, 8, 8), np.nan))
    np.save("empty.npy", np.zeros((0, 1, 8, 8)))
    Path("nothing").mkdir()
    np.savez("two.npz", a=np.zeros((8, 8)), b=np.zeros((8, 8)))
    found = call("predict", *words)
    assert (found.code, found.out, what in found.err) == (code, "", True), found.err


def test_nothing_without_a_network(empty, call):
    np.save("x.npy", np.zeros((1, 8, 8)))
    found = call("predict", "x.npy")
    assert found.code == 2
    assert "there is no run" in found.err
