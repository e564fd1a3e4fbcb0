"""Boards on the command line: from a run to a board that is tested, and what is refused."""

import json
import os
import re
from pathlib import Path

import pytest

from eideploy.backends.digital.jobs.needs import needs
from eideploy.backends.digital.rtl import tools
from eideploy.target import load_target
from tests.cli.support import BUILD, RUN, rehash

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
    found = call("simulate", BOARD, "--executor", "board", "--emulate", "--samples", 4, "--json")
    content = json.loads(found.out)
    assert (found.code, content["logits_differing"]) == (0, 0)
    assert (content["board"]["emulated"], len(content["board"]["cycles"])) == (True, 4)


def test_the_latest_build_for_a_board_is_taken(on_board, call):
    assert call("compile", RUN, "--target", "c").code == 0
    assert f"eideploy board build {BOARD}\n" in call("board", "flash").err
    assert "that is not a serial line" in call("board", "selftest", "--port", "/dev/null").err


def test_what_is_no_board_or_has_no_line_is_refused(on_board, call):
    asked = {
        ("selftest", BUILD, "--emulate"): "the build is for digital, which is not a board",
        ("selftest", BOARD): "give either --port or --emulate",
        ("run", BOARD, "--emulate", "--port", "x"): "give either --port or --emulate",
        ("selftest", BOARD, "--port", "/dev/no-such-line"): "No such file",
        ("selftest", BOARD, "--port", "/dev/null"): "that is not a serial line",
        ("flash", BOARD): "the build has no bitstream",
        ("build", RUN): "the folder is a run",
        ("tune", BOARD, "--emulate"): "eideploy compile --target dynapse2",
        ("characterise", BUILD, "--emulate"): "is digital: it has no biases",
        ("tune", "--emulate"): "there is no build for dynapse2",
    }
    for words, what in asked.items():
        found = call("board", *words)
        assert found.code in (1, 2)
        assert what in found.err
        assert ("ulx3s-85f" in found.err) == ("which is not a board" in what)


def test_an_executor_on_a_board_is_refused_what_it_cannot_run(on_board, call):
    asked = {
        (BUILD, "--emulate"): "the build is for digital, which is not a board",
        (RUN, "--emulate"): "a board runs what it was flashed with: a build",
        (BOARD,): "give either --port or --emulate",
        (BOARD, "--port", "/dev/null"): "that is not a serial line",
        (BOARD, "--emulate", "--division", "shift"): "--division has no effect",
    }
    for words, what in asked.items():
        found = call("simulate", *words, "--executor", "board", "--samples", 2)
        assert (found.code, found.out) in ((1, ""), (2, ""))
        assert what in found.err
        assert "compiled" not in found.err, "nothing is compiled for what does not run"


def test_a_latency_that_is_no_time_is_refused(trained, call):
    found = call("compile", RUN, "--target", "ulx3s-25f", "--latency", "soon")
    assert "'soon' is not a time" in found.err
    assert not (trained / "builds").exists()


def test_the_boards_are_listed(call, empty):
    found = call("board")
    assert found.code == 0
    assert "ulx3s-85f" in found.out


def test_a_build_of_others_names_no_command_that_flashes(on_board, call):
    spec = on_board / BOARD / "target.toml"
    text = spec.read_text()
    assert "openFPGALoader --board ulx3s" in text
    spec.write_text(text.replace("openFPGALoader --board ulx3s", "touch harmed"))
    rehash(Path(BOARD))
    (on_board / BOARD / "fpga").mkdir()
    (on_board / BOARD / "fpga/board.bit").write_bytes(b"")
    found = call("board", "flash", BOARD)
    assert found.code == 1
    assert "board.flash = 'touch harmed {bitstream}' is not openFPGALoader" in found.err
    assert not (on_board / "harmed").exists()


def test_a_loader_without_its_libraries_is_told_from_one_without_a_cable(
    on_board, call, monkeypatch, tmp_path
):
    (on_board / BOARD / "fpga").mkdir()
    (on_board / BOARD / "fpga/board.bit").write_bytes(b"")
    loader = tmp_path / "bin/openFPGALoader"
    loader.parent.mkdir()
    monkeypatch.setenv("PATH", f"{loader.parent}:{os.environ['PATH']}")
    for said, fix in (
        ("error while loading shared libraries: libftdi1.so.2: cannot open", "libftdi1-2"),
        ("unable to open ftdi device", "check the cable"),
    ):
        loader.write_text(f"#!/bin/sh\necho openFPGALoader: {said} >&2\nexit 127\n")
        loader.chmod(0o755)
        found = call("board", "flash", BOARD)
        assert found.code == 1
        assert f"fails: openFPGALoader: {said}" in found.err
        assert fix in found.err
        tools.version.cache_clear()
        (row,) = (one for one in needs() if one.what == "openFPGALoader")
        assert row.state == ("broken" if fix == "libftdi1-2" else "ok")


def test_vectors_that_are_none_are_refused_before_a_board_is_asked(on_board, call):
    path = on_board / BOARD / "vectors.json"
    right = json.loads(path.read_text())
    one = right["samples"][0]
    wrong = {
        "the file holds no JSON object": [],
        "network = 5 is not": {**right, "network": 5},
        "the samples are of network 0123, the build is": {**right, "network": "0123"},
        "there are no stored samples": {**right, "samples": []},
        "not every stored sample has": {**right, "samples": [{**one, "logits": one["logits"][1:]}]},
        "samples[0].words[0][0]": {**right, "samples": [{**one, "words": [[[0, 0, 0, 256]]]}]},
        "samples[0].logits is missing": {**right, "samples": [{"words": one["words"]}]},
    }
    for what, content in wrong.items():
        path.write_text(json.dumps(content))
        rehash(Path(BOARD))
        found = call("board", "selftest", BOARD, "--port", "/dev/null")
        assert (found.code, found.out) == (1, "")
        assert what in found.err
        assert f"where: {BOARD}/vectors.json" in found.err


def test_a_bitstream_is_not_written_where_a_link_leads(on_board, call):
    (on_board / "mine").mkdir()
    (on_board / BOARD / "fpga").symlink_to(on_board / "mine")
    found = call("board", "build", BOARD)
    assert found.code == 1
    assert "the output is a link" in found.err
    assert list((on_board / "mine").iterdir()) == []


def test_a_board_of_ones_own_is_described_in_any_letters_and_has_one_led(on_board, call):
    text = load_target("ulx3s-25f").source.read_text()
    changed = re.sub(r"(?m)^leds = .*", 'leds = ["B2"]', text)
    changed = re.sub(r"(?m)^description = .*", 'description = "\N{MICRO SIGN} board"', changed)
    (on_board / "mine.toml").write_text(changed, "utf-8")
    found = call("compile", RUN, "--target", "./mine.toml", "--lanes", 2, "--out", "mine")
    assert found.code == 0, found.err
    top = (on_board / "mine/board/top.sv").read_text("utf-8")
    assert top.startswith("// \N{MICRO SIGN} board;")
    assert "assign led = busy;" in top
