"""Run the writing commands here under hardship, and print what came of each as JSON.

python -m tests.fuzz.confined bytes N...    on a disk with N bytes left, then with all of it
python -m tests.fuzz.confined folder        as it is
"""

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from eideploy import cli
from tests.cli.support import listing
from tests.fuzz.commands import WRITING, tidied

BALLAST = Path("ballast")


def outcome(name):
    """Run a command; say how it ended, what it said, and whether all that was there still is."""
    before, told = listing(Path()), io.StringIO()
    with redirect_stderr(told), redirect_stdout(io.StringIO()):
        code = cli.main(list(WRITING[name]))
    after = listing(Path())
    kept = {k: after.get(k) for k in before} == before
    left = [path for path in after if path.endswith(".partial")]
    new = sorted(after.keys() - before.keys())
    return {"command": name, "code": code, "told": told.getvalue(), "kept": kept, "left": left,
            "new": new}  # fmt: skip


def fill(free):
    """Take all of the disk but `free` bytes."""
    disk = os.statvfs(".")
    with BALLAST.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - free)


def filled(name, free):
    """Run a command on a disk that fills, and again with space."""
    fill(free)
    first = outcome(name)
    BALLAST.unlink()
    again = outcome(name)
    tidied()
    return {**first, "free": free, "again": again["code"], "left_again": again["left"]}


if __name__ == "__main__":
    if sys.argv[1] == "bytes":
        found = [filled(name, int(free)) for free in sys.argv[2:] for name in WRITING]
    else:
        found = [outcome(name) for name in WRITING]
    sys.stdout.write(json.dumps(found))
