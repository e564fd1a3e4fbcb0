"""Builds for microcontrollers: every command takes them, and what does not fit is refused."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.c.executor import compiler
from eideploy.data import load
from eideploy.target import load_target
from tests.cli.support import ROOT

BUILD = "builds/digits-conv-1-cortex-m4-int8-lut8x8-1"
SPEC = ROOT / "targets/cortex-m4/spec.toml"


@pytest.fixture(scope="module")
def controlled(finished, tmp_path_factory):
    """Return a folder with a run and its build for a Cortex-M4."""
    from eideploy import cli

    folder = tmp_path_factory.mktemp("controlled")
    shutil.copytree(finished / "runs", folder / "runs")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert cli.main(["compile", "--target", "cortex-m4"]) == 0
    return folder


@pytest.fixture
def build(controlled, empty):
    shutil.copytree(controlled, empty, dirs_exist_ok=True)
    return empty / BUILD


def test_the_files_in_its_folder_are_a_self_test(build, tmp_path):
    sources = sorted(map(str, (build / "c").glob("*.c")))
    assert len(sources) == 3
    program = tmp_path / "program"
    subprocess.run([compiler(), *sources, "-o", str(program)], check=True)
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    assert done.stdout == "8 of 8 equal\n"


def test_it_is_a_library_for_arduino(build):
    library = build / "arduino"
    assert (library / "library.properties").read_text().startswith("name=net\n")
    for name in ("net.c", "net.h"):
        assert (library / "src" / name).read_bytes() == (build / "c" / name).read_bytes()
    sketch = library / "examples/selftest"
    assert {p.name for p in sketch.iterdir()} == {
        "selftest.ino", "test_vectors.c", "test_vectors.h",
    }  # fmt: skip


def test_it_is_simulated_by_its_c(build, call):
    found = json.loads(call("simulate", BUILD, "--executor", "c", "--samples", 8, "--json").out)
    assert (found["executor"], found["logits_differing"]) == ("c", 0)
    assert found["cycles"]["unit"] == "instructions"
    assert "instructions per inference" in call("simulate", BUILD, "--samples", 8).out


def test_every_file_that_may_be_is_verified(build, call):
    found = json.loads(call("verify", BUILD, "--samples", 4, "--json").out)
    states = {item["file"]: item["state"] for item in found["files"]}
    assert (states["c/net.c"], states["arduino/src/net.c"]) == ("verified", "verified")
    assert found["counts"]["gap"] == 0
    assert found["rows"][-1]["result"] == "equal"


def test_it_has_a_report_and_predicts(build, call):
    assert call("report", BUILD, "--samples", 8).code == 0
    assert "Bytes of every layer" in (build / "report.html").read_text()
    content = json.loads((build / "report.json").read_text())
    assert sum(size["constants"] for size in content["memory"]) == content["resources"][0]["used"]
    np.save("x.npy", load("digits").test.batch(slice(3)))
    found = json.loads(call("predict", BUILD, "x.npy", "--executor", "c", "--json").out)
    assert [len(row["scores"]) for row in found["predictions"]] == [10, 10, 10]


def test_how_every_layer_is_computed_is_said_and_kept(build, call):
    content = json.loads((build / "manifest.json").read_text())
    plan = content["plan"]
    assert (content["inhibition"]["form"], plan["samples"]) == ("auto", 64)
    first = next(iter(plan["ways"].values()))
    assert first["kept"]
    assert first["instructions"]["kept"] < first["instructions"]["events"]
    assert "currents kept" in (build / "c/README.md").read_text()
    told = call("compile", "--target", "cortex-m4", "--out", "again", "--json").out
    assert json.loads(told)["plan"] == plan
    assert call("report", BUILD, "--samples", 4).out.count("currents kept") > 1
    assert json.loads((build / "report.json").read_text())["plan"] == plan
    call("compile", "--target", "cortex-m4", "--inhibition", "factored")
    assert Path(f"{BUILD.removesuffix('-1')}-factored-1").is_dir()


def test_what_exceeds_a_memory_is_refused_with_the_bytes_of_every_layer(trained, refused):
    for kind, least in (("flash", 8192 + 1), ("ram", 2048 + 1)):
        offered = getattr(load_target("cortex-m4").memories, f"{kind}_bytes")
        small = SPEC.read_text().replace(f"{kind}_bytes = {offered}\n", f"{kind}_bytes = {least}\n")
        (trained / "small.toml").write_text(small)
        refused(
            *("compile", "--target", "small.toml"), code=1, where="target cortex-m4",
            what=f"{'RAM' if kind == 'ram' else kind} bytes: ", fix="choose a scheme of fewer bits",
        )  # fmt: skip
        refused(
            *("compile", "--target", "small.toml", "--scheme", "int4"), code=1, what="bytes: ",
            where="target cortex-m4", fix="fix:   train a smaller network",
        )  # fmt: skip


def test_the_fastest_program_is_taken_that_fits_the_room_asked_for(trained, call):
    def compiled(*room):
        told = call("compile", "--target", "cortex-m4", *room, "--out", f"b{len(room)}", "--json")
        assert told.code == 0, told.err
        content = json.loads(told.out)
        return content["inhibition"]["folded"], [use["used"] for use in content["uses"]]

    fastest, taken = compiled()
    assert fastest
    folded, bounded = compiled("--flash", str(taken[0] - 1), "--ram", "1 MiB")
    assert set(folded) < set(fastest)
    assert bounded[0] < taken[0]
    verified = call("verify", "b4", "--samples", 4, "--json")
    assert json.loads(verified.out)["counts"]["gap"] == 0


@pytest.mark.parametrize("option", ["--flash", "--ram"])
def test_room_that_is_no_size_or_too_small_is_refused(option, trained, refused):
    del trained
    refused("compile", "--target", "cortex-m4", option, "16kb", code=2, where=option,
            what="'16kb' is not a size", fix=f"as {option} 16KiB")  # fmt: skip
    refused("compile", "--target", "cortex-m4", option, "100B", code=1, where="target cortex-m4",
            what="of 100", fix="allow more")  # fmt: skip


def test_a_spec_that_keeps_more_than_there_is_is_refused(empty, refused):
    spec = SPEC.read_text().replace("ram_bytes = 131072", "ram_bytes = 2048")
    (empty / "small.toml").write_text(spec)
    refused(
        "targets", "check", "small.toml", code=1, where="small.toml",
        what="memory.reserved_ram_bytes = 2048 leaves nothing", fix="less than memory.ram_bytes",
    )  # fmt: skip


def test_what_has_no_effect_on_it_is_refused(build, refused):
    refused("compile", "--target", "cortex-m4", "--emit", "c", code=2, where="--emit c",
            what="is C in any case", fix="leave it out")  # fmt: skip
    refused("simulate", BUILD, "--executor", "rtl", code=2, where="--executor rtl",
            what="which rtl does not run", fix="choose one of integer")  # fmt: skip
    refused("sweep", "--target", "cortex-m4", code=2, where="--target cortex-m4",
            what="a sweep does not compare", fix="leave --target out")  # fmt: skip


def test_layers_are_folded_where_that_takes_fewer_instructions(trained, call):
    told = call("compile", "--target", "cortex-m0", "--inhibition", "auto", "--out", "b").out
    assert "instructions per inference, bytes of weights" in told
    said = json.loads((trained / "b/manifest.json").read_text())["inhibition"]
    assert said["form"] == "auto"
    assert said["folded"]
