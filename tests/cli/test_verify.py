"""compile --emit onnx, simulate --executor onnx and verify."""

import json
import shutil

import h5py
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from eideploy.backends import executor, families
from eideploy.backends.catalogue import EMITTED
from eideploy.backends.digital import executors
from eideploy.command_line.commands import COMMANDS, arguments
from tests.cli.support import BUILD, RUN, rehash
from tests.helpers.once import made_once
from tests.helpers.onnx_models import metadata_of

pytestmark = pytest.mark.usefixtures("without_rtl")
MODELS = ("model.onnx", "model.int.onnx")


@pytest.fixture(scope="session")
def emitted(finished, tmp_path_factory):
    """Return a build with both models, to be copied."""
    from eideploy.flow.compile import compile_run

    def make(place):
        compile_run(COMMANDS["compile"].request(finished / RUN, emit=("onnx",), out=place / "b"))

    return made_once(tmp_path_factory, "emitted", make) / "b"


@pytest.fixture
def onnx_build(emitted, trained):
    """Work in a folder with a finished run and a build with both models."""
    shutil.copytree(emitted, trained / "builds/b")
    return trained / "builds/b"


def rows(found):
    return {(row["artefact"], row["executor"]): row for row in json.loads(found.out)["rows"]}


def test_every_file_is_equal_in_every_program(onnx_build, call):
    found = call("verify", "--json")
    assert found.code == 0
    held = {key: r for key, r in rows(found).items() if not key[0].endswith((".nir", ".c"))}
    (openvino,) = (held.pop(key) for key in list(held) if key[1].startswith("OpenVINO"))
    assert openvino["result"] == "not run"  # E-I layers at int8 are too wide for it
    assert openvino["reason"].startswith("OpenVINO has no 64-bit integers, and ")
    assert {row["result"] for row in held.values()} == {"equal"}
    assert {artefact for artefact, _ in held} == {*MODELS, "integer.safetensors"}
    integer = [r for (artefact, _), r in held.items() if artefact != "model.onnx"]
    assert {(r["difference"], r["predictions"]) for r in integer} == {(0, 0)}
    assert sum(r["samples"] == 64 for r in held.values()) == 6
    assert "no gap: 7 comparisons, all equal" in call("verify").out


@pytest.mark.parametrize("division", ["pwl", "mitchell", "constant"])
def test_a_division_that_only_a_model_of_the_core_has_is_equal_in_every_program(
    division, trained, call
):
    options = "--target", "digital-model", "--division", division, "--emit", "onnx"
    assert call("compile", *options).code == 0
    found = call("verify", "--samples", 8, "--json")
    assert found.code == 0
    integer = [
        r
        for (artefact, by), r in rows(found).items()
        if artefact.startswith(("int", "model.int")) and not by.startswith("OpenVINO")
    ]
    assert [row["result"] for row in integer] == ["equal"] * 4


def test_a_build_without_models_is_verified_as_far_as_it_goes(built, call):
    found = call("verify", "-v")
    assert found.code == 0
    assert "the build has no model.onnx: eideploy compile --emit onnx writes it" in found.out
    assert "no gap: 1 comparison, all equal" in found.out


def change(path, name, by):
    model = onnx.load(path)
    for constant in model.graph.initializer:
        if constant.name.endswith(name):
            changed = numpy_helper.to_array(constant).copy()
            changed.flat[:] += by
            constant.CopyFrom(numpy_helper.from_array(changed, constant.name))
    onnx.save(model, path)


def test_a_model_that_computes_something_else_is_a_gap(onnx_build, call):
    change(onnx_build / "model.int.onnx", "conv1/w_excitation", by=1)
    rehash(onnx_build)
    found = call("verify", "--json")
    assert found.code == 1
    gaps = {key for key, row in rows(found).items() if row["result"] == "differs"}
    assert {artefact for artefact, _ in gaps} == {"model.int.onnx"}
    assert len(gaps) == 3
    assert (
        "3 gaps: files of this build differ from what they are compared with" in call("verify").out
    )
    simulated = call("simulate", "--executor", "onnx", "--samples", 20, "--json")
    assert simulated.code == 1
    assert json.loads(simulated.out)["logits_differing"] > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_damaged_model_is_refused_by_its_hash_and_failed_behind_it(onnx_build, call, model):
    data = bytearray((onnx_build / model).read_bytes())
    (onnx_build / model).write_bytes(data[: len(data) // 2])
    found = call("verify")
    assert found.code == 1
    assert f"error: {model} differs from what the manifest says was written" in found.err
    rehash(onnx_build)
    found = call("verify", "--json")
    assert found.code == 1
    failed = [
        r
        for (artefact, by), r in rows(found).items()
        if artefact == model and not by.startswith("OpenVINO")
    ]
    assert {r["result"] for r in failed} == {"failed"}
    assert all("is not a model of this build" in r["reason"] for r in failed)


def test_a_model_of_other_inputs_or_outputs_is_failed(onnx_build, call):
    path = onnx_build / "model.onnx"
    model = onnx.load(path)
    model.graph.input[0].name = "x"
    model.graph.node[0].input[0] = "x"
    onnx.save(model, path)
    rehash(onnx_build)
    found = call("verify", "--json")
    assert found.code == 1
    assert {r["result"] for (a, _), r in rows(found).items() if a == "model.onnx"} == {"failed"}


def test_what_is_not_installed_is_not_run_and_said(onnx_build, call, refused, monkeypatch):
    known = executor.installed
    monkeypatch.setattr(executor, "installed", lambda p: (p != "onnxruntime" and known(p)) or "")
    found = call("verify")
    assert found.code == 0
    assert "not run: model.int.onnx, onnxruntime not installed" in found.out
    assert "no gap: 3 comparisons, all equal" in found.out
    refused(
        "simulate", "--executor", "onnx", code=2,
        what="onnxruntime not installed", where="--executor onnx", fix="eideploy[onnx]",
    )  # fmt: skip


def test_models_cannot_be_written_without_the_package(trained, refused, monkeypatch):
    monkeypatch.setattr("eideploy.backends.formats.find_spec", lambda _: None)
    refused(
        "compile", "--emit", "onnx", code=2,
        what="onnx is not installed", where="--emit onnx", fix="eideploy[onnx]",
    )  # fmt: skip


def test_models_for_a_target_are_written_beside_those_of_the_core(trained, call):
    found = call("compile", "--target", "onnx", "--out", "builds/models")
    assert "onnx is written beside a chip's files: compiling for digital" in found.err
    assert (trained / "builds/models/model.int.onnx").is_file()


@pytest.mark.parametrize("shape", [(70, 1, 8, 8), (70, 4, 1, 8, 8)])
def test_onnxruntime_simulates_the_builds_file_and_saves_its_own_logits(
    onnx_build, call, samples, shape
):
    samples(*shape)
    options = ("simulate", onnx_build, "--input", "x.npy", "--save")
    shown = call(*options, "o.npz", "--executor", "onnx")
    assert "onnx: 0 logits and 0 predictions of 70 samples differ from the integer" in shown.out
    assert call(*options, "i.npz").code == 0
    np.testing.assert_array_equal(np.load("o.npz")["logits"], np.load("i.npz")["logits"])


@pytest.mark.parametrize("division", ["exact", "shift", "shift2"])
def test_onnxruntime_simulates_another_division_of_a_build_and_a_run(built, call, division):
    options = ("--executor", "onnx", "--division", division, "--samples", 40, "--json")
    for folder in (BUILD, RUN):
        found = json.loads(call("simulate", folder, *options).out)
        assert (found["executor"], found["division"]) == ("onnx", division)
        assert found["logits_differing"] == found["predictions_differing"] == 0


def test_onnxruntime_has_no_trace(built, refused):
    refused(
        "simulate", "--executor", "onnx", "--trace", "--save", "o.npz", code=2,
        what="--trace has no effect with --executor onnx", where="--trace", fix="integer or float",
    )  # fmt: skip


def test_a_model_says_what_it_was_made_from(onnx_build):
    manifest = json.loads((onnx_build / "manifest.json").read_text())
    for name in MODELS:
        said = metadata_of(onnx.load(onnx_build / name))
        assert said["division"] == "lut 8x8"
        assert json.loads(said["scheme"]) == manifest["scheme"]
        for file in ("circuit", "integer"):
            assert said[f"{file}_sha256"] == manifest["files"][f"{file}.safetensors"]


def test_verify_wants_a_build(trained, refused):
    refused("verify", code=2, what="there is no build", where="folder builds", fix="compile")
    refused("verify", RUN, code=2, what="the folder is a run", where=RUN, fix="name a build")


def test_the_options_are_what_the_code_knows():
    choices = {
        (name, argument.field.name): set(argument.field.words)
        for name, command in COMMANDS.items()
        for argument in arguments(command.request)
    }
    assert choices["compile", "emit"] == set(EMITTED)
    assert set(families.EXECUTORS) == {"integer", "float", "dpi", *executors.BESIDE}


def test_nir_files_are_run_in_nirtorch_and_a_changed_one_is_a_gap(trained, call):
    dialects = [f for d in ("ei", "folded", "plain") for f in ("--nir-dialect", d)]
    found = call("compile", "--emit", "nir", *dialects, "--out", "builds/n")
    assert "plain NIR  agrees with the network on" in found.out
    found = call("verify", "builds/n", "--json")
    assert found.code == 0
    made = {a: r for (a, by), r in rows(found).items() if by.startswith("nirtorch")}
    assert {a: (r["result"], r["predictions"]) for a, r in made.items()} == {
        "model.nir": ("equal", 0), "model.folded.nir": ("equal", 0), "model.plain.nir": ("equal", 0)
    }  # fmt: skip
    build = trained / "builds/n"
    with h5py.File(build / "model.plain.nir", "r+") as file:
        name = next(n for n, node in file["node/nodes"].items() if "bias" in node)
        file[f"node/nodes/{name}/bias"][:] = 3.0
    (build / "model.folded.nir").write_bytes(b"no HDF5")
    rehash(build)
    found = call("verify", "builds/n", "--json")
    assert found.code == 1
    results = {a: r["result"] for (a, by), r in rows(found).items() if by.startswith("nirtorch")}
    assert results["model.plain.nir"] == "differs"
    assert results["model.folded.nir"] == "failed"
