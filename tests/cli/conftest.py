"""What the tests of the command line work with: copies of the tiny run and build of the session."""

import shutil
from collections import namedtuple

import numpy as np
import pytest

from eideploy import cli
from eideploy.backends.digital import executors
from tests.cli.support import assert_advice_is_of_the_command, listing

Outcome = namedtuple("Outcome", "code out err")


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def trained(finished, empty):
    """Work in a folder with a finished run."""
    shutil.copytree(finished / "runs", empty / "runs")
    return empty


@pytest.fixture
def built(finished, trained):
    """Work in a folder with a finished run and its build."""
    shutil.copytree(finished / "builds", trained / "builds")
    return trained


@pytest.fixture
def without_rtl(monkeypatch):
    """Let verify leave out what needs programs beside Python; tests/rtl is about it."""
    kept = tuple(executor for executor in executors.EXECUTORS if not executor.commands)
    monkeypatch.setattr("eideploy.backends.digital.jobs.verify.EXECUTORS", kept)


@pytest.fixture
def call(capsys):
    """Return a function that runs a command and gives its exit code, stdout and stderr."""

    def run(*argv):
        outcome = Outcome(cli.main([str(a) for a in argv]), *capsys.readouterr())
        assert_advice_is_of_the_command(argv, outcome.err)
        return outcome

    return run


@pytest.fixture
def refused(call, empty):
    """Return a function that requires an error of three lines, and nothing written."""

    def run(*argv, code, what, where, fix):
        before = listing(empty)
        found = call(*argv)
        assert found.code == code
        assert found.out == ""
        lines = [line for line in found.err.splitlines() if line]
        error = next(i for i, line in enumerate(lines) if line.startswith("error: "))
        shown = lines[error:]
        assert len(shown) == 3
        assert shown[1].startswith("  where: ")
        assert shown[2].startswith("  fix:   ")
        assert (what in shown[0], where in shown[1], fix in shown[2]) == (True, True, True), shown
        assert listing(empty) == before

    return run


@pytest.fixture
def samples(empty):
    """Return a function that writes samples of a shape, and names the file."""

    def write(*shape, name="x.npy", seed=0):
        x = np.random.default_rng(seed).random(shape, dtype=np.float32)
        np.save(empty / name, x)
        return x

    return write
