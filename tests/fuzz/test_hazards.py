"""Files made to harm: each hazard by itself, through the command that would read it.

What is changed at random is in test_readers.py; here stands what a person would think of: archives
that unpack to far more than they weigh, headers that promise 100 GB, code in data, paths and
links that lead out of a folder, and files that are none.
"""

import json
import os
import pickle
import shutil
import socket
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from eideploy import cli
from tests.cli.support import BUILD, RUN, listing, rehash
from tests.fuzz.archives import Payload, npy, npy_header, zip_bomb
from tests.fuzz.mutations import HUGE
from tests.fuzz.test_readers import MOST_BYTES, in_time, memory

ARGV = {
    "config": ("train", "{}.toml"),
    "scheme": ("compile", RUN, "--scheme", "{}.toml"),
    "target": ("compile", RUN, "--target", "{}.toml"),
    "spec": ("targets", "check", "{}.toml"),
    "samples": ("simulate", BUILD, "--input", "{}.npy"),
    "calibration": ("compile", RUN, "--calibrate-on", "{}.npy"),
    "pth": ("import", "{}.pth"),
    "tensors": ("import", "{}.safetensors"),
    "NIR": ("import", "{}.nir"),
}


def refused(capsys, argv):
    """Require a stated error in bounded time and memory, and nothing written or run."""
    before = listing_of_names()
    Path("/proc/self/clear_refs").write_text("5")
    held = memory("VmRSS")
    with in_time():
        assert cli.main(list(argv)) in (1, 2)
    assert memory("VmHWM") - held < MOST_BYTES
    told = capsys.readouterr().err
    assert "error: " in told
    assert "  fix:   " in told
    assert listing_of_names() == before
    assert not Path("ran").exists()
    return told


def listing_of_names():
    return sorted(path.as_posix() for path in Path().rglob("*"))


def listening(path):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


NO_FILE = {
    "pipe": os.mkfifo, "folder": Path.mkdir, "loop": lambda path: path.symlink_to(path.name),
    "device": lambda path: path.symlink_to("/dev/zero"), "socket": listening,
    "nothing": lambda _: None, "empty": Path.touch,
}  # fmt: skip


@pytest.mark.parametrize("kind", ARGV)
def test_what_is_no_file_is_refused(kind, workplace, capsys):
    for what, make in NO_FILE.items():
        argv = [word.format(f"a-{what}") for word in ARGV[kind]]
        make(Path(argv[-1]))
        if (kind, what) != ("config", "empty"):  # which changes nothing of the defaults
            refused(capsys, argv)


def huge_tensors():
    header = {"x": {"dtype": "F32", "shape": [HUGE], "data_offsets": [0, 4 * HUGE]}}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def huge_hdf5():
    with h5py.File("huge.h5", "w") as file:
        file.create_dataset("node", (HUGE,), np.float64, chunks=(1024,))
    return Path("huge.h5").read_bytes()


def pickled_pth():
    torch.save({"model_state_dict": Payload(), "config": {}}, "saved")
    return Path("saved").read_bytes()


HARMFUL = {
    "an archive that unpacks to 192 MiB, as samples": ("samples", lambda: zip_bomb(b"", None)),
    "an archive that unpacks to 192 MiB, as checkpoint": ("pth", lambda: zip_bomb(b"", None)),
    "an archive of arrays, as samples": ("samples", lambda: npz(np.zeros((4, 1, 8, 8)))),
    "an array file that promises 400 GB": (
        "samples", lambda: npy_header("<f4", f"({HUGE}, 1, 8, 8)", body=b"\0" * 64)),
    "one to calibrate on": (
        "calibration", lambda: npy_header("<f4", f"({HUGE}, 1, 8, 8)", body=b"\0" * 64)),
    "tensors that promise 400 GB": ("tensors", huge_tensors),
    "a header of tensors that promises 100 GB": ("tensors", lambda: struct.pack("<Q", HUGE) + b"{"),
    "HDF5 that promises 800 GB": ("NIR", huge_hdf5),
    "an array of objects": (
        "samples", lambda: npy(np.array([Payload()], object), allow_pickle=True)),
    "a pickle, as samples": ("samples", lambda: pickle.dumps(Payload())),
    "a pickle, as checkpoint": ("pth", lambda: pickle.dumps(Payload())),
    "a pickle, as tensors": ("tensors", lambda: pickle.dumps(Payload())),
    "a checkpoint with a pickle inside": ("pth", pickled_pth),
    "a number of a million digits": ("config", lambda: b"seed = " + b"9" * 1_000_000),
    "a million brackets": ("config", lambda: b"seed = " + b"[" * 1_000_000),
    "100 MB of comments": ("scheme", lambda: b"#" * 100_000_000),
}  # fmt: skip


def npz(array):
    np.savez_compressed("saved.npz", x=array)
    return Path("saved.npz").read_bytes()


@pytest.mark.parametrize("name", HARMFUL)
def test_a_harmful_file_is_refused(name, workplace, capsys):
    kind, make = HARMFUL[name]
    argv = [word.format("harmful") for word in ARGV[kind]]
    data = make()
    Path(argv[-1]).write_bytes(data)
    refused(capsys, argv)


def relist(folder, **changes):
    """Change what the manifest of a folder lists."""
    path = Path(folder) / "manifest.json"
    mark = json.loads(path.read_text())
    mark["files"] |= changes
    path.write_text(json.dumps(mark))


@pytest.mark.parametrize("folder", [RUN, BUILD])
@pytest.mark.parametrize(
    "name", ["../../outside", "/etc/passwd", "rtl/../../../outside", "link", "linked/passwd"]
)
def test_a_manifest_that_leads_out_of_its_folder_is_refused(folder, name, workplace, capsys):
    (workplace / "outside").write_text("secret")
    (Path(folder) / "link").symlink_to(workplace / "outside")
    (Path(folder) / "linked").symlink_to("/etc")
    relist(folder, **{name: "0" * 64})
    argv = ("simulate", folder, "--samples", "2") if folder == BUILD else ("compile", folder)
    assert "outside its folder" in refused(capsys, argv)


@pytest.mark.parametrize(("folder", "name"), [(RUN, "circuit.safetensors"), (BUILD, "target.toml")])
def test_a_file_that_was_replaced_by_a_link_is_refused(folder, name, workplace, capsys):
    path = Path(folder) / name
    shutil.move(path, workplace / "moved")
    path.symlink_to(workplace / "moved")
    rehash(workplace / folder)
    argv = ("simulate", folder, "--samples", "2") if folder == BUILD else ("compile", folder)
    assert "outside its folder" in refused(capsys, argv)


@pytest.mark.parametrize("name", ["circuit.safetensors", "manifest.json"])
def test_a_pipe_in_a_build_is_not_waited_for(name, workplace, capsys):
    (Path(BUILD) / name).unlink()
    os.mkfifo(Path(BUILD) / name)
    refused(capsys, ("simulate", BUILD, "--samples", "2"))


def test_a_folder_for_the_result_that_is_a_link_is_not_written_through(workplace, capsys):
    (workplace / "elsewhere").mkdir()
    (workplace / "link").symlink_to(workplace / "elsewhere")
    refused(capsys, ("compile", RUN, "--out", "link"))
    assert not list((workplace / "elsewhere").iterdir())


def test_a_result_replaces_a_link_and_leaves_what_it_leads_to(workplace):
    target = workplace / "precious"
    target.write_text("kept")
    Path("trace.npz").symlink_to(target)
    assert cli.main(["simulate", BUILD, "--samples", "2", "--save", "trace.npz"]) == 0
    assert target.read_text() == "kept"
    assert listing(workplace)["trace.npz"][:2] == b"PK"
