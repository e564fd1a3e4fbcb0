"""Files are written whole or not at all, and every change to them is noticed."""

import errno
import json
import os

import numpy as np
import pytest

from eideploy import files
from eideploy.errors import DataError, FormatError
from eideploy.files import (
    read_json,
    read_manifest,
    read_tensors,
    write_atomic,
    write_json,
    write_manifest,
    write_tensors,
)
from eideploy.staging import locked, staged_folder


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a"
    write_atomic(path, b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(DataError, match="cannot write: No space left on device"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208


def test_what_a_killed_process_left_beside_a_file_does_not_stop_the_next(tmp_path, monkeypatch):
    names = iter(["00000000", "11111111"])
    monkeypatch.setattr(files, "token_hex", lambda _: next(names))
    (tmp_path / ".a.99999999.partial").write_bytes(b"left")
    write_atomic(tmp_path / "a", b"1")
    write_atomic(tmp_path / "a", b"2")
    assert (tmp_path / "a").read_bytes() == b"2"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_staged_folder_leaves_nothing_after_an_error(tmp_path, error):
    def fail():
        with staged_folder(lambda: tmp_path / "new/deep/folder") as staged:
            (staged.aside / "half").write_text("")
            raise error

    with pytest.raises(error):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_staged_folder_keeps_its_siblings_after_an_error(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/other").mkdir()
    with pytest.raises(ValueError, match="x"), staged_folder(lambda: tmp_path / "runs/a"):
        raise ValueError("x")
    assert [p.name for p in (tmp_path / "runs").iterdir()] == ["other"]


def test_a_staged_folder_is_not_seen_under_its_name_before_it_is_full(tmp_path):
    final = tmp_path / "a"
    with staged_folder(lambda: final) as staged:
        (staged.aside / "file").write_text("1")
        assert not final.exists()
    assert os.listdir(tmp_path) == ["a"]  # noqa: PTH208
    assert (final / "file").read_text() == "1"


def test_what_a_killed_process_was_filling_goes_and_what_another_fills_stays(tmp_path):
    (tmp_path / ".a-1.0badf00d.partial/sub").mkdir(parents=True)
    (tmp_path / ".mine.partial").mkdir()
    (tmp_path / ".a-1.0badf00d.partial/sub/half").write_text("")
    with staged_folder(lambda: tmp_path / "a") as first, staged_folder(lambda: tmp_path / "b"):
        assert first.aside.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".mine.partial", "a", "b"]


def test_a_folder_that_cannot_be_known_to_be_left_behind_stays(tmp_path, monkeypatch):
    (tmp_path / ".a-1.0badf00d.partial").mkdir()
    monkeypatch.setattr("eideploy.staging.fcntl", None)
    with staged_folder(lambda: tmp_path / "a"):
        pass
    assert (tmp_path / ".a-1.0badf00d.partial").exists()


def test_a_hidden_folder_that_was_swept_away_before_it_was_locked_is_made_anew(
    tmp_path, monkeypatch
):
    opened = os.open

    def late(path, flags, *more, **options):
        if not aside_gone:
            aside_gone.append(path)
            path.rmdir()
        return opened(path, flags, *more, **options)

    aside_gone = []
    monkeypatch.setattr(os, "open", late)
    with staged_folder(lambda: tmp_path / "a") as staged:
        (staged.aside / "file").write_text("")
    assert aside_gone[0] != staged.aside
    assert (tmp_path / "a/file").exists()


@pytest.mark.parametrize("make", ["mkdir", "touch"])
def test_a_folder_that_exists_is_not_replaced(tmp_path, make):
    getattr(tmp_path / "a", make)()
    with pytest.raises(DataError, match="exists already"), staged_folder(lambda: tmp_path / "a"):
        pass


def test_a_name_that_another_process_took_in_the_meantime_is_chosen_anew(tmp_path):
    def choose():
        return next(p for n in range(9) if not (p := tmp_path / f"a-{n}").exists())

    with staged_folder(choose) as staged:
        (tmp_path / "a-0").mkdir()
        (tmp_path / "a-0/theirs").write_text("")
        (staged.aside / "ours").write_text("")
    assert staged.final == tmp_path / "a-1"
    assert (tmp_path / "a-0/theirs").exists()
    assert (tmp_path / "a-1/ours").exists()


def test_a_fixed_name_that_another_process_took_in_the_meantime_is_refused(tmp_path):
    def race():
        with staged_folder(lambda: tmp_path / "a"):
            (tmp_path / "a").mkdir()
            (tmp_path / "a/theirs").write_text("")

    with pytest.raises(DataError, match="exists already"):
        race()
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_lock_is_held_by_one_at_a_time_and_then_free_again(tmp_path):
    path = tmp_path / "a"
    path.write_text("")
    with locked(path) as first, locked(path) as second:
        assert (first, second) == (True, False)
    with locked(path) as third:
        assert third


@pytest.fixture
def folder(tmp_path):
    """Return a folder of three files with a manifest."""
    made = tmp_path / "made"
    (made / "sub").mkdir(parents=True)
    for name in ("a", "b", "sub/c"):
        (made / name).write_text(name)
    (made / ".a.0badf00d.partial").write_text("left by a killed process")
    write_manifest(made, kind="thing", version=3, content={"fact": 1})
    return made


def read(folder):
    return read_manifest(folder, kind="thing", version=3, needs=("a",))


def test_a_manifest_lists_every_file_but_what_was_left_half_written(folder):
    assert read(folder)["fact"] == 1
    assert set(read(folder)["files"]) == {"a", "b", "sub/c"}


@pytest.mark.parametrize("name", ["a", "b", "sub/c"])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda p: p.write_text(p.read_text() + " "), "differs"),
        (lambda p: p.write_text(""), "differs"),
        (lambda p: p.unlink(), "missing"),
        (lambda p: (p.unlink(), p.mkdir()), "missing"),
    ],
)
def test_every_kind_of_change_to_a_listed_file_is_noticed(folder, name, change, what):
    change(folder / name)
    with pytest.raises(FormatError, match=f"{name} (is )?{what}"):
        read(folder)


def test_a_file_that_was_added_is_no_change(folder):
    (folder / "notes.txt").write_text("mine")
    assert read(folder)


def test_a_needed_file_that_the_manifest_does_not_vouch_for_is_refused(folder):
    with pytest.raises(FormatError, match="does not list x, y"):
        read_manifest(folder, kind="thing", version=3, needs=("a", "x", "y"))


def test_another_kind_or_version_is_refused(folder):
    with pytest.raises(FormatError, match="the folder is of kind 'thing', not 'other'"):
        read_manifest(folder, kind="other", version=3, needs=())
    with pytest.raises(FormatError, match="format version 3 is not the version 4"):
        read_manifest(folder, kind="thing", version=4, needs=())


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "nul", '{"a": 1e999999999999', "[" * 100_000, '{"a":' * 100_000, "9" * 10_000],
)
def test_what_is_no_json_object_is_refused(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FormatError):
        read_json(path)


def test_json_of_any_size_is_refused_before_it_is_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_JSON", 10)
    write_json(tmp_path / "a", {"long": "x" * 10})
    with pytest.raises(FormatError, match="larger than 10 bytes"):
        read_json(tmp_path / "a")


def test_a_text_of_json_of_any_size_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(files, "MOST_JSON", 10)
    monkeypatch.setattr(files.json, "loads", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match="longer than 10 letters"):
        files.parse_json("[" * 11)


def test_tensors_come_back_with_their_content_even_if_none(tmp_path):
    arrays = {"a": np.arange(6).reshape(2, 3).T, "b": np.zeros((0, 3), np.float32)}
    write_tensors(tmp_path / "t", arrays, kind="k", version=1, content={"x": [1, None]})
    found, content = read_tensors(tmp_path / "t", kind="k", version=1)
    assert content == {"x": [1, None]}
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in arrays.items()}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"1234567",
        b"\xff" * 8,
        (1 << 40).to_bytes(8, "little") + b"{}",
        (100).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"{}",
        (4).to_bytes(8, "little") + b"null",
    ],
)
def test_what_is_no_tensor_file_is_refused(tmp_path, data):
    (tmp_path / "t").write_bytes(data)
    with pytest.raises(FormatError, match=r"damaged|of kind None"):
        read_tensors(tmp_path / "t", kind="k", version=1)


def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(tmp_path):
    header = {"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}
    text = json.dumps(header).encode()
    (tmp_path / "t").write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(FormatError, match="damaged"):
        read_tensors(tmp_path / "t", kind="k", version=1)


def test_every_damaged_file_is_told_at_once(tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path, kind="it", version=1, content={})
    (tmp_path / "one").write_text("other")
    (tmp_path / "three").unlink()
    with pytest.raises(FormatError) as caught:
        read_manifest(tmp_path, kind="it", version=1, needs=())
    told = caught.value.what.splitlines()
    assert told[0] == "2 files are damaged:"
    assert {line.strip().split()[0] for line in told[1:]} == {"one", "three"}


def test_of_many_damaged_files_ten_are_named(tmp_path):
    for at in range(14):
        (tmp_path / f"file{at:02}").write_text("x")
    write_manifest(tmp_path, kind="it", version=1, content={})
    for at in range(14):
        (tmp_path / f"file{at:02}").unlink()
    with pytest.raises(FormatError, match="14 files are damaged") as caught:
        read_manifest(tmp_path, kind="it", version=1, needs=())
    assert len(caught.value.what.splitlines()) == 12
    assert caught.value.what.endswith("and 4 more")
