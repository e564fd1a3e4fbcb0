"""Every error says what is wrong, where, and what to do; exits with 1 or 2; and writes nothing."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from eideploy import shipped
from tests.cli.support import BUILD, RUN, TINY, rehash

SPEC = (shipped.folder("targets") / "digital/spec.toml").read_text()
SCHEME = (shipped.folder("quant") / "int8.toml").read_text()


@pytest.mark.parametrize("lut", ["8", "8x", "abc", "", "x8", "8.5bit", "-8bit", "99999bit"])
def test_what_names_no_table_is_refused(built, refused, lut):
    refused("simulate", f"--lut={lut}", code=2, what=f"{lut!r} describes no table", where="--lut",
            fix="write --lut 8bit")  # fmt: skip


@pytest.mark.parametrize("lut", ["0bit", "17bit", "0x8", "8x17", "8x0"])
def test_a_table_of_impossible_widths_is_refused(built, refused, lut):
    refused("simulate", "--lut", lut, code=2, what="must be in 1..16", where="--lut",
            fix="write --lut 8bit")  # fmt: skip


@pytest.mark.parametrize("command", ["compile", "simulate"])
def test_an_unknown_division_is_refused(built, refused, command):
    refused(command, "--division", "newton", code=2, what="no division is called 'newton'",
            where="--division", fix="exact, iterative, lut, pwl, shift, shift2")  # fmt: skip


def test_an_unknown_target_is_refused(trained, refused):
    refused("compile", "--target", "analog", code=2, what="no target is called 'analog'",
            where="--target", fix="digital, digital-large")  # fmt: skip
    refused("targets", "check", "analog", code=2, what="no target is called 'analog'",
            where="targets check", fix="digital, digital-large")  # fmt: skip
    refused("compile", "--target", "ulx3s", code=2, what="no target is called 'ulx3s'",
            where="--target", fix="choose one of ulx3s-25f, ulx3s-85f, or name")  # fmt: skip
    refused("compile", "--target", "ulx3s25f", code=2, what="no target is called 'ulx3s25f'",
            where="--target", fix="write ulx3s-25f")  # fmt: skip


def test_an_unknown_scheme_is_refused(trained, refused):
    refused("compile", "--scheme", "int7", code=2, what="no scheme is called 'int7'",
            where="--scheme", fix="choose one of int12")  # fmt: skip


def test_an_unknown_preset_or_setting_is_refused(empty, refused):
    refused("train", "digits-cnn", code=1, what="there is no preset digits-cnn", where="the preset",
            fix="digits-conv")  # fmt: skip
    refused("train", "--set", "training.epoch=3", code=1, what="there is no key training.epoch",
            where="--set", fix="training.epochs")  # fmt: skip
    refused("train", "--set", "training.epochs", code=2, what="sets nothing", where="--set",
            fix="training.epochs=VALUE")  # fmt: skip
    refused("train", "--set", "data.name=emnist", code=1, what="no data set emnist",
            where="data.name", fix="digits")  # fmt: skip


@pytest.mark.parametrize("widths", ['[8,"P",8,"P",8,"P",8,"P"]', "[]", '["P"]', "[2]", "8"])
def test_a_network_that_cannot_be_built_leaves_no_run(empty, refused, widths):
    refused("train", "--set", f"network.widths={widths}", code=1, what="", where="", fix="")


@pytest.mark.parametrize("command", ["compile", "simulate"])
def test_without_any_run_the_command_to_begin_one_is_named(empty, refused, command):
    refused(command, code=2, what="there is no run", where="folder runs", fix="eideploy train")


@pytest.mark.parametrize("command", ["compile", "simulate"])
def test_a_folder_that_is_not_there_is_refused_and_its_likes_are_named(built, refused, command):
    refused(command, "digits-conv-1", code=2, what="there is no such folder",
            where="digits-conv-1", fix=RUN)  # fmt: skip
    refused(command, RUN[:-2], code=2, what="there is no such folder", where=RUN[:-2], fix=RUN)
    kinds = "run" if command == "compile" else "run or a build"
    refused(command, "x" * 300, code=2, what="cannot be read: File name too long", where="xxx",
            fix=f"name the folder of a {kinds}, e.g. {RUN}")  # fmt: skip


def test_a_file_in_place_of_a_folder_is_refused(built, refused):
    refused("simulate", f"{BUILD}/manifest.json", code=2, what="that is a file, not a folder",
            where="manifest.json", fix="name")  # fmt: skip


def test_a_folder_that_is_neither_run_nor_build_is_refused(built, refused):
    refused("simulate", "runs", code=2, what="neither a run nor a build", where="runs",
            fix="train, import or compile")  # fmt: skip


def test_a_build_cannot_be_compiled(built, refused):
    refused("compile", BUILD, code=2, what="the folder is a build", where=BUILD, fix="name a run")


@pytest.mark.parametrize("command", ["compile", "simulate"])
def test_a_file_called_runs_is_refused(empty, refused, command):
    (empty / "runs").write_text("")
    refused(command, code=2, what="runs is a file", where=str(empty / "runs"), fix="rename")
    refused("train", *TINY, code=2, what="runs is a file", where="runs", fix="rename")


@pytest.mark.parametrize("command", ["compile", "simulate"])
def test_an_unfinished_run_is_refused_with_the_command_that_finishes_it(trained, refused, command):
    (trained / RUN / "manifest.json").unlink()
    fix = f"eideploy train --resume {RUN}"
    refused(command, RUN, code=1, what="the run is not finished", where=RUN, fix=fix)
    refused(command, code=2, what="there is no finished run", where="folder runs", fix=fix)


def test_resuming_what_is_not_unfinished_is_refused(built, refused):
    refused("train", "--resume", code=2, what="there is no unfinished run to resume",
            where="folder runs", fix="eideploy train")  # fmt: skip
    refused("train", "--resume", "nowhere", code=2, what="there is no such folder",
            where="nowhere", fix="name the folder")  # fmt: skip
    for folder in (RUN, BUILD):
        refused("train", "--resume", folder, code=2, what="so the run is finished",
                where=folder, fix="name the folder of an interrupted run")  # fmt: skip
    refused("train", "--resume", RUN, "--seed", 3, code=2, what="--seed has no effect on a run",
            where="--seed", fix="leave out --seed")  # fmt: skip


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def extend(path):
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("damage", [cut, flip, extend])
@pytest.mark.parametrize("file", ["circuit.safetensors", "checkpoint.safetensors", "config.toml"])
def test_a_changed_file_of_a_run_is_named(trained, refused, file, damage):
    damage(trained / RUN / file)
    for command in ("compile", "simulate"):
        refused(command, RUN, code=1, what=f"{file} differs from what the manifest says",
                where=file, fix="restore the file")  # fmt: skip


@pytest.mark.parametrize("damage", [cut, flip, extend])
@pytest.mark.parametrize("file", ["circuit.safetensors", "integer.safetensors", "target.toml"])
def test_a_changed_file_of_a_build_is_named(built, refused, file, damage):
    damage(built / BUILD / file)
    refused("simulate", BUILD, code=1, what=f"{file} differs from what the manifest says",
            where=file, fix="restore the file")  # fmt: skip


@pytest.mark.parametrize("file", ["circuit.safetensors", "integer.safetensors", "target.toml"])
def test_a_missing_file_of_a_build_is_named(built, refused, file):
    (built / BUILD / file).unlink()
    refused("simulate", BUILD, code=1, what=f"{file} is missing", where=BUILD, fix="restore")


def test_a_damaged_manifest_is_refused(built, refused):
    cut(built / BUILD / "manifest.json")
    refused("simulate", BUILD, code=1, what="the file is not JSON", where="manifest.json",
            fix="restore the file")  # fmt: skip


def edit(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "what", "fix"),
    [
        ({"version": 2}, "format version 2 is not the version 1", "make the file again"),
        ({"version": None}, "format version None is not the version 1", "make the file again"),
        ({"kind": "other"}, "the manifest is of kind 'other'", "name the folder of a run"),
        ({"files": []}, "the manifest lists no files", "restore"),
        ({"files": {}}, "the manifest does not list circuit.safetensors", "restore"),
    ],
)
def test_a_manifest_of_another_version_kind_or_content_is_refused(
    built, refused, changes, what, fix
):
    edit(built / BUILD, **changes)
    refused("simulate", BUILD, code=1, what=what, where="manifest.json", fix=fix)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "../manifest.json"])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(built, refused, name):
    files = json.loads((built / BUILD / "manifest.json").read_text())["files"]
    edit(built / BUILD, files={**files, name: "0"})
    refused("simulate", BUILD, code=1, what=f"names {name}, outside its folder",
            where="manifest.json", fix="do not use this folder")  # fmt: skip


def test_a_link_that_leads_out_of_the_folder_is_refused(built, refused):
    spec = built / BUILD / "target.toml"
    spec.rename(built / "elsewhere.toml")
    spec.symlink_to(built / "elsewhere.toml")
    refused("simulate", BUILD, code=1, what="outside its folder", where="manifest.json",
            fix="do not use this folder")  # fmt: skip


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000])
def test_a_manifest_that_names_no_possible_file_is_refused(built, refused, name):
    files = json.loads((built / BUILD / "manifest.json").read_text())["files"]
    edit(built / BUILD, files={**files, name: "0"})
    refused("simulate", BUILD, code=1, what="", where=BUILD, fix="restore the file")


def test_a_swapped_circuit_is_of_the_wrong_kind(built, refused):
    shutil.copy(built / RUN / "checkpoint.safetensors", built / RUN / "circuit.safetensors")
    rehash(built / RUN)
    refused("simulate", RUN, code=1, what="'training checkpoint', not 'eideploy circuit'",
            where="circuit.safetensors", fix="restore")  # fmt: skip


def array(**_):
    return np.full((3, 1, 8, 8), 0.5, np.float32)


@pytest.mark.parametrize(
    ("make", "what", "fix"),
    [
        (lambda: np.array([{}]), "not an .npy file", "numpy.save"),
        (lambda: np.array(["a"]), "does not hold an array of numbers", "numpy.save"),
        (lambda: np.float32(1), "does not hold an array of numbers", "numpy.save"),
        (lambda: array() * 1j, "does not hold an array of numbers", "numpy.save"),
        (lambda: array()[:0], "no samples", "numpy.save"),
        (lambda: array()[:, 0], "do not have the network's input shape", "(samples, 1, 8, 8)"),
        (lambda: array() * np.nan, "not finite", "remove them"),
        (lambda: array() * np.inf, "not finite", "remove them"),
        (lambda: -array(), "the samples range from -0.5 to -0.5", "no negative input"),
        (lambda: array() * 4, "the network takes 0 to 1", "scale them"),
        (lambda: np.zeros((2, 3, 1, 8, 8), np.float32), "input shape", "(samples, 4, 1, 8, 8)"),
    ],
)
def test_samples_that_do_not_fit_are_refused(built, refused, make, what, fix):
    np.save(built / "x.npy", make(), allow_pickle=True)
    refused("simulate", "--input", "x.npy", code=1, what=what, where="x.npy", fix=fix)
    refused("compile", "--calibrate-on", "x.npy", code=1, what=what, where="x.npy", fix=fix)


def test_a_fault_in_a_late_sample_is_found_before_the_work(built, refused):
    x = np.zeros((100, 1, 8, 8), np.float32)
    x[99, 0, 7, 7] = np.nan
    np.save(built / "x.npy", x)
    refused("simulate", "--input", "x.npy", code=1, what="not finite", where="x.npy", fix="remove")


def pickled(path):
    import pickle  # the attack itself

    path.write_bytes(pickle.dumps({"a": 1}))


def claiming_much(path):
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (1 << 61, 1 << 61)}
        np.lib.format.write_array_header_1_0(file, header)


def with_a_long_header(path):
    path.write_bytes(b"\x93NUMPY\x02\x00" + (1 << 31).to_bytes(4, "little") + b"{" * 1000)


@pytest.mark.parametrize(
    "make",
    [
        pickled,
        claiming_much,
        with_a_long_header,
        lambda p: (np.savez("z.npz", x=array()), Path("z.npz").rename(p)),
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(b"\x93NUMPY"),
        lambda p: p.write_bytes(b"\x93NUMPY\x01\x00\x05\x00{{{{{"),
        lambda p: (np.save(p, array()), cut(p)),
        lambda p: p.mkdir(),
    ],
)
def test_what_is_no_npy_file_is_refused_without_advice_to_load_it_unsafely(built, refused, make):
    make(built / "x.npy")
    refused("simulate", "--input", "x.npy", code=1, what="not an .npy file", where="x.npy",
            fix="numpy.save")  # fmt: skip


def test_a_missing_input_is_refused(built, refused):
    refused("simulate", "--input", "x.npy", code=1, what="the file does not exist", where="x.npy",
            fix="check the path")  # fmt: skip
    (built / "samples.npy").touch()
    for slip in ("sample.npy", "samples.npz"):
        refused("simulate", "--input", slip, code=1, what="the file does not exist", where=slip,
                fix="name samples.npy")  # fmt: skip


def test_a_result_that_cannot_be_kept_is_refused_before_the_work(built, refused, samples):
    samples(2, 1, 8, 8)
    refused("simulate", "--input", "x.npy", "--save", "x.npy", code=1,
            what="would replace x.npy", where="x.npy", fix="another file")  # fmt: skip
    np.save("y.npy", np.zeros(2, int))
    refused("simulate", "--input", "x.npy", "--labels", "y.npy", "--save", "y.npy", code=1,
            what="would replace y.npy", where="y.npy", fix="another file")  # fmt: skip
    refused("simulate", "--save", f"{BUILD}/manifest.json", code=1,
            what="a finished run or build", where=BUILD, fix="a file elsewhere")  # fmt: skip
    refused("simulate", "--save", "no/o.npz", code=1, what="there is no folder", where="no",
            fix="make the folder")  # fmt: skip
    refused("simulate", "--save", "x" * 300, code=1, what="cannot write: File name too long",
            where="xxx", fix="another file")  # fmt: skip
    refused("simulate", "--save", "runs", code=1, what="that is a folder", where="runs",
            fix="name a file")  # fmt: skip


def test_options_that_contradict_each_other_are_refused(built, refused, samples):
    samples(2, 1, 8, 8)
    refused("simulate", "--trace", code=2, what="needs a file to write to", where="--trace",
            fix="--save")  # fmt: skip
    refused("simulate", "--lut", "8bit", "--division", "lut", code=2, what="both choose how",
            where="--lut, --division", fix="leave one of them out")  # fmt: skip
    refused("train", "--seed", 1, "--set", "seed=2", code=2, what="seed is set twice, to 1 and",
            where="--seed, --set seed", fix="leave out one")  # fmt: skip


def test_an_output_folder_that_exists_is_refused(built, refused):
    for command in (("compile",), ("train", *TINY)):
        refused(*command, "--out", RUN, code=1, what="the output folder exists already", where=RUN,
                fix="--out")  # fmt: skip


def test_an_output_that_cannot_be_written_is_refused(built, refused):
    (built / "file").write_text("")
    for command in (("compile",), ("train", *TINY)):
        refused(*command, "--out", "file/x", code=1, what="cannot write: Not a directory",
                where="file/x", fix="a writable folder")  # fmt: skip


def test_a_network_that_does_not_fit_the_core_is_refused_with_every_memory(trained, refused):
    small = SPEC.replace("weight_rows = 16384", "weight_rows = 10").replace(
        "membrane_words = 65536", "membrane_words = 20"
    )
    (trained / "small.toml").write_text(small)
    for what in ("weight rows: 554 of 10", "membrane words: 640 of 20"):
        refused("compile", "--target", "small.toml", code=1, what=what, where="target digital",
                fix="train a smaller network")  # fmt: skip


def test_numbers_too_wide_for_the_core_are_refused(trained, refused):
    (trained / "narrow.toml").write_text(SPEC.replace("accumulator = 40", "accumulator = 12"))
    refused("compile", "--target", "narrow.toml", code=1, what="12 offered",
            where="[widths]", fix="or a target with accumulator = ")  # fmt: skip


def test_a_division_that_the_target_lacks_is_refused_with_those_it_has(trained, refused):
    head, _, _ = SPEC.partition("[divider.exact]")
    (trained / "t.toml").write_text(head + "[divider.shift]\ninterval = 1\nlatency = 5\n")
    refused("compile", "--target", "t.toml", code=1, what="cannot divide by lut",
            where="target digital", fix="choose one of shift")  # fmt: skip


def test_values_with_commas_between_are_answered_by_how_several_are_written(refused):
    refused("compile", "--emit", "c,onnx", code=2, what="'c,onnx', which is none of",
            where="eideploy compile", fix="write --emit c --emit onnx")  # fmt: skip


def test_a_target_without_any_divider_or_backend_is_refused(trained, refused):
    head, _, _ = SPEC.partition("[divider.exact]")
    (trained / "t.toml").write_text(head)
    refused("compile", "--target", "t.toml", code=1, what="divider is missing", where="t.toml",
            fix="set divider")  # fmt: skip
    (trained / "b.toml").write_text(SPEC.replace('backend = "digital"', 'backend = "vlsi"'))
    for command in (("compile", "--target", "b.toml"), ("targets", "check", "b.toml")):
        refused(*command, code=1, what="no backend is called 'vlsi'", where="b.toml, key backend",
                fix="write one of digital")  # fmt: skip


def test_a_spec_cannot_lead_the_build_out_of_its_folder(trained, refused):
    (trained / "t.toml").write_text(SPEC.replace('name = "digital"', 'name = "../../x"'))
    (trained / "s.toml").write_text(SCHEME.replace('name = "int8"', 'name = "a/b"'))
    refused("compile", "--target", "t.toml", code=1, what="name = '../../x'", where="t.toml",
            fix="give name a word of at most 64 letters")  # fmt: skip
    refused("compile", "--scheme", "s.toml", code=1, what="name = 'a/b'", where="s.toml",
            fix="give name a word of at most 64 letters")  # fmt: skip


def test_an_imported_network_needs_samples(trained, refused):
    edit(trained / RUN, data=None)
    refused("compile", code=2, what="has no data to calibrate on", where=RUN,
            fix="--calibrate-on")  # fmt: skip
    refused("simulate", code=2, what="has no data set", where=RUN, fix="--input")
    refused("sweep", code=2, what="has no data set to compare on", where=RUN, fix="--input")


def test_an_import_that_is_none_is_refused(empty, refused):
    refused("import", "x.pth", code=1, what="missing", where="x.pth", fix="check the path")
    (empty / "x.pth").write_bytes(b"\x80\x04junk")
    refused("import", "x.pth", code=1, what="the file is damaged", where="x.pth", fix="download")


@pytest.mark.parametrize(
    "argv",
    [
        ("--bogus",), ("trian",), ("simulate", "--samples", "0"), ("simulate", "--samples", "x"),
        ("simulate", "--samples", "9" * 5000), ("train", "--seed", "abc"), ("targets", "check"),
        ("simulate", "--split", "x"),
        ("compile", "--zero-policy", "x"), ("simulate", "a", "b"),
    ],
)  # fmt: skip
def test_misuse_is_answered_with_what_to_do_and_2(empty, call, argv):
    found = call(*argv)
    assert found.code == 2
    assert found.out == ""
    what, where, fix = found.err.splitlines()
    assert what.startswith("error: ")
    assert where.startswith("  where: eideploy")
    assert fix.endswith("--help lists all")


@pytest.mark.parametrize(
    ("argv", "where", "fix"),
    [
        (("trian",), "eideploy", "write train; eideploy --help"),
        (("compile", "--sceme", "int4"), "eideploy compile", "write --scheme; eideploy compile"),
        (("train", "--bogus", "2"), "eideploy train", "settings are changed by --set KEY=VALUE"),
        (("simulate", "--executor", "onx"), "eideploy simulate", "write onnx; "),
        (("report", "--samples"), "eideploy report", "write --samples N; eideploy report --help"),
        (("targets", "chek", "x"), "eideploy targets", "write check; "),
        (("data", "pets"), "eideploy data", "write eideploy data check pets; "),
        (("board", "start"), "eideploy board", "choose one of build, flash, run, "),
    ],
)  # fmt: skip
def test_a_slip_of_the_fingers_is_answered_with_what_was_meant(empty, call, argv, where, fix):
    found = call(*argv)
    assert found.code == 2
    assert f"  where: {where}\n" in found.err
    assert fix in found.err


@pytest.mark.parametrize(
    ("name", "meant"), [("digits-covn", "digits-conv"), ("digits-dynapse", "digits-dynapse2")]
)
def test_a_preset_is_found_by_a_name_that_is_close(refused, name, meant):
    refused(
        "train", name, code=1, what=f"no preset {name}", where="the preset", fix=f"write {meant}"
    )
