"""Boards on the command line: from a run to a board that is tested, and what is refused."""

import json

import pytest

from tests.cli.support import BUILD, RUN

BOARD = "builds/board"


@pytest.fixture
def on_board(built, call):
    """Work in a folder with a build for a board."""
    assert call("compile", RUN, "--target", "ulx3s-25f", "--lanes", 2, "--out", BOARD).code == 0
    return built


def test_a_build_for_a_board_says_what_it_takes_and_verifies_as_any_other(on_board, call):
    manifest = json.loads((on_board / BOARD / "manifest.json").read_text())
    assert manifest["target"] == "ulx3s-25f"
    assert manifest["fpga_estimated"]["multipliers"] <= 28
    assert (on_board / BOARD / "board/top.sv").is_file()
    found = call("simulate", BOARD, "--samples", 5)
    assert found.code == 0
    assert "at the 50 MHz" in found.out


@pytest.mark.rtl
def test_a_board_is_tested_and_runs_samples(on_board, call):
    found = call("board", "selftest", BOARD, "--emulate", "--out", "results.json")
    assert (found.code, found.out) == (0, "tested 16 stored samples: every logit is as stored\n")
    results = json.loads((on_board / "results.json").read_text())
    assert (results["logits_differing"], results["emulated"], results["samples"]) == (0, True, 16)
    found = call("board", "run", BOARD, "--emulate", "--samples", 4, "--json")
    assert json.loads(found.out)["logits_differing"] == 0


def test_what_is_no_board_or_has_no_line_is_refused(on_board, call):
    asked = {
        ("selftest", BUILD, "--emulate"): "the build is for digital, which is no board",
        ("selftest", BOARD): "reached by its serial line, or emulated: one of the two",
        ("run", BOARD, "--emulate", "--port", "x"): "one of the two",
        ("selftest", BOARD, "--port", "/dev/no-such-line"): "No such file",
        ("flash", BOARD): "the build has no bitstream",
        ("build", RUN): "the folder is a run",
    }
    for words, what in asked.items():
        found = call("board", *words)
        assert found.code in (1, 2)
        assert what in found.err


def test_a_latency_that_is_no_time_is_refused(trained, call):
    found = call("compile", RUN, "--target", "ulx3s-25f", "--latency", "soon")
    assert "'soon' is no time" in found.err
    assert not (trained / "builds").exists()


def test_the_boards_are_listed(call, empty):
    found = call("board")
    assert found.code == 0
    assert "ulx3s-85f" in found.out
