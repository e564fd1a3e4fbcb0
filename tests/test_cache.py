"""The cache of compiled files: taken only from where nobody else can write, and never needed."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from eideploy import cache

MADE = b"compiled"


@pytest.fixture
def base(tmp_path, monkeypatch):
    """Return the folder that XDG_CACHE_HOME names, which does not exist yet."""
    folder = tmp_path / "of the user"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    monkeypatch.setattr(cache, "_made", {})
    return folder


@pytest.fixture
def makes():
    """Return a function that makes a file, and counts how often."""

    def make(folder):
        make.count += 1
        made = folder / "made"
        made.write_bytes(MADE)
        return made

    make.count = 0
    return make


def kept(make, name="rtl/core-0/testbench"):
    return cache.kept(name, make, what="simulator")


def test_a_file_is_made_once_and_nobody_else_may_write_on_the_way(base, makes, capsys):
    before = os.umask(0)
    try:
        path = kept(makes)
    finally:
        os.umask(before)
    assert path == base / "eideploy/rtl/core-0/testbench"
    for place in (path, *path.parents[:4]):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700, place
    assert (kept(makes), makes.count) == (path, 1)
    assert cache.find("rtl/core-0/testbench") == path
    assert sorted(p.name for p in path.parent.iterdir()) == ["lock", "testbench"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("level", ["", "eideploy", "eideploy/rtl", "eideploy/rtl/core-0"])
@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_from_a_folder_where_others_may_write_nothing_is_taken(base, makes, capsys, level, mode):
    path = kept(makes)
    path.write_bytes(b"planted")
    (base / level).chmod(mode)
    assert cache.find("rtl/core-0/testbench") is None
    own = kept(makes)
    assert own.read_bytes() == MADE
    assert not own.is_relative_to(base)
    where = (base / level).resolve()
    assert capsys.readouterr().err == (
        f"simulator: {where}: others may write there (chmod go-w); made for this process alone\n"
    )
    assert (kept(makes), makes.count) == (own, 2)  # not a third time
    assert path.read_bytes() == b"planted"
    (base / level).chmod(mode & ~0o022)  # what the line says to do
    assert cache.find("rtl/core-0/testbench") == own
    cache._made.clear()
    assert cache.find("rtl/core-0/testbench") == path


def test_a_cache_that_is_not_there_yet_is_no_fault_and_one_of_others_is(base, monkeypatch):
    assert cache.fault() == ""
    assert not base.exists()  # asking makes nothing
    monkeypatch.setattr(os, "access", lambda path, _: path != base.parent)
    assert cache.fault() == f"{base.parent}: it may only be read"
    base.mkdir(mode=0o777)
    base.chmod(0o777)
    assert cache.fault() == f"{base.resolve()}: others may write there (chmod go-w)"


def test_a_folder_above_where_all_may_write_is_safe_if_it_is_sticky(base, makes, capsys):
    base.mkdir()
    base.chmod(0o1777)  # as /tmp is
    assert kept(makes).is_relative_to(base)
    assert capsys.readouterr().err == ""
    (base / "eideploy").chmod(0o1777)  # files of others could lie in the cache itself
    cache._made.clear()
    assert not kept(makes).is_relative_to(base)


@pytest.mark.parametrize("owned", ["eideploy/rtl/core-0/testbench", "eideploy/rtl", "eideploy", ""])
def test_what_belongs_to_another_user_is_not_taken(base, makes, monkeypatch, capsys, owned):
    path = kept(makes)
    theirs, real = base / owned, Path.lstat

    def lstat(self):
        found = real(self)
        if self != theirs:
            return found
        return os.stat_result((*found[:4], os.geteuid() + 1, *found[5:]))

    monkeypatch.setattr(Path, "lstat", lstat)
    assert cache.find("rtl/core-0/testbench") is None
    if theirs == path:  # the folder is safe: the file is made anew in its place
        path.write_bytes(b"planted")
        assert (kept(makes), path.read_bytes()) == (path, MADE)
    else:
        assert not kept(makes).is_relative_to(base)
        assert f"{theirs}: it belongs to another user; made for this" in capsys.readouterr().err


@pytest.mark.parametrize("mode", [0o770, 0o702])
def test_a_file_that_others_may_write_is_made_anew(base, makes, mode):
    path = kept(makes)
    path.write_bytes(b"planted")
    path.chmod(mode)
    assert cache.find("rtl/core-0/testbench") is None
    assert (kept(makes), path.read_bytes(), makes.count) == (path, MADE, 2)


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(base, makes, tmp_path):
    path = kept(makes)
    path.unlink()
    (tmp_path / "planted").write_bytes(b"planted")
    path.symlink_to(tmp_path / "planted")
    assert cache.find("rtl/core-0/testbench") is None
    assert kept(makes).read_bytes() == MADE
    assert (tmp_path / "planted").read_bytes() == b"planted"


def test_a_cache_that_the_user_moved_elsewhere_by_a_link_is_used(base, makes, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    base.mkdir()
    (base / "eideploy").symlink_to(tmp_path / "elsewhere")
    assert kept(makes).is_relative_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o777)
    cache._made.clear()
    assert not kept(makes).is_relative_to(tmp_path / "elsewhere")


def test_a_link_to_itself_is_said(base, makes, capsys):
    base.mkdir()
    (base / "eideploy").symlink_to(base / "eideploy")
    assert kept(makes).read_bytes() == MADE
    assert "a link leads to itself; made for this process alone" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["", "eideploy", "eideploy/rtl", "eideploy/rtl/core-0"])
def test_a_file_in_the_place_of_a_folder_is_said(base, makes, capsys, level):
    (base / level).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for place in (base / level).parents:
        if place.is_relative_to(base):
            place.chmod(0o700)
    (base / level).write_text("a file")
    assert kept(makes).read_bytes() == MADE
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        f"simulator: {(base / level).resolve()}: that is another kind of file; "
        "made for this process alone"
    )


def test_a_folder_in_the_place_of_the_file_is_said(base, makes, capsys):
    path = kept(makes)
    path.unlink()
    path.mkdir()
    assert kept(makes).read_bytes() == MADE
    assert "made for this process alone" in capsys.readouterr().err
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize("fails", ["mkdir", "replace", "chmod"])
def test_a_disk_that_takes_nothing_is_said(base, makes, monkeypatch, capsys, fails):
    real = getattr(Path, fails)

    def full(self, *given):
        if self.is_relative_to(base):
            raise OSError(28, "No space left on device", str(self))
        return real(self, *given)

    monkeypatch.setattr(Path, fails, full)
    assert kept(makes).read_bytes() == MADE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"simulator: {base}")
    assert line.endswith(": No space left on device; made for this process alone")
    assert not [p for p in base.rglob("*") if p.is_file() and p.name != "lock"]


def test_without_a_home_the_file_is_made_for_the_process(makes, monkeypatch, capsys):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as of a user without an entry
    monkeypatch.setattr(cache, "_made", {})
    assert kept(makes).read_bytes() == MADE
    assert capsys.readouterr().err == (
        "simulator: there is no home; XDG_CACHE_HOME may name a folder; "
        "made for this process alone\n"
    )


def test_a_relative_xdg_cache_home_is_ignored(makes, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setattr(cache, "_made", {})
    assert kept(makes) == tmp_path / "home/.cache/eideploy/rtl/core-0/testbench"
    assert not (tmp_path / "here").exists()


def test_what_cannot_be_made_leaves_nothing(base, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def make(folder):
        (folder / "half").write_text("")
        raise subprocess.CalledProcessError(1, "g++")

    with pytest.raises(subprocess.CalledProcessError):
        kept(make)
    assert list((tmp_path / "temporary").iterdir()) == []


CODE = """
from pathlib import Path
from eideploy import cache
def make(folder):
    (folder / "made").write_text("")
    return folder / "made"
print(cache.kept("name", make, what="kernel"))
"""


def test_what_a_process_made_for_itself_goes_with_it(tmp_path):
    (tmp_path / "cache").write_text("a file")
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
    )
    made = Path(done.stdout.strip())
    assert made.name == "made"
    assert not made.parent.exists()


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("place", ["a space", "/dev/null"])
def test_a_kernel_is_compiled_wherever_the_cache_can_be(place, tmp_path):
    code = "from eideploy.backends.dynapse2.dpi import kernel; print(kernel.library() is not None)"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / place)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "True\n"
    said = "DPI kernel: /dev/null: that is another kind of file; made for this process alone\n"
    assert done.stderr == (said if place == "/dev/null" else "")
