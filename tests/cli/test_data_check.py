"""What is said of data before anything is trained on them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eideploy.data import DATASETS


@pytest.fixture
def mine(empty):
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    np.savez("mine.npz", x=rng.integers(-4, 5, (30, 6, 5)), y=y, classes=["cat", "dog", "owl"])


def test_counts_shapes_classes_and_values_are_told(mine, call):
    content = json.loads(call("data", "check", "mine.npz", "--json").out)
    assert content["shape"] == [1, 6, 5]
    assert (content["lowest"], content["highest"]) == (-4, 4)
    assert content["scaling"] == {"offset": -4.0, "divisor": 8.0, "high": 1.0}
    assert content["classes"] == [
        {"name": name, "train": 8, "test": 2} for name in ("cat", "dog", "owl")
    ]
    assert content["preset"] == "digits-conv"
    text = call("data", "check", "mine.npz").out
    assert "24 training samples, 6 test samples" in text
    assert "the network sees (value + 4) / 8" in text
    assert "split 24/6 by class, random_state 0" in text


def test_for_images_a_network_for_small_boards_is_named_too(mine, call):
    told = call("data", "check", "mine.npz").out
    assert "small board" not in told
    np.savez(
        "large.npz", x=np.eye(28)[np.arange(6 * 28) % 28].reshape(6, 28, 28), y=np.arange(6) % 2
    )
    told = call("data", "check", "large.npz").out
    assert "eideploy train digits-mlp --data large.npz --set data.size=14x14" in told


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_sheet_shows_pictures_and_is_the_same_every_time(mine, call, kind):
    for name in ("a", "b"):
        assert call("data", "check", "mine.npz", "--sheet", f"{name}.{kind}").code == 0
    first = Path(f"a.{kind}").read_bytes()
    assert first == Path(f"b.{kind}").read_bytes()
    if kind == "png":
        assert np.asarray(Image.open("a.png").convert("L")).std() > 10
    else:
        assert first.count(b"<image") == 24


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("gone.npz",), "there is no such file or folder"),
        (("mine.npz", "--sheet", "a.txt"), "a sheet is no .txt"),
        (("mine.npz", "--sheet", "mine.npz"), "the result would replace mine.npz"),
        (("a" * 300,), "there is no such file or folder"),
    ],
)
def test_what_cannot_be_checked_is_named(mine, call, words, what):
    found = call("data", "check", *words)
    assert (found.code, found.out, what in found.err) == (1, "", True), found.err


def test_recordings_are_told_with_their_frames(empty, call):
    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        Path("ways", name).mkdir(parents=True)
        for place in range(5):
            columns = [rng.integers(0, 8, 50), rng.integers(0, 6, 50), rng.integers(0, 2, 50)]
            np.save(f"ways/{name}/{place}.npy", np.stack([*columns, np.arange(50)], axis=1))
    words = ("--sensor", "6x8", "--steps", 5, "--json")
    content = json.loads(call("data", "check", "ways", *words).out)
    assert (content["frames"], content["shape"]) == (5, [2, 6, 8])
    assert content["preset"] == "digits-events-resnet"
    short = ("training.epochs=1", "training.warmup_epochs=0", "network.widths=[8]")
    settings = [word for setting in short for word in ("--set", setting)]
    found = call("train", "--data", "ways", "--set", "data.sensor=6x8", *settings, "--json")
    assert found.code in (0, 1), found.err  # 1: it has learned nothing, of noise
    assert json.loads(found.out)["own_data"]["sensor"] == "6x8"
    assert json.loads(call("compile", "--json").out)["own_data"]["framing"] == "time"


def test_the_data_sets_by_name_are_listed(call):
    listed = json.loads(call("data", "--json").out)["data_sets"]
    assert [row["name"] for row in listed] == list(DATASETS)
    assert "bundled" in call("data").out
