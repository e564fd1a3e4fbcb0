"""Commands killed at random moments: all that was there stays, the next run ends alike.

A command is killed before EIDEPLOY_KILLS random changes of a file or folder, one unless set, where
there is most to break. `make fuzz` tries 20, and kills at as many random times between the first
thing that it writes and the last; EIDEPLOY_FUZZ_SEED draws others.
"""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eideploy import cli, folders
from tests.cli.support import listing
from tests.fuzz.commands import STOPPED, WRITING, tidied
from tests.fuzz.test_readers import SEED

pytestmark = pytest.mark.no_cover  # each command has tests of its own
CHANGES = int(os.environ.get("EIDEPLOY_KILLS", "1"))
TIMES = int(os.environ.get("EIDEPLOY_KILLS", "0"))
ROOT = Path(__file__).parents[2]


def started(argv, before_change=0):
    """Start a command that dies before a change, or runs to its end."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.counted", str(before_change), *argv],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def undisturbed(argv):
    """Run a command to its end; return how many changes it made, and in what stretch of time."""
    begun = time.monotonic()
    _, told = (command := started(argv)).communicate()
    assert command.returncode == 0, told
    found = json.loads(told.splitlines()[-1])
    return found["changes"], found["first"] - begun, found["last"] - begun


def killed_at(argv, after_s):
    """Return whether the command was still at work when it was killed."""
    command = started(argv)
    time.sleep(after_s)
    at_work = command.poll() is None
    command.kill()
    command.communicate()
    return at_work


def killed_before(argv, change):
    """Let a command die before a change of a file."""
    command = started(argv, change)
    command.communicate()
    return command.returncode == -9


def left_behind():
    """Whatever still has a hidden name."""
    return [path for path in Path().rglob(".*") if path.name.endswith(".partial")]


@pytest.mark.slow
@pytest.mark.parametrize("name", STOPPED)
def test_a_command_killed_at_any_moment_is_run_again_to_the_same_result(name, workplace):
    argv, result = WRITING[name], STOPPED[name]
    first = listing(workplace)
    changes, begin_s, end_s = undisturbed(argv)
    expected = result()
    rng = random.Random(f"{name} {SEED}")
    moments = [(killed_at, rng.uniform(begin_s, end_s)) for _ in range(TIMES)]
    moments += [(killed_before, rng.randint(1, changes)) for _ in range(CHANGES)]
    for number, (kill, moment) in enumerate(moments):
        tidied()
        assert kill(argv, moment) or kill is killed_at  # which may come when all is done
        now = listing(workplace)
        assert {k: now[k] for k in first} == first
        assert all(f.name.startswith(".") or (f / "manifest.json").is_file()
                   for f in Path("builds").iterdir())  # fmt: skip
        resumes = name == "train" and number % 2 and folders.latest_unfinished()
        assert cli.main(["train", "--resume"] if resumes else list(argv)) == 0, (kill, moment)
        assert result() == expected, (kill, moment)
        assert name == "train" or not left_behind()
