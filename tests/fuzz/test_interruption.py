"""Commands that are killed at random moments: all that was there stays, the next run ends alike.

EIDEPLOY_KILLS moments of every command are tried (6 unless set; `make fuzz` tries 20).
"""

import json
import os
import random
import shutil
import time
from pathlib import Path

import pytest

from eideploy import cli, folders
from tests.cli.support import BUILD, RUN, TINY, listing, process
from tests.fuzz.test_readers import SEED

KILLS = int(os.environ.get("EIDEPLOY_KILLS", "6"))
SWEEP = (
    "sweep", RUN, "--schemes", "int8,int4", "--divisions", "exact,lut:8x8,shift", "--samples", "64",
    "--backend", "threading", "--jobs", "1", "--out", "sweeps/a",
)  # fmt: skip


def has_manifest(folder):
    return (folder / "manifest.json").is_file()


def trained_result():
    return {"circuit": (folders.latest_run() / "circuit.safetensors").read_bytes()}


def compiled_result():
    found = listing(folders.latest_build())
    manifest = json.loads(found.pop("manifest.json"))
    return {**found, "manifest": {k: v for k, v in manifest.items() if k != "created"}}


def swept_result():
    return {p.name: p.read_bytes() for p in Path("sweeps/a").iterdir() if p.is_file()}


COMMANDS = {
    "train": (("train", *TINY), trained_result),
    "compile": (("compile", RUN), compiled_result),
    "sweep": (SWEEP, swept_result),
}


def killed(argv, after_s):
    """Return whether the command was still at work when it was killed."""
    command = process(*argv)
    time.sleep(after_s)
    at_work = command.poll() is None
    command.kill()
    command.communicate()
    return at_work


def tidied():
    """Remove what the tests before this one made, but for the first run and build."""
    for folder in [*Path("runs").iterdir(), *Path("builds").iterdir(), *Path().glob("sweeps")]:
        if folder.as_posix() not in (RUN, BUILD):
            shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_at_any_moment_is_run_again_to_the_same_result(name, workplace):
    argv, result = COMMANDS[name]
    first = listing(workplace)
    begun = time.monotonic()
    with process(*argv) as command:
        command.communicate()
    lasting_s = time.monotonic() - begun
    expected = result()
    rng, at_work = random.Random(f"{name} {SEED}"), 0
    for number in range(KILLS):
        tidied()
        at_work += killed(argv, rng.uniform(0.1, 0.95) * lasting_s)
        now = listing(workplace)
        assert {k: now[k] for k in first} == first
        assert all(f.name.startswith(".") or has_manifest(f) for f in Path("builds").iterdir())
        resumes = name == "train" and number % 2 and folders.latest_unfinished()
        assert cli.main(["train", "--resume"] if resumes else list(argv)) == 0
        assert result() == expected
    assert at_work * 2 >= KILLS
