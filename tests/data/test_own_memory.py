"""Data that are in memory: arrays, torch's data sets and loaders, and what is none."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

import eideploy
from eideploy.data import load
from eideploy.data.own.memory import dataset_of
from eideploy.errors import DataError, UsageError

X = np.arange(15 * 64, dtype=np.float32).reshape(15, 1, 8, 8) % 17 / 16
Y = np.arange(15) % 3
SHORT = {"training.epochs": 1, "training.warmup_epochs": 0, "network.widths": [8, "P", 8]}


def sets():
    whole = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return {
        "arrays": (X, Y),
        "tensors": (torch.from_numpy(X), torch.from_numpy(Y)),
        "torch": whole,
        "loader": DataLoader(whole, batch_size=4, shuffle=True),
        "pairs": (list(zip(X, Y, strict=True)),),
    }


@pytest.mark.parametrize("kind", sets())
def test_all_kinds_of_the_same_samples_are_the_same_data(kind):
    data = dataset_of(sets()[kind], "memory/")
    assert data.sha256 == dataset_of((X, Y), "memory/").sha256
    assert data.name == "memory"


def test_parts_stay_as_they_are_split():
    four = dataset_of((X[3:], Y[3:], X[:3], Y[:3]), "memory/")
    assert np.array_equal(four.test_x, X[:3])
    halves = [TensorDataset(torch.from_numpy(X[s]), torch.from_numpy(Y[s]))
              for s in (slice(3, None), slice(3))]  # fmt: skip
    assert dataset_of(halves, "memory/").sha256 == four.sha256


def test_a_data_set_is_itself():
    digits = load("digits")
    assert dataset_of(digits, "memory/") is digits


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (3, "this is not a set of labelled samples: int"),
        ((X,), "this is not a set of labelled samples: ndarray"),
        ([1, 2], "this is not a set of labelled samples: int, int"),
        (([(X[0], 0), (X[0, :, :3], 1)],), "its entries are not pairs"),
        (([1, 2, 3],), "its entries are not pairs"),
        ((X, Y + 1), "class 0 has no sample"),
    ],
)
def test_what_is_no_data_is_refused(given, what):
    with pytest.raises(DataError) as error:
        dataset_of(given, "memory/")
    assert what in str(error.value)


def test_data_in_memory_are_trained_on_and_compile_without_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = load("digits")
    some = digits.all_y < 4
    x, y = digits.all_x[some], digits.all_y[some]
    trained = eideploy.train_network(data=(x, y), overrides=SHORT)
    assert trained.folder == Path("runs/memory-1")
    built = eideploy.compile_run(trained.folder)
    kept = eideploy.simulate_build(built.folder).content  # on the test samples in the build
    assert kept["samples"] > 9
    with pytest.raises(DataError, match="memory/, are no file, but were in memory"):
        eideploy.simulate_build(built.folder, split="all")
    np.savez("saved.npz", x=x, y=y)
    found = eideploy.simulate_build(built.folder, data="saved.npz", samples=9)
    assert found.content["samples"] == 9
    with pytest.raises(UsageError, match="data in memory has no effect on a run"):
        eideploy.train_network(finetune=trained.folder, data=(x, y))


@pytest.mark.parametrize("given", [X, {"x": X, "y": Y}, (X,), 5])
def test_what_is_no_samples_with_classes_is_refused_by_the_job(given):
    with pytest.raises(DataError, match="this is not a set of labelled samples") as refused:
        eideploy.train_network(data=given)
    assert "give a Dataset, (x, y)" in refused.value.fix


def test_a_tensor_that_is_trained_is_taken_by_its_values():
    trained = torch.from_numpy(X).clone().requires_grad_()
    assert dataset_of((trained, Y), "memory/").sha256 == dataset_of((X, Y), "memory/").sha256
