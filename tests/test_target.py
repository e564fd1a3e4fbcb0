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


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("lanes = 8 ", "lanes = 1025 ", "core.lanes = 1025 is not in 1..1024"),
        ("layers = 32 ", "layers = 65537 ", "core.layers = 65537 is not in 1..65536"),
        ("weight = 8 ", "weight = 65 ", "widths.weight = 65 is not in 1..64"),
        ("divisor = 48 ", "divisor = 2000000000 ", "widths.divisor = 2000000000 is not in 1..64"),
        (
            "weight_rows = 16384 ",
            "weight_rows = 1000000000000 ",
            r"the memories have 8000000\d+ words, at most 67108864 are reasonable",
        ),
    ],
)
def test_a_size_beyond_any_chip_is_named(tmp_path, old, new, what):
    spec = load_target("digital").source.read_text()
    assert old in spec
    path = tmp_path / "spec.toml"
    path.write_text(spec.replace(old, new))
    with pytest.raises(SpecError, match=what):
        read_target(path)
