"""The spec of a board: what it must hold, and what contradicts itself."""

import pytest

from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.errors import SpecError, UsageError
from eideploy.target import load_any, load_target
from tests.backends.dynapse2.networks import SPEC


def changed(tmp_path, *pairs):
    text = SPEC.source.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "spec.toml").write_text(text)
    return tmp_path / "spec.toml"


def test_a_core_has_the_52_biases_that_samna_prints():
    assert len(SPEC.bias_names) == 52


def test_every_contradiction_is_named_at_once(tmp_path):
    path = changed(
        tmp_path,
        ('role = "pulse"', 'role = "puls"'),
        ("gaba = { code = 512 }", "gaba = { code = 1024 }"),
        ('divisive = "shunt"', 'divisive = "soma"'),
        ("marker = 2047", "marker = 2048"),
        ("entry = 0", "entry = 1"),
        ("full_scale_n = [70e-12, ", "full_scale_n = ["),
    )
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    for said in (
        "role 'puls' is unknown", "no bias has role 'pulse'", "dendrites share a code",
        "roles.divisive = 'soma'", "monitor.marker = 2048", "board.entry = 1",
        "full_scale_n lists 5 currents for 6 steps",
    ):  # fmt: skip
        assert said in caught.value.what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("floor = 0.5e-12", "floor = 0.0", "floor = 0.0 is not a positive number"),
        ("full_scale_n = [70e-12", 'full_scale_n = ["70"', r"full_scale_n\[0\] = '70'"),
        ("full_scale_n = [70e-12", "full_scale_n = 7 #", "full_scale_n = 7 is not a list"),
        ("tags = 2048 ", "tags = 512 ", "1024 neurons cannot each have one of chip.tags = 512"),
        ("columns = 1 ", "columns = 9 ", "board.columns is beyond chip.hops = 7"),
        ("cams = 64 ", "cams = 65536 ", "the board has 67108864 synapses, at most 33554432"),
        (
            "cams = 64 ",
            "cams = 100000000 ",
            "chip.cams = 100000000 is outside of 1 to 65536",
        ),
        (
            "fine = 256 ",
            "fine = 100000000 ",
            "dac.fine = 100000000 is outside of 2 to 4096",
        ),
    ],
)
def test_a_wrong_value_is_named(tmp_path, old, new, said):
    with pytest.raises(SpecError, match=said):
        read_spec(changed(tmp_path, (old, new)))


def test_integers_do_not_run_on_it():
    with pytest.raises(UsageError, match="mixed-signal"):
        load_target("dynapse2")


def test_a_board_of_ones_own_is_a_file(tmp_path):
    path = changed(tmp_path, ("columns = 1 ", "columns = 2 "), ("rows = 1 ", "rows = 2 "))
    spec = load_any(str(path))
    assert spec.chips == 4
    assert [spec.position(chip) for chip in range(4)] == [(0, 0), (1, 0), (0, 1), (1, 1)]
