"""Run the command line here, and let a signal strike as soon as a file is there.

    python -m tests.cli.struck SIGKILL runs/digits-conv-2/metrics.csv train ...

The process sends it to itself, at the next thing that it does with files: no other process has to
look on and be in time.
"""

import os
import signal
import sys
from pathlib import Path

from eideploy import cli

EVENTS = {"open", "os.rename", "os.mkdir", "os.remove"}


class Strike:
    """An audit hook; strikes once."""

    def __init__(self, number, path):
        self.number, self.path, self.done = number, path, False

    def __call__(self, event, _):
        if event in EVENTS and not self.done and self.path.exists():
            self.done = True
            os.kill(os.getpid(), self.number)


if __name__ == "__main__":
    sys.addaudithook(Strike(signal.Signals[sys.argv[1]], Path(sys.argv[2]).absolute()))
    sys.exit(cli.main(sys.argv[3:]))
