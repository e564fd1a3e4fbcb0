"""What the tests of the command line share."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from eideploy.command_line.commands import COMMANDS, command_of
from eideploy.command_line.misuse import options
from eideploy.files import sha256

TINY = (
    "--set", "training.epochs=2", "--set", "training.warmup_epochs=0",
    "--set", 'network.widths=[8, "P", 8]',
)  # fmt: skip

RUN = "runs/digits-conv-1"
BUILD = "builds/digits-conv-1-digital-int8-lut8x8-1"


ROOT = Path(__file__).parents[2]
PATIENCE_S = 1800  # for a process that hangs; no other outcome may depend on it


def process(*argv, more=None, struck=(), **options):
    """Start the command in a process of its own, with `more` in its environment.

    `struck` is a signal's name and the file that it strikes for, as `tests.cli.struck` has them.
    """
    module = ("tests.cli.struck", *struck) if struck else ("eideploy.cli",)
    command = [sys.executable, "-m", *map(str, (*module, *argv))]
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, **(more or {})}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        **options,
    )


def assert_advice_is_of_the_command(words, err):
    """Require that advice names no option but of this command, or of one that it names."""
    if (found := command_of([*map(str, words)])) is None:
        return
    for fix in re.findall(r"^  fix:   (.*)$", err, re.MULTILINE):
        named = [one for name, one in COMMANDS.items() if re.search(rf"\b{name}\b", fix)]
        known = {option for one in (found[0], *named) for option in options(one)}
        assert {*re.findall(r"(?<!\S)--[a-z][a-z-]*", fix)} <= known, fix


def listing(folder):
    """Return every path under `folder` with the bytes of the files."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() if p.is_file() else None
        for p in sorted(folder.rglob("*"))
    }


def only(folder):
    """Return the one entry of a folder."""
    (found,) = folder.iterdir()
    return found


def rehash(folder):
    """Write the true hashes into the manifest, so that deeper readers see a changed file."""
    path = folder / "manifest.json"
    mark = json.loads(path.read_text())
    mark["files"] = {name: sha256(folder / name) for name in mark["files"]}
    path.write_text(json.dumps(mark))
