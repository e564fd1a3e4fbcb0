"""compile writes the core, simulate --executor rtl and verify run it."""

import json
import shutil

import pytest

from eideploy.backends.digital.rtl import tools
from tests.cli.support import BUILD, RUN, rehash


def test_a_build_holds_the_core_and_its_manifest_vouches_for_it(built):
    listed = json.loads((built / BUILD / "manifest.json").read_text())["files"]
    places = {name.partition("/")[0] for name in listed}
    assert {"rtl", "tb", "images", "words.txt", "Makefile", "README.md"} <= places


@pytest.mark.rtl
def test_simulate_and_verify_find_no_difference(built, call):
    found = call("simulate", "--executor", "rtl", "--samples", 8, "--json")
    assert found.code == 0
    said = json.loads(found.out)["rtl"]
    assert said["differences"].pop("samples") == 8
    assert set(said["differences"].values()) == {0}
    assert said["cycles_per_inference"] == sum(said["cycles_per_stage"].values())
    shown = call("simulate", "--executor", "rtl", "--samples", 8)
    assert "8 samples: 0 spikes, 0 membranes, 0 logits, 0 cycle counts differ" in shown.out
    verified = call("verify", "--json")
    assert verified.code == 0
    rows = {row["artefact"]: row for row in json.loads(verified.out)["rows"]}
    assert (rows["images/*.hex"]["result"], rows["images/*.hex"]["samples"]) == ("equal", 16)


@pytest.mark.rtl
def test_a_weight_that_was_changed_is_found(built, call):
    image = built / BUILD / "images/weight.hex"
    lines = image.read_text().splitlines()
    image.write_text("\n".join(["ff" * (len(line) // 2) for line in lines]) + "\n")
    refused = call("simulate", "--executor", "rtl", "--samples", 2)
    assert refused.code == 1
    assert "images/weight.hex differs from what the manifest says" in refused.err
    rehash(built / BUILD)
    found = call("simulate", "--executor", "rtl", "--samples", 2, "--json")
    assert found.code == 1
    assert json.loads(found.out)["rtl"]["differences"]["membranes"] > 0
    assert call("verify").code == 1


@pytest.fixture
def own_rtl(built):
    """Return a copy of a build's SystemVerilog, and what changes a file of it."""
    folder = shutil.copytree(built / BUILD / "rtl", built / "mine")

    def change(name, old, new):
        path = folder / f"eideploy_{name}.sv"
        text = path.read_text()
        assert text.count(old) == 1
        path.write_text(text.replace(old, new))

    return change


@pytest.mark.rtl
def test_systemverilog_that_was_changed_is_verified(own_rtl, call):
    own_rtl("neuron", "u >= limit", "u < limit")
    found = call("verify", BUILD, "--rtl", "mine", "--samples", 2)
    assert found.code == 1
    assert "images/*.hex  mine in Verilator, every spike and cycle  failed" in found.out
    assert "the core differs, first at sample 0, time step 0, layer " in found.out
    assert found.out.splitlines()[-1] == "1 gap: what was run differs from the simulator"
    own_rtl("neuron", "u < limit", "u >= limit && 1'b1")
    alike = call("verify", BUILD, "--rtl", "mine", "--samples", 2, "--json")
    assert alike.code == 0
    said = json.loads(alike.out)
    assert [(row["result"], row["samples"]) for row in said["rows"]] == [("equal", 2)]
    assert said["files"] == []


@pytest.mark.rtl
def test_systemverilog_that_is_none_is_said_with_the_simulators_lines(own_rtl, call):
    own_rtl("scale", "endmodule", "endmodul")
    own_rtl("lanes", "endmodule", "endmodul")
    found = call("verify", BUILD, "--rtl", "mine", "--samples", 2)
    assert found.code == 1
    assert "the core cannot be built: %Error: rtl/eideploy_lanes.sv:" in found.out
    assert "Traceback" not in found.out + found.err


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["nowhere", "runs"])
def test_a_folder_without_a_core_is_refused(name, refused):
    refused(
        "verify", BUILD, "--rtl", name, code=2, what=f"{name} has no eideploy_pkg.sv",
        where="--rtl", fix="name a folder with the files of the build's rtl/, e.g. a copy of it",
    )  # fmt: skip


def test_without_the_tools_the_error_names_the_packages(built, refused, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)
    refused(
        "simulate", "--executor", "rtl", code=2, what="verilator and make and g++ not installed",
        where="--executor rtl", fix="apt install g++ make verilator",
    )  # fmt: skip


def test_a_spec_that_the_systemverilog_cannot_be_is_compiled_without_it(trained, call, tmp_path):
    from eideploy.target import load_target

    spec = load_target("digital").source.read_text()
    (tmp_path / "spec.toml").write_text(spec.replace("accumulate = 7 ", "accumulate = 3 "))
    assert call("compile", RUN, "--target", tmp_path / "spec.toml", "--out", "b").code == 0
    assert not (trained / "b/rtl").exists()
    assert "latency.accumulate = 3, the pipeline takes 7" in (trained / "b/README.md").read_text()
