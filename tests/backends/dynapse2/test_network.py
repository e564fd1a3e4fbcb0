"""Networks for the chip: their file form, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.network import Coding, load, save
from eideploy.errors import FormatError
from eideploy.files import read_tensors, write_tensors
from tests.backends.dynapse2.networks import network, population


def small():
    weight = np.arange(6.0).reshape(3, 2) * 1e-9
    return network(
        [population("in", 2, "input"), population("out", 3, "output")],
        [("in", "out", "ampa", weight)],
        classes=[0, 1, 1],
        base_currents={"out": np.array([1e-9, 2e-9, 4e-9, 8e-9])},
    )


def test_a_network_comes_back_as_it_was_written(tmp_path):
    save(small(), tmp_path / "n.safetensors")
    assert equal(load(tmp_path / "n.safetensors"), small())


def test_arrays_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        small().projections[0].weight[0, 0] = 1.0


def test_a_changed_file_is_refused(tmp_path):
    path = tmp_path / "n.safetensors"
    save(small(), path)
    arrays, content = read_tensors(path, kind="eideploy chip network", version=1)
    del content["populations"][1]["currents"]["dc"]
    write_tensors(path, arrays, kind="eideploy chip network", version=1, content=content)
    with pytest.raises(FormatError, match="current dc is missing") as caught:
        load(path)
    assert "population out" in caught.value.where


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"classes": np.zeros(2, int)}, "classes has shape (2,), there are 3 output neurons"),
        ({"base_currents": {"in": np.ones(4)}}, "base_currents of in, no population of neurons"),
        ({"base_currents": {"out": np.zeros(4)}}, "base_currents of out are not four positive"),
        ({"populations": ()}, "begins at in, which does not exist"),
    ],
)
def test_contradictions_are_named(change, said):
    with pytest.raises(FormatError) as caught:
        replace(small(), **change)
    assert said in caught.value.what


def test_parts_refuse_what_cannot_be():
    with pytest.raises(FormatError, match="size 0"):
        population("p", 0)
    with pytest.raises(FormatError, match="finite numbers >= 0"):
        network([population("a", 1, "input"), population("b", 1)], [("a", "b", "ampa", [[-1e-9]])])
    with pytest.raises(FormatError, match="dendrite 'soma'"):
        network([population("a", 1, "input"), population("b", 1)], [("a", "b", "soma", [[0.0]])])
    with pytest.raises(FormatError, match="peak_rate_hz = 0"):
        Coding(peak_rate_hz=0.0, duration_s=0.1)
