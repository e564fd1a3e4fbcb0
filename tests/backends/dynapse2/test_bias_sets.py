"""Named sets of biases: saved, restored, compared, and refused where they are of something else."""

import json
from dataclasses import replace

import numpy as np
import pytest

import eideploy as ei
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.backends.dynapse2.emit import write_board
from eideploy.backends.dynapse2.folders import load_chip_build
from eideploy.backends.dynapse2.patch import read_patch
from tests.backends.dynapse2.small import small_build

MOVED = "DEAM_EGAIN_P"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    return small_build(tmp_path_factory.mktemp("sets") / "build", neurons=40)


@pytest.fixture
def tuned(build, tmp_path):
    """Return a folder as board tune writes it, one bias of one core doubled."""
    whole = load_chip_build(build)
    c, dac = whole.configuration, load_dac(whole.spec)
    bias, biases = c.bias_names.index(MOVED), np.array(c.biases)
    code = dac.code(MOVED, 2 * float(dac.current(MOVED, *biases[0, 1, bias])))
    biases[0, 1, bias] = code.coarse, code.fine
    (tmp_path / "tuned").mkdir()
    write_board(replace(c, biases=biases), whole.spec, tmp_path / "tuned")
    return tmp_path / "tuned"


@pytest.fixture
def sets(build, tuned, tmp_path):
    """Return a file with a set of the tuned biases, named monday."""
    said = ei.bias_sets(build, save="monday", of=tuned, sets=tmp_path / "sets.json")
    assert said.content == {
        "saved": "monday", "file": str(tmp_path / "sets.json"), "differing": 1,
    }  # fmt: skip
    return tmp_path / "sets.json"


def test_a_comparison_names_core_and_bias_with_both_codes_and_currents(build, sets):
    found = ei.bias_sets(build, compare="monday", sets=sets)
    (row,) = found.content["differences"]
    assert (row["core"], row["bias"]) == ("0.1", MOVED)
    assert row["ratio"] == pytest.approx(2, rel=0.05)
    assert row["ratio"] == row["after"]["ampere"] / row["before"]["ampere"]
    assert found.text.splitlines()[-1].split()[:2] == ["0.1", MOVED]
    ei.bias_sets(build, save="mapped", sets=sets)
    back = ei.bias_sets(build, compare="mapped", against="monday", sets=sets)
    assert back.content["differences"][0]["ratio"] == pytest.approx(1 / row["ratio"])
    assert "have the same codes" in ei.bias_sets(build, compare="mapped", sets=sets).text
    listed = ei.bias_sets(build, sets=sets)
    assert list(listed.content["sets"]) == ["monday", "mapped"]
    assert "1 differ" in listed.text


def test_a_restored_set_is_the_builds_patch_with_its_biases(build, tuned, sets, tmp_path):
    ei.bias_sets(build, restore="monday", sets=sets, out=tmp_path / "back")
    spec = read_spec(tmp_path / "back/target.toml")
    one, other = (read_patch(f / "dynapse2/patch.json", spec) for f in (tuned, tmp_path / "back"))
    assert equal(one, other)
    assert (tmp_path / "back/dynapse2/load.py").exists()


def test_sets_lie_beside_the_build_unless_a_file_is_named(build):
    assert ei.bias_sets(build).content["file"] == str(build.parent / "build.biases.json")
    assert "holds no sets yet" in ei.bias_sets(build).text


def test_a_build_that_one_stands_in_has_its_sets_beside_it_too(build, monkeypatch):
    monkeypatch.chdir(build)
    beside = str(build.with_name("build.biases.json"))
    assert ei.bias_sets(".").content["file"] == beside


@pytest.mark.parametrize("code", [[6, 0], [0, 256]])
def test_codes_that_the_board_does_not_have_are_refused(build, sets, tmp_path, code):
    content = json.loads(sets.read_text())
    content["sets"]["monday"]["cores"]["0.1"]["codes"][MOVED] = code
    sets.write_text(json.dumps(content))
    for asked in ({"compare": "monday"}, {"restore": "monday", "out": tmp_path / "back"}):
        with pytest.raises(ei.FormatError, match=r"codes go up to \(5, 255\)"):
            ei.bias_sets(build, sets=sets, **asked)
    assert not (tmp_path / "back").exists()


def test_a_set_of_another_network_or_on_other_cores_is_refused(build, sets, tmp_path):
    other = small_build(tmp_path / "other", neurons=40, **{"network.excitatory": "29"})
    with pytest.raises(ei.DataError, match="monday is of another network") as error:
        ei.bias_sets(other, restore="monday", sets=sets, out=tmp_path / "back")
    assert str(sets) in error.value.where
    content = json.loads(sets.read_text())
    cores = content["sets"]["monday"]["cores"]
    cores["0.3"] = cores.pop("0.1")
    sets.write_text(json.dumps(content))
    with pytest.raises(ei.DataError, match="of other populations or biases on the cores"):
        ei.bias_sets(build, restore="monday", sets=sets, out=tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_what_makes_no_sense_is_refused_and_the_file_stays(build, sets, tmp_path):
    before = sets.read_bytes()
    asked = {
        "there is a set 'monday' already": {"save": "monday"},
        "there is no set sunday": {"restore": "sunday"},
        "a command saves, restores or compares": {"save": "a", "compare": "b"},
        "--of has no effect with --restore": {"restore": "monday", "of": "x"},
        "--against has no effect where sets are listed": {"against": "monday"},
        "is no name of a set": {"save": " "},
    }
    for what, words in asked.items():
        with pytest.raises(ei.UsageError, match=what):
            ei.bias_sets(build, sets=sets, **words)
    assert sets.read_bytes() == before
    sets.write_text(json.dumps({"kind": "x", "version": 1, "sets": {}}))
    with pytest.raises(ei.FormatError, match="of kind 'x'"):
        ei.bias_sets(build, sets=sets)
    with pytest.raises(ei.DataError, match="by more than biases"):
        ei.bias_sets(
            build,
            save="a",
            of=small_build(tmp_path / "o", neurons=40, **{"network.excitatory": "29"}),
        )
