"""Targets: the shipped ones are read, impossible ones refused."""

from dataclasses import fields
from typing import get_type_hints

import pytest

from eideploy.errors import SpecError
from eideploy.flow.requests.targets import CheckTarget
from eideploy.flow.targets import check
from eideploy.target import Widths, load_any, load_target, read_target, target_names


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
        ("lanes = 8 ", "lanes = 1025 ", "core.lanes = 1025 is outside of 1 to 1024"),
        ("layers = 32 ", "layers = 65537 ", "core.layers = 65537 is outside of 1 to 65536"),
        ("weight = 8 ", "weight = 65 ", "widths.weight = 65 is outside of 1 to 16"),
        (
            "divisor = 48 ",
            "divisor = 2000000000 ",
            "widths.divisor = 2000000000 is outside of 1 to 64",
        ),
        (
            "weight_rows = 16384 ",
            "weight_rows = 1000000000 ",
            r"the memories have 8000\d{6} words, at most 67108864 are reasonable",
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


@pytest.mark.parametrize("field", fields(Widths), ids=lambda field: field.name)
def test_widths_that_no_network_can_ask_for_are_refused(field, tmp_path):
    spec = load_target("digital")
    given = f"{field.name} = {getattr(spec.widths, field.name)} "
    path = tmp_path / "spec.toml"
    (bounds,) = get_type_hints(Widths, include_extras=True)[field.name].__metadata__
    low, high = bounds.low, bounds.high
    head, section, rest = spec.source.read_text().partition("[widths]")
    for bits in (low - 1, high + 1):
        path.write_text(head + section + rest.replace(given, f"{field.name} = {bits} "))
        with pytest.raises(
            SpecError, match=rf"widths\.{field.name} = {bits} is outside of {low} to {high}"
        ):
            read_target(path)


def test_a_check_says_which_divisions_the_systemverilog_has():
    found = check(CheckTarget("digital-model"))
    assert "in SystemVerilog by exact, lut, none, shift, shift2" in found.text
    assert found.content["systemverilog"] == ["exact", "lut", "none", "shift", "shift2"]


def test_a_check_says_why_there_is_no_systemverilog(tmp_path):
    text = load_target("digital").source.read_text()
    (tmp_path / "spec.toml").write_text(text.replace("lanes = 8  ", "lanes = 12 "))
    found = check(CheckTarget(tmp_path / "spec.toml"))
    assert "in SystemVerilog by none of them\n  core.lanes = 12 is not a power of two" in found.text


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("openFPGALoader --board ulx3s", "sh -c 'x'", "board.flash = .* is not openFPGALoader"),
        ("ulx3s {bitstream}", "ulx3s --script x {bitstream}", "board.flash"),
        ('"6"]', '"6", "--run", "x.py"]', "board.options are .* say more than the part"),
        ('part = "LFE5U', 'part = "[exec x]LFE5U', "board.part = .* is not an FPGA's name"),
        ('clock = "G2"', 'clock = "G2; x"', "board.pins.clock = 'G2; x' is not a word"),
        ('"LVCMOS33"', '"LVCMOS33} [exec x] {"', "board.pins.standard"),
        ("clock_hz = 50000000", "", "there is no clock_hz"),
        ("baud = 1000000", "baud = 9000000", "is not a fraction of clock_hz = 50000000 to 2 %"),
        ('"B2",', '"A1", "A2", "B2",', "board.pins.leds are 10"),
        ('tool = "ecp5"', 'tool = "gowin"', "of no family whose loop is known"),
    ],
)
def test_a_board_gives_other_programs_nothing_but_names(tmp_path, old, new, what):
    """A spec may come with a build of others: no command, script or option is taken from it."""
    spec = load_target("ulx3s-25f").source.read_text()
    assert old in spec
    path = tmp_path / "board.toml"
    path.write_text(spec.replace(old, new, 1))
    with pytest.raises(SpecError, match=what):
        read_target(path)
