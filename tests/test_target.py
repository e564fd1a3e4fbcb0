"""Targets: the shipped ones are read, impossible ones refused."""

import pytest

from eideploy.errors import SpecError
from eideploy.target import load_any, load_target, read_target, target_names


@pytest.mark.parametrize("name", target_names())
def test_shipped_targets_can_be_read(name):
    assert load_any(name).name == name


def test_update_groups_must_fit_into_rows(tmp_path):
    spec = load_target("digital").source.read_text()
    path = tmp_path / "spec.toml"
    path.write_text(spec.replace("update_lanes = 1 ", "update_lanes = 3 "))
    with pytest.raises(SpecError, match=r"update_lanes = 3 does not divide core\.lanes = 8"):
        read_target(path)
