"""A network for the chip as NIR: it comes back exactly, and says what its dendrites do."""

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.nirfile import load_chip, save_chip
from eideploy.errors import FormatError
from tests.backends.dynapse2.random_networks import cases


@settings(
    deadline=None, max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
@given(cases())
def test_a_network_comes_back_exactly(tmp_path, case):
    _, network, _ = case
    save_chip(network, tmp_path / "model.nir")
    assert equal(load_chip(tmp_path / "model.nir"), network)
    found = nir.read(tmp_path / "model.nir", type_check=False)
    roles = {"ampa": "excitatory", "nmda": "excitatory", "gaba": "subtractive", "shunt": "divisive"}
    for p in network.projections:
        end = f"{p.target}_{p.dendrite}"
        assert (f"projection_{p.name}", end) in found.edges
        assert (end, p.target) in found.edges
        assert found.nodes[end].role == roles[p.dendrite]
        np.testing.assert_array_equal(found.nodes[f"projection_{p.name}"].weight, p.weight)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "model.nir"
    with pytest.raises(FormatError, match="cannot be read"):
        load_chip(path)
    path.write_bytes(b"nothing")
    with pytest.raises(FormatError, match="not a readable NIR graph"):
        load_chip(path)
