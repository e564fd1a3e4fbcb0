"""What documentation calls a table is one in pandas: a row each, with numbers in its columns."""

import pandas as pd
import pytest

import eideploy as ei

SMALL = {"training.epochs": 2, "training.warmup_epochs": 0, "network.widths": [8, "P", 8]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("frames") / "run"
    ei.train_network(overrides=SMALL, out=folder)
    return ei.load_run(folder)


def numeric(frame, *columns):
    return all(pd.api.types.is_numeric_dtype(frame[column]) for column in columns)


def test_a_history_has_a_row_an_epoch(run):
    frame = pd.DataFrame(run.history).set_index("epoch")
    assert list(frame.index) == [1, 2]
    assert numeric(frame, "rate", "loss", "train_accuracy", "test_accuracy")


@pytest.mark.parametrize("name", ["health", "distributions", "gradients"])
def test_the_logs_of_a_run_have_a_row_a_layer(run, name):
    frame = pd.read_csv(run.folder / f"{name}.csv")
    assert set(frame["layer"]) == {"conv1", "conv2"}
    assert numeric(frame, {"health": "silent", "distributions": "q0.5"}.get(name, "gradient"))


def test_a_sweep_has_a_row_a_cell_and_a_comparison_a_row_a_layer(run, tmp_path):
    swept = ei.sweep_runs(
        [run.folder],
        schemes=["int8", "int4"],
        divisions=["lut:8x8"],
        samples=20,
        jobs=1,
        backend="threading",
        out=tmp_path / "sweep",
    )
    cells = pd.DataFrame(swept.content["cells"])
    assert list(cells["scheme"]) == ["int8", "int4"]
    assert numeric(cells, "accuracy", "agreement", "cycles")
    compared = ei.simulate_build(run.folder, samples=20)
    layers = pd.DataFrame(compared.content["layers"])
    assert numeric(layers, "rate", "mismatch", "zero_divisors")
    assert len(layers) == 2
