"""Disks that are full, folders that cannot be written, and Ctrl-C at the wrong moment."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eideploy import cli
from eideploy.staging import locked
from tests.cli.support import BUILD, RUN, TINY, listing
from tests.fuzz.commands import SWEEP, WRITING, swept

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.no_cover  # each command has tests of its own
SMALL_DISK = "mount -t tmpfs -o size=32m none disk && cp -r runs builds disk && cd disk && exec "
FREE = ("50000",)  # bytes that are left on the disk: enough for some commands
PLAIN_ROOT = ("setpriv", "--inh-caps=-dac_override", "--bounding-set=-dac_override")


def works(*command):
    """Whether the system lets a test do this."""
    found = shutil.which(command[0])
    return bool(found) and subprocess.run(command, capture_output=True).returncode == 0


def confined(*command):
    """Run the writing commands through another, and return what came of each."""
    done = subprocess.run(
        command, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_small_disk_that_fills_is_a_stated_error_and_what_was_there_stays(workplace):
    if not works("unshare", "-Urm", "sh", "-c", "mount -t tmpfs none /mnt"):
        pytest.skip("the system lets no test make a disk of its own")
    (workplace / "disk").mkdir()
    script = SMALL_DISK + f"{sys.executable} -m tests.fuzz.confined bytes {' '.join(FREE)}"
    found = confined("unshare", "-Urm", "sh", "-c", script)
    assert len(found) == len(FREE) * len(WRITING)
    for case in found:
        assert case["kept"], case
        assert not case["left"], case
        assert (case["again"], case["left_again"]) == (0, []), case
        assert case["code"] == 0 or "No space left on device" in case["told"], case
        assert case["code"] == 1 or case["free"], case
    assert 0 < sum(case["code"] for case in found) < len(WRITING)


@pytest.mark.slow
def test_a_folder_that_may_only_be_read_is_a_stated_error(workplace):
    root = os.geteuid() == 0
    if root and not works(*PLAIN_ROOT, "true"):
        pytest.skip("root may write everywhere, and cannot give that up here")
    folders = [path for path in (workplace, *workplace.rglob("*")) if path.is_dir()]
    for folder in folders:
        folder.chmod(0o555)
    try:
        found = confined(*PLAIN_ROOT * root, sys.executable, "-m", "tests.fuzz.confined", "folder")
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert [case["command"] for case in found] == list(WRITING)
    for case in found:
        assert case["code"] == 1, case
        assert "error: cannot write: Permission denied" in case["told"], case
        assert case["kept"] and not case["new"], case  # noqa: PT018


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("written", [0, 1])
def test_a_file_that_cannot_be_written_whole_ends_the_command_and_leaves_the_rest(
    name, written, workplace, monkeypatch, capsys
):
    before, left = listing(workplace), iter(range(written))

    def filling(_):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        code = cli.main(list(WRITING[name]))
    told = capsys.readouterr().err
    after = listing(workplace)
    assert {k: after[k] for k in before} == before
    assert not [k for k in after if k.endswith(".partial")]
    assert code == 1 or name == "simulate"  # which writes one file
    assert code == 0 or "No space left on device" in told


@pytest.mark.parametrize(
    "argv",
    [
        ("train", *TINY, "--out", "/proc/nowhere/run"),
        ("compile", RUN, "--out", "/proc/nowhere/build"),
        (*SWEEP[:-1], "/proc/nowhere/sweep"),
        ("simulate", BUILD, "--samples", "2", "--save", "/proc/trace.npz"),
        ("report", BUILD, "--samples", "2", "--out", "/proc/nowhere/report"),
    ],
    ids=lambda argv: argv[0],
)
def test_a_folder_that_cannot_be_written_is_named(argv, workplace, capsys):
    before = listing(workplace)
    assert cli.main(list(argv)) == 1
    told = capsys.readouterr().err
    assert "error: " in told
    assert "where: /proc" in told
    assert "fix:   choose a " in told
    assert listing(workplace) == before


def test_ctrl_c_in_a_sweep_keeps_its_cells_and_the_next_one_goes_on(workplace, monkeypatch, capsys):
    from eideploy.backends.digital.sweep import sweep

    assert cli.main(list(SWEEP)) == 0
    expected = swept()
    shutil.rmtree("sweeps")
    measure, cells = sweep.measure, iter(range(2))

    def stopped(cell):
        if next(cells, None) is None:
            raise KeyboardInterrupt
        return measure(cell)

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "measure", stopped)
        assert cli.main(list(SWEEP)) == 130
    assert 0 < len(list(Path("sweeps/a/cells").iterdir())) < 4
    assert "interrupted" in capsys.readouterr().err
    assert cli.main(list(SWEEP)) == 0
    assert swept() == expected


def test_ctrl_c_in_a_report_leaves_the_one_before(workplace, monkeypatch, capsys):
    argv = WRITING["report"]
    assert cli.main(list(argv)) == 0
    before = listing(workplace)

    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eideploy.files.os.fsync", stop)
    assert cli.main(list(argv)) == 130
    assert listing(workplace) == before


def test_a_second_report_into_a_folder_is_told_of_the_first(workplace, capsys):
    before = listing(workplace)
    with locked(workplace / BUILD) as alone:
        assert alone
        assert cli.main(["report", BUILD, "--samples", "2"]) == 2
    told = capsys.readouterr().err
    assert "error: another process is writing into the folder" in told
    assert f"where: {BUILD}" in told
    assert listing(workplace) == before
