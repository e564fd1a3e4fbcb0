"""Run the command line and count what it does to files here; die before change number N, if asked.

    python -m tests.fuzz.counted N train ...

N = 0: to the end; then the last line on stderr is JSON with the number of changes and, on the
system's monotonic clock, when the first was made and the last. A change is a file opened to be
written, a name that is made, changed or removed, under the working folder.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from eideploy import cli

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NAMES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


class Changes:
    """Counts, and dies as kill -9 would have it before the one that it is to die before."""

    def __init__(self, fatal):
        self.fatal, self.count, self.first, self.last, self.here = fatal, 0, 0.0, 0.0, os.getcwd()  # noqa: PTH109

    def __call__(self, event, args):
        if not (event in NAMES or (event == "open" and args[2] & WRITES)):
            return
        if not isinstance(args[0], str | bytes | Path):  # a descriptor
            return
        if not os.path.abspath(os.fsdecode(args[0])).startswith(self.here):  # noqa: PTH100
            return
        self.count, self.last = self.count + 1, time.monotonic()
        self.first = self.first or self.last
        if self.count == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    changes = Changes(int(sys.argv[1]))
    sys.addaudithook(changes)
    code = cli.main(sys.argv[2:])
    found = {"changes": changes.count, "first": changes.first, "last": changes.last}
    sys.stderr.write(f"\n{json.dumps(found)}\n")
    sys.exit(code)
