import hashlib

import numpy as np
import pytest

from eideploy.data import DATASETS, Dataset, load
from eideploy.errors import ConfigError, DataError


def dataset(**changes):
    fields = {
        "name": "mine",
        "train_x": np.full((4, 1, 2, 2), 0.5, dtype=np.float32),
        "train_y": np.arange(4) % 2,
        "test_x": np.zeros((2, 1, 2, 2), dtype=np.float32),
        "test_y": np.arange(2),
        "classes": 2,
    }
    return Dataset(**{**fields, **changes})


def counts(*shape):
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def test_digits_are_split_by_class_and_scaled_to_one():
    digits = load("digits")
    assert digits.train_x.shape == (1437, 1, 8, 8)
    assert digits.test_x.shape == (360, 1, 8, 8)
    assert digits.input_shape == (1, 8, 8)
    assert digits.steps is None
    assert digits.all_x.shape == (1797, 1, 8, 8)
    assert len(digits.all_y) == 1797
    assert set((digits.all_x * 16).ravel()) == set(range(17))
    shares = np.bincount(digits.test_y) / np.bincount(digits.all_y)
    assert np.allclose(shares, 0.2, atol=0.01)


def test_digits_are_the_same_bytes_as_ever():
    digits = load("digits")
    parts = (digits.train_x, digits.test_x, digits.train_y, digits.test_y)
    digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
    assert digest == "19c98e157163fe32e89a09a03a274ccf67df8b842a04611ef56e01ee45c2e421"


def test_a_data_set_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load("digits").train_x[0] = 0


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ConfigError, match="there is no data set cifar\n") as error:
        load("cifar")
    assert error.value.fix == f"use {', '.join(DATASETS)}"


def test_a_batch_of_images_kept_as_bytes_is_divided_and_float():
    kept = np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2) * 17
    mine = dataset(train_x=kept, test_x=kept[:2], divisor=255.0)
    batch = mine.train.batch(np.array([3, 0]))
    assert batch.dtype == np.float32
    assert np.array_equal(batch, (kept[[3, 0]] / np.float32(255)).astype(np.float32))
    assert batch.max() == 1
    assert len(mine.train) == 4
    assert np.array_equal(mine.all_x[4:], mine.test.batch(slice(None)))


def test_event_frames_have_steps_and_are_resized_a_batch_at_a_time():
    mine = dataset(
        train_x=counts(4, 3, 2, 4, 4), test_x=counts(2, 3, 2, 4, 4), high=383.0, size=(2, 2)
    )
    assert mine.input_shape == (2, 2, 2)
    assert mine.steps == 3
    batch = mine.train.batch(np.array([1]))
    assert batch.shape == (1, 3, 2, 2, 2)
    assert np.isclose(batch.mean(), mine.train_x[1].mean())


def test_only_training_batches_with_a_generator_are_augmented():
    mine = dataset(augmentation=(lambda x, rng: x * 0 + np.float32(rng.random()),))
    rng = np.random.default_rng(0)
    assert np.all(mine.train.batch(slice(None)) == 0.5)
    assert np.all(mine.test.batch(slice(None), rng) == 0)
    expected = np.float32(np.random.default_rng(0).random())
    assert np.all(mine.train.batch(slice(None), rng) == expected)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"train_x": np.zeros((4, 1, 2, 2))}, "images are float64 of shape (4, 1, 2, 2)"),
        ({"train_x": np.zeros((4, 2, 2), np.float32)}, "images are float32 of shape (4, 2, 2)"),
        ({"train_x": np.zeros((4, 1, 2, 2), np.int8)}, "images are int8 of shape (4, 1, 2, 2)"),
        ({"test_x": np.full((2, 1, 2, 2), 2, np.float32)}, "pixels run from 2.0 to 2.0"),
        ({"test_x": np.full((2, 1, 2, 2), 2, np.uint8)}, "pixels run from 2.0 to 2.0"),
        ({"test_x": np.full((2, 1, 2, 2), -1, np.float32)}, "pixels run from -1.0 to -1.0"),
        ({"test_x": np.full((2, 1, 2, 2), np.nan, np.float32)}, "pixels run from nan to nan"),
        ({"train_y": np.arange(3)}, "classes are int64 of shape (3,), not int64 (4,)"),
        ({"train_y": np.arange(4)}, "classes range from 0 to 3, not from 0 to 1"),
        ({"test_y": np.array([-1, 0])}, "classes range from -1 to 0, not from 0 to 1"),
        (
            {"test_x": np.zeros((2, 1, 2, 3), np.float32)},
            "training samples are (1, 2, 2), test samples (1, 2, 3)",
        ),
    ],
)
def test_images_and_classes_that_do_not_fit_are_named(changes, what):
    with pytest.raises(DataError) as error:
        dataset(**changes)
    assert error.value.what.startswith(what)
    assert error.value.where.startswith("mine")
