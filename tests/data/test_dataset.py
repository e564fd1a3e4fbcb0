import numpy as np
import pytest

from eideploy.data import Dataset, load
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


def test_digits_are_split_by_class_and_scaled_to_one():
    digits = load("digits")
    assert digits.train_x.shape == (1437, 1, 8, 8)
    assert digits.test_x.shape == (360, 1, 8, 8)
    assert digits.input_shape == (1, 8, 8)
    assert digits.all_x.shape == (1797, 1, 8, 8)
    assert len(digits.all_y) == 1797
    assert set((digits.all_x * 16).ravel()) == set(range(17))
    counts = np.bincount(digits.test_y) / np.bincount(digits.all_y)
    assert np.allclose(counts, 0.2, atol=0.01)


def test_digits_are_the_same_every_time():
    one, two = load("digits"), load("digits")
    assert np.array_equal(one.train_x, two.train_x)
    assert np.array_equal(one.test_y, two.test_y)


def test_a_data_set_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load("digits").train_x[0] = 0


def test_an_unknown_data_set_is_refused():
    with pytest.raises(ConfigError, match="there is no data set cifar") as error:
        load("cifar")
    assert error.value.fix.startswith("use digits")


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"train_x": np.zeros((4, 1, 2, 2))}, "images are float64 of shape (4, 1, 2, 2)"),
        ({"train_x": np.zeros((4, 2, 2), np.float32)}, "images are float32 of shape (4, 2, 2)"),
        ({"test_x": np.full((2, 1, 2, 2), 2, np.float32)}, "pixels run from 2.0 to 2.0"),
        ({"test_x": np.full((2, 1, 2, 2), -1, np.float32)}, "pixels run from -1.0 to -1.0"),
        ({"test_x": np.full((2, 1, 2, 2), np.nan, np.float32)}, "pixels run from nan to nan"),
        ({"train_y": np.arange(3)}, "classes are int64 of shape (3,), not int64 (4,)"),
        ({"train_y": np.arange(4)}, "classes run from 0 to 3, not from 0 to 1"),
        ({"test_y": np.array([-1, 0])}, "classes run from -1 to 0, not from 0 to 1"),
    ],
)
def test_images_and_classes_that_do_not_fit_are_named(changes, what):
    with pytest.raises(DataError) as error:
        dataset(**changes)
    assert error.value.what.startswith(what)
    assert error.value.where.startswith("mine, ")
