"""Disks that are full, folders that cannot be written, and Ctrl-C at the wrong moment."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from eideploy import cli
from tests.cli.support import BUILD, RUN, TINY, listing
from tests.fuzz.test_interruption import COMMANDS, SWEEP

WRITING = {
    "train": ("train", *TINY),
    "finetune": ("train", "--finetune", RUN, "--set", "training.epochs=1"),
    "compile": ("compile", RUN),
    "sweep": SWEEP,
    "simulate": ("simulate", BUILD, "--samples", "2", "--save", "trace.npz"),
    "report": ("report", BUILD, "--samples", "2"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("written", [0, 1, 2])
def test_a_disk_that_fills_is_a_stated_error_and_what_was_there_stays(
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
    if code:
        assert code == 1
        assert "No space left on device" in told
    assert cli.main(list(WRITING[name])) == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("train", *TINY, "--out", "/proc/nowhere/run"),
        ("compile", RUN, "--out", "/proc/nowhere/build"),
        (*SWEEP[:-1], "/proc/nowhere/sweep"),
        ("simulate", BUILD, "--samples", "2", "--save", "/proc/trace.npz"),
    ],
    ids=lambda argv: argv[0],
)
def test_a_folder_that_cannot_be_written_is_named(argv, workplace, capsys):
    before = listing(workplace)
    assert cli.main(list(argv)) == 1
    told = capsys.readouterr().err
    assert "error: " in told
    assert "where: /proc" in told
    assert "fix:   name a" in told
    assert listing(workplace) == before


def test_ctrl_c_in_a_sweep_keeps_its_cells_and_the_next_one_goes_on(workplace, monkeypatch, capsys):
    from eideploy.flow import sweep

    _, result = COMMANDS["sweep"]
    assert cli.main(list(SWEEP)) == 0
    expected = result()
    shutil.rmtree("sweeps")
    measure, cells = sweep.measure, iter(range(2))

    def stopped(cell):
        if next(cells, None) is None:
            raise KeyboardInterrupt
        return measure(cell)

    with monkeypatch.context() as patch:
        patch.setattr(sweep, "measure", stopped)
        assert cli.main(list(SWEEP)) == 130
    assert 0 < len(list(Path("sweeps/a/cells").iterdir())) < 6
    assert "interrupted" in capsys.readouterr().err
    assert cli.main(list(SWEEP)) == 0
    assert result() == expected


def test_ctrl_c_in_a_report_leaves_the_one_before(workplace, monkeypatch, capsys):
    argv = WRITING["report"]
    assert cli.main(list(argv)) == 0
    before = listing(workplace)

    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eideploy.files.os.fsync", stop)
    assert cli.main(list(argv)) == 130
    assert listing(workplace) == before
