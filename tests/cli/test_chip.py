"""`eideploy compile --target dynapse2` on runs that were trained for the chip, and others."""

import json
from pathlib import Path

import pytest

from eideploy.backends.dynapse2 import folders as chip_folders
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.jobs import compile as compiling
from eideploy.errors import FormatError
from tests.backends.dynapse2.networks import SPEC, finished_run
from tests.cli.support import listing, rehash

CHIP_RUN, CHIP_BUILD = Path("runs/chip-1"), Path("builds/chip-1-dynapse2-1")


@pytest.fixture
def chip_run(empty):
    """Work in a folder with a finished run that was trained for the chip."""
    return finished_run(CHIP_RUN)


def test_a_run_for_the_chip_becomes_a_build(chip_run, call):
    out = call("compile", "--target", "dynapse2", "--json")
    assert out.code == 0
    content = json.loads(out.out)
    assert content["build"] == str(CHIP_BUILD)
    assert content["mapping"]["projections"][0]["error"] < 0.1
    built = chip_folders.load_chip_build(CHIP_BUILD)
    assert built.data == "digits"
    assert equal(built.network, chip_run)
    assert equal(built.configuration, map_network(chip_run, SPEC).configuration)
    names = {p.name for p in (CHIP_BUILD / "dynapse2").iterdir()}
    assert names >= {"patch.json", "load.py", "neurons.csv", "input_events.csv", "mapping.json"}


def test_a_simulation_never_replaces_the_data_of_the_run(chip_run, call):
    path = CHIP_RUN / "manifest.json"
    own = {"data": "mine.npz", "own_data": {"path": str(Path("mine.npz").resolve()), "sha256": ""}}
    path.write_text(json.dumps(json.loads(path.read_text()) | own))
    assert call("compile", "--target", "dynapse2").code == 0
    Path("mine.npz").write_bytes(b"all that there is")
    found = call("simulate", "--executor", "dpi", "--save", "mine.npz")
    assert (found.code, "the result would replace" in found.err) == (1, True), found.err
    assert Path("mine.npz").read_bytes() == b"all that there is"


def test_the_text_says_that_no_board_has_run_it(chip_run, call):
    out = call("compile", "--target", "dynapse2")
    assert "no board has run this" in out.out


def test_compiling_again_writes_the_same_files(chip_run, call):
    for _ in range(2):
        assert call("compile", "--target", "dynapse2").code == 0
    one, two = (listing(folder) for folder in sorted(Path("builds").iterdir()))
    differing = {name for name in one | two if one.get(name) != two.get(name)}
    assert differing <= {"manifest.json", "model.nir"}  # dates


def test_only_outputs_are_monitored_where_asked(chip_run, call):
    assert call("compile", "--target", "dynapse2", "--monitor", "outputs").code == 0
    configuration = chip_folders.load_chip_build(CHIP_BUILD).configuration
    assert (configuration.neurons.monitor_tag >= 0).all()  # all are outputs here


def test_a_network_that_does_not_fit_leaves_no_build(chip_run, call, tmp_path):
    spec = tmp_path / "board.toml"
    spec.write_text(SPEC.source.read_text().replace("cams = 64 ", "cams = 8 "))
    out = call("compile", "--target", str(spec))
    assert out.code == 1
    assert "takes" in out.err
    assert "it has 8" in out.err
    assert not Path("builds").exists()


def test_another_run_is_refused_with_numbers(trained, call):
    out = call("compile", "--target", "dynapse2", "--no-adapt")
    assert out.code == 1
    for said in ("inhibitory neurons have graded outputs", "64 CAMs", "values of bias"):
        assert said in out.err
    assert sorted(p.name for p in Path("builds").glob("*dynapse2*")) == []


@pytest.mark.parametrize(
    ("option", "what"),
    [
        (("--defects", "none.json"), "the file is missing"),
        (("--out", "builds"), "the output folder exists already"),
    ],
)
def test_what_keeps_a_build_from_being_written_is_told_before_a_run_is_adapted(
    trained, call, monkeypatch, option, what
):
    Path("builds").mkdir(exist_ok=True)
    monkeypatch.setattr(compiling, "adapt", None)
    out = call("compile", "--target", "dynapse2", *option)
    assert out.code == 1
    assert what in out.err


@pytest.mark.parametrize(
    "option",
    [("--lut", "8bit"), ("--scheme", "int8"), ("--emit", "onnx"), ("--zero-policy", "floor")],
)
def test_options_of_integers_are_refused(chip_run, call, option):
    out = call("compile", "--target", "dynapse2", *option)
    assert out.code == 2
    assert "no effect for dynapse2, a mixed-signal chip" in out.err
    assert option[0] in out.err


def test_a_run_for_the_chip_is_no_digital_one(chip_run, call):
    out = call("compile")
    assert out.code == 1
    assert "eideploy compile --target dynapse2" in out.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"SYAM_W3_P": [', '"SYAM_W3_P": [9, 1], "SYAM_W2_P": [', "biases.coarse"),
        ("[0, 1024, ", "[0, 1023, ", "cams.dendrite"),
        ("[0, 15, -7,", "[0, 15, -9,", "srams.x_hop"),
        ("[0, 15, -7,", "[0, 15.5, -7,", "malformed"),
        ('"version": 1', '"version": 2', "version 2"),
        ('"columns": 1', '"columns": 2', "malformed"),
        ('"so_dc"', '"so_ac"', "malformed"),
    ],
)
def test_a_field_out_of_range_is_named(chip_run, call, old, new, said):
    call("compile", "--target", "dynapse2")
    path = CHIP_BUILD / "dynapse2/patch.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    rehash(CHIP_BUILD)
    with pytest.raises(FormatError, match=said):
        chip_folders.load_chip_build(CHIP_BUILD)


def test_verify_checks_every_file_of_the_build(chip_run, call):
    call("compile", "--target", "dynapse2")
    out = call("verify")
    assert out.code == 0, out.out
    assert "no gap: 3 comparisons, all equal; of 16 files 12 verified" in out.out
    assert "a board" in out.out
    assert not list(CHIP_BUILD.rglob("__pycache__"))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("dynapse2/patch.json", "[0, 1024, ", "[0, 512, ", "another configuration"),
        ("dynapse2/patch.json", '"seen_x": -6', '"seen_x": -7', "not what eideploy"),
        ("dynapse2/neurons.csv", "out,3,", "out,2,", "not what eideploy"),
        ("dynapse2/load.py", "def check(args):", "def chec(args):", "not what eideploy"),
        ("dynapse2/patchfile.py", 'patch", 1', 'patch", 2', "not what eideploy"),
        ("dynapse2/results.py", "hexdigest()[:16]", "hexdigest()[:15]", "not what eideploy"),
    ],
)
def test_verify_tells_what_was_changed(chip_run, call, file, old, new, said):
    call("compile", "--target", "dynapse2")
    path = CHIP_BUILD / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    rehash(CHIP_BUILD)
    out = call("verify")
    assert out.code == 1
    assert said in out.out
    assert any(line.split()[:2] == [file, "gap"] for line in out.out.splitlines())
