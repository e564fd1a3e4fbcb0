"""A build's files are data: nothing of it is run, and whatever is not as written is told."""

import json
import os
import shutil
from pathlib import Path

import h5py
import pytest

from eideploy.backends import families
from eideploy.backends.digital.family import Digital
from eideploy.emitted import Emitted
from eideploy.target import load_target
from tests.backends.dynapse2.networks import finished_run
from tests.cli.support import BUILD, RUN, listing, rehash

CHIP_BUILD = Path("builds/chip-1-dynapse2-1")
HARMED = "harmed"  # what a file writes that should not have been run


@pytest.fixture
def chip(empty, call):
    """Work in a folder with a build for the chip."""
    finished_run(Path("runs/chip-1"))
    assert call("compile", "--target", "dynapse2").code == 0
    return empty / CHIP_BUILD


@pytest.fixture
def files(call):
    """Return a function that verifies a build and gives its exit code and files by name."""

    def verify(build):
        found = call("verify", build, "--json")
        assert found.out, found.err
        said = json.loads(found.out)
        assert said["equal"] == (found.code == 0)
        items = {item["file"]: (item["state"], item["said"]) for item in said["files"]}
        assert sum(said["counts"].values()) == len(items) == len(said["files"])
        on_disk = {name for name, data in listing(Path(build)).items() if data is not None}
        assert on_disk <= set(items)
        return found.code, items

    return verify


def unlist(build, *names):
    path = build / "manifest.json"
    content = json.loads(path.read_text())
    for name in names:
        del content["files"][name]
    path.write_text(json.dumps(content))


def list_also(build, *names):
    path = build / "manifest.json"
    content = json.loads(path.read_text())
    content["files"] |= dict.fromkeys(names)
    path.write_text(json.dumps(content))
    rehash(build)


def states(items):
    return {name for name, (state, _) in items.items() if state == "gap"}


# what is in a build


@pytest.mark.usefixtures("without_rtl")
def test_every_file_of_a_build_is_in_the_matrix(trained, call, files):
    dialects = [f for d in ("ei", "folded", "plain") for f in ("--nir-dialect", d)]
    call("compile", "--emit", "onnx", "--emit", "nir", *dialects, "--out", "b")
    assert call("report", "b", "--samples", 20).code == 0
    code, items = files("b")
    assert code == 0
    verified = {name for name, (state, _) in items.items() if state == "verified"}
    assert verified >= {
        "Makefile", "integer.safetensors", "integer.txt", "model.int.onnx", "model.nir",
        "model.onnx", "model.plain.nir", "program.json", "rtl/eideploy_pkg.sv", "tb/shape.h",
        "images/weight.hex", "words.txt",
    }  # fmt: skip
    left = {name: item for name, item in items.items() if name not in verified}
    assert {name: state for name, (state, _) in left.items()} == {
        "README.md": "documentation",
        **dict.fromkeys(
            (
                "circuit.safetensors", "manifest.json", "passes.json", "report.html",
                "report.json", "target.toml",
            ),
            "not checked",
        ),
    }  # fmt: skip
    assert left["report.html"][1] == "written by eideploy report"
    assert left["circuit.safetensors"][1] == "the float network, which the others are compared with"
    shown = call("verify", "b").out
    total = len(items)
    assert shown.splitlines()[-1] == (
        f"no gap: 10 comparisons, all equal; of {total} files {total - 7} verified, "
        "1 documentation, 6 not checked"
    )
    sources = sum(name.startswith("rtl/") for name in items)
    assert f"  rtl/ ({sources} files)      verified       writing it again\n" in shown


@pytest.mark.usefixtures("without_rtl")
def test_a_core_with_a_name_of_its_own_is_verified(trained, call, files):
    call("compile", "--module", "left", "--out", "b")
    code, items = files("b")
    assert code == 0
    assert items["rtl/left_core.sv"][0] == items["rtl/left_pkg.sv"][0] == "verified"
    assert not [name for name in items if "eideploy_" in name]


@pytest.mark.parametrize("name", ["", "9left", "Left", "left core", "l" * 33])
def test_what_no_module_can_be_called_is_refused(name, trained, call):
    refused = call("compile", "--module", name, "--out", "b")
    assert refused.code == 2
    assert f"{name!r} cannot begin the name of a module" in refused.err
    assert not Path("b").exists()


def test_every_file_of_a_build_for_the_chip_is_in_the_matrix(chip, call, files):
    code, items = files(CHIP_BUILD)
    assert code == 0
    assert {name for name, (state, _) in items.items() if state == "verified"} == {
        "model.nir",
        *(f"dynapse2/{name}" for name in (
            "input_events.csv", "load.py", "mapping.json", "merge.py", "neurons.csv", "patch.json",
            "characterise.py", "patchfile.py", "results.py", "session.py", "view.py",
        )),
    }  # fmt: skip
    assert items["dynapse2/patch.json"][1] == (
        "writing it again; mapping the network again; load.py check"
    )
    assert items["dynapse2/README.md"] == ("documentation", "")
    assert "of 16 files 12 verified, 1 documentation, 3 not checked" in call("verify").out


@pytest.fixture
def new_backend(trained, call, monkeypatch):
    """Compile for a backend that writes files of its own beside the core's."""

    class New(Digital):
        name = "new"

        @property
        def files(self):
            return (*super().files, Emitted("net/notes.md", "documentation"))

        def emit(self, program, folder, content):
            super().emit(program, folder, content)
            (folder / "net").mkdir()
            (folder / "net/net.bin").write_bytes(b"of a program")
            (folder / "net/notes.md").write_text("what it is")

    known = families.named
    monkeypatch.setattr(families, "named", lambda name: New() if name == "new" else known(name))
    spec = load_target("digital").source.read_text()
    Path("spec.toml").write_text(spec.replace('backend = "digital"', 'backend = "new"'))
    assert call("compile", RUN, "--target", "spec.toml", "--out", "b").code == 0


@pytest.mark.usefixtures("without_rtl", "new_backend")
def test_a_file_that_nobody_runs_is_not_checked(files):
    code, items = files("b")
    assert code == 0
    assert items["net/net.bin"] == ("not checked", "its backend declares nothing that checks it")
    assert items["net/notes.md"] == ("documentation", "")


@pytest.mark.usefixtures("without_rtl")
def test_a_program_that_is_not_installed_verifies_nothing(trained, call, files, monkeypatch):
    call("compile", "--emit", "onnx", "--out", "b")
    monkeypatch.setattr("eideploy.backends.executor.installed", lambda _: "")
    code, items = files("b")
    assert code == 0
    assert items["model.onnx"] == (
        "not checked", "onnxruntime and onnx not installed; onnx not installed"
    )  # fmt: skip


# what does not belong there


@pytest.mark.usefixtures("without_rtl")
@pytest.mark.parametrize("listed", [False, True])
def test_what_eideploy_did_not_write_is_a_gap(built, files, listed):
    build, of_no_kind = built / BUILD, {"GNUmakefile", "notes.txt", ".hidden/run"}
    names = {*of_no_kind, "rtl/zz.sv", "images/more.hex", "tb/a\nb.h"}
    for name in names:
        (build / name).parent.mkdir(exist_ok=True)
        (build / name).write_text("")
    if listed:
        list_also(build, *names)
    code, items = files(BUILD)
    assert (code, states(items)) == (1, names)
    for name in of_no_kind:  # that a backend writes
        assert items[name][1] == "eideploy did not write it: move it elsewhere"


@pytest.mark.usefixtures("without_rtl")
def test_a_file_that_the_manifest_does_not_list_is_a_gap(built, files):
    names = {"rtl/eideploy_core.sv", "Makefile", "images/gain.hex", "program.json"}
    unlist(built / BUILD, *names)
    code, items = files(BUILD)
    assert (code, states(items)) == (1, names)
    assert {items[name][1] for name in names} == {"the manifest does not list it"}
    for name in names:
        (built / BUILD / name).unlink()
    code, items = files(BUILD)
    assert code == 1
    assert {items[name] for name in names} == {("gap", "it is missing")}


@pytest.mark.usefixtures("without_rtl")
def test_what_make_leaves_in_a_build_is_no_gap_and_told(built, files):
    for name in ("obj/testbench", "trace/logits.hex"):
        (built / BUILD / name).parent.mkdir()
        (built / BUILD / name).write_text("")
    code, items = files(BUILD)
    assert code == 0
    assert items["obj/testbench"][0] == "not checked"
    assert "run make clean first if it is not yours" in items["obj/testbench"][1]


@pytest.mark.usefixtures("without_rtl")
def test_a_readme_of_another_release_is_documentation_still(built, files):
    (built / BUILD / "README.md").write_text("of another release")
    rehash(built / BUILD)
    code, items = files(BUILD)
    assert code == 0
    assert items["README.md"][0] == "documentation"
    assert "not what eideploy" in items["README.md"][1]


@pytest.mark.usefixtures("without_rtl")
def test_a_build_of_the_same_version_may_be_of_another_state_of_it(built, call):
    path = built / BUILD / "rtl/eideploy_lanes.sv"
    path.write_text(path.read_text() + "// as an earlier state wrote it\n")
    rehash(built / BUILD)
    found = call("verify")
    assert found.code == 1
    assert "where nobody changed these files, compile the run again" in found.out


@pytest.mark.usefixtures("without_rtl")
def test_gaps_of_a_build_by_another_release_say_what_to_do(built, call):
    path = built / BUILD / "manifest.json"
    path.write_text(path.read_text().replace('"eideploy": "', '"eideploy": "0.0.'))
    assert "compile the run again" not in call("verify").out
    (built / BUILD / "rtl/eideploy_lanes.sv").write_text("module eideploy_lanes; endmodule")
    rehash(built / BUILD)
    found = call("verify")
    assert found.code == 1
    assert "made it; compile the run again to compare with" in found.out
    assert "1 gap: this build is not what eideploy writes; of " in found.out


@pytest.mark.usefixtures("without_rtl")
def test_a_link_within_a_build_is_a_gap(built, files):
    build, links = built / BUILD, {"more": "/etc", "trace/x": "nowhere"}
    (build / "trace").mkdir()
    for name in ("Makefile", "images"):
        links[name] = f"trace/{name}"
        (build / name).rename(build / links[name])
    for name, target in links.items():
        (build / name).symlink_to(target)
    code, items = files(BUILD)
    assert code == 1
    assert {items[name] for name in links} == {("gap", "that is a link, and eideploy writes none")}


def test_a_link_out_of_a_build_is_refused(built, call, tmp_path_factory):
    build, elsewhere = built / BUILD, tmp_path_factory.mktemp("elsewhere")
    shutil.move(build / "images", elsewhere / "images")
    (build / "images").symlink_to(elsewhere / "images")
    refused = call("simulate", "--executor", "rtl")
    assert (refused.code, refused.out) == (1, "")
    for image in (elsewhere / "images").iterdir():
        assert f"the manifest names images/{image.name}, outside its folder" in refused.err
    assert "fix:   do not use this folder: it was tampered with" in refused.err


# what would run


def plant(build, texts, *, listed):
    """Write files into a build, with a manifest that vouches for them or does not know them."""
    for name, text in texts.items():
        (build / name).write_text(text)
    list_also(build, *texts)
    if not listed:
        unlist(build, *texts)


ATTACKS = {
    "Makefile": "X := $(shell touch HARMED)\n",
    "GNUmakefile": "X := $(shell touch HARMED)\n",
    "tb/testbench.cpp": 'const int harmed = std::system("touch HARMED");\n',
    "rtl/eideploy_core.sv": 'initial $system("touch HARMED");\n',
    "rtl/eideploy_pkg.sv": '`include "HARMED"\n',
}


@pytest.mark.rtl
@pytest.mark.parametrize("listed", [False, True])
def test_nothing_of_a_build_is_made_or_run(built, call, files, listed):
    build, texts = built / BUILD, {}
    for name, attack in ATTACKS.items():
        before = (build / name).read_text() if (build / name).exists() else ""
        text = attack.replace("HARMED", str(built / HARMED))
        if name == "rtl/eideploy_core.sv":
            texts[name] = before.replace("endmodule", f"{text}endmodule")
        elif name == "tb/testbench.cpp":
            texts[name] = before + text
        else:
            texts[name] = text + before
    plant(build, texts, listed=listed)
    found = call("simulate", "--executor", "rtl", "--samples", 4, "--json")
    assert found.code == 0
    assert json.loads(found.out)["rtl"]["differences"]["membranes"] == 0
    code, items = files(BUILD)
    assert (code, states(items)) == (1, {*ATTACKS})
    assert items["images/weight.hex"][0] == "verified"
    assert call("report", "--samples", 10, "--verify").code == 0
    assert not (built / HARMED).exists()


@pytest.mark.rtl
def test_a_core_that_fakes_its_results_is_not_asked(built, call, files):
    """Its testbench would say what is expected, whatever stands in the memories."""
    build = built / BUILD
    plant(build, {"tb/testbench.cpp": "int main() { return 0; }"}, listed=True)
    image = build / "images/weight.hex"
    image.write_text("".join("f" * len(line) + "\n" for line in image.read_text().splitlines()))
    rehash(build)
    assert call("simulate", "--executor", "rtl", "--samples", 2).code == 1
    code, items = files(BUILD)
    assert code == 1
    assert states(items) >= {"tb/testbench.cpp", "images/weight.hex"}
    assert "the core differs" in items["images/weight.hex"][1]


@pytest.mark.rtl
@pytest.mark.parametrize("path", ["a space", "quote's $(touch harmed)", "-o"])
def test_a_build_may_lie_in_any_folder(built, call, path):
    shutil.move(built / BUILD, built / path)
    found = call("simulate", f"./{path}", "--executor", "rtl", "--samples", 2)
    assert found.code == 0
    assert not (built / HARMED).exists()


@pytest.mark.rtl
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "0" * 8 + "\n",
        lambda text: text.replace("0", "g", 1),
        lambda text: text.replace("\n", "0", 1),
        lambda text: text.partition("\n")[2],
        lambda _: "",
    ],
)
def test_an_image_of_other_rows_or_digits_is_refused(built, call, refused, change):
    path = built / BUILD / "images/weight.hex"
    path.write_text(change(path.read_text()))
    rehash(built / BUILD)
    refused(
        "simulate", "--executor", "rtl", "--samples", 2, code=1, where="images/weight.hex",
        what="weight.hex has other rows or digits than the program's memory", fix="restore",
    )  # fmt: skip
    assert "failed: images/*.hex, weight.hex has other rows" in call("verify").out


@pytest.mark.rtl
@pytest.mark.parametrize("row", ["0" * 7 + "1", "0" * 8])
def test_a_program_that_never_ends_is_stopped(built, call, row):
    """Its image is well-formed: only the core's simulator can tell."""
    path = built / BUILD / "images/program.hex"
    path.write_text("".join("f" * len(line) + "\n" for line in path.read_text().splitlines()))
    steps = built / BUILD / "images/steps.hex"
    steps.write_text(row[-len(steps.read_text().strip()) :] + "\n")
    rehash(built / BUILD)
    found = call("simulate", "--executor", "rtl", "--samples", 2)
    assert found.code == 1
    assert "error: " in found.err
    assert f"where: {BUILD}" in found.err


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "lanes = 8 ",
            "lanes = 1099511627776 ",
            "core.lanes = 1099511627776 is outside",
        ),
        ("weight_rows = ", "weight_rows = 9", "memory.weight_rows = "),
        ("align = ", "align = 99", "widths.align = 99"),
        (
            "accumulate = 7 ",
            "accumulate = 70000 ",
            "latency.accumulate = 70000 is outside",
        ),
    ],
)
def test_a_spec_beyond_all_reason_is_refused(built, call, old, new, said):
    path = built / BUILD / "target.toml"
    text = path.read_text()
    assert old in text
    if old == "weight_rows = ":
        new += "9" * 12
    path.write_text(text.replace(old, new, 1))
    rehash(built / BUILD)
    for command in (("simulate", "--executor", "rtl"), ("verify",)):
        found = call(*command)
        assert found.code == 1
        assert said in found.err


@pytest.mark.usefixtures("without_rtl")
def test_memories_that_no_machine_has_are_refused(built, call):
    path = built / BUILD / "target.toml"
    depths = ("weight_rows", "spike_rows", "membrane_words", "parameter_words")
    text = "\n".join(
        f"{line.split()[0]} = {1 << 32}" if line.startswith(depths) else line
        for line in path.read_text().splitlines()
    )
    path.write_text(text)
    rehash(built / BUILD)
    found = call("verify")
    assert found.code == 1
    assert "the memories have" in found.err


# the loader of a board


def imports(harmed):
    return f"from pathlib import Path\nPath({str(harmed)!r}).touch()\n"


PLANTED = ("argparse.py", "csv.py", "load.py", "merge.py", "session.py", "sitecustomize.py")


@pytest.mark.parametrize("listed", [False, True])
def test_no_python_of_a_build_is_run(chip, files, monkeypatch, listed):
    harmed, names = chip.parent / HARMED, {f"dynapse2/{name}" for name in PLANTED}
    plant(chip, dict.fromkeys(names, imports(harmed)), listed=listed)
    monkeypatch.setenv(
        "PYTHONPATH", f"{chip / 'dynapse2'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    )
    monkeypatch.chdir(chip / "dynapse2")
    code, items = files(chip)
    assert (code, states(items)) == (1, names)
    assert items["dynapse2/patch.json"][0] == "verified"
    assert not harmed.exists()


def test_what_python_left_beside_the_loader_is_told(chip, files):
    cache = chip / "dynapse2/__pycache__"
    cache.mkdir()
    (cache / "merge.cpython-311.pyc").write_bytes(b"")
    code, items = files(chip)
    assert code == 0
    said = items["dynapse2/__pycache__/merge.cpython-311.pyc"][1]
    assert "remove it before load.py is run" in said


# names that become code


@pytest.mark.usefixtures("without_rtl")
def test_names_in_a_nir_file_are_not_run(trained, call, files):
    """nirtorch makes Python code of the names of nodes."""
    call("compile", "--emit", "nir", "--out", "b")
    harm = 'training") and getattr(__import__("os"), "mkdir")("harmed") or str("'
    with h5py.File("b/model.nir", "r+") as file:
        nodes, edges = file["node/nodes"], file["node/edges"]
        old = next(name for name in nodes if name.endswith("excitatory"))
        nodes.move(old, harm)
        edges[:] = [[harm.encode() if end.decode() == old else end for end in e] for e in edges[:]]
    rehash(Path("b"))
    code, items = files("b")
    assert code == 1
    assert items["model.nir"][0] == "gap"
    assert "is not of letters, digits, _, . and -" in items["model.nir"][1]
    assert not Path(HARMED).exists()
