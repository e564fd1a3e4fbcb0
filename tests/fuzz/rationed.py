"""Reads files in children of its own, each with little time and memory, and says what each took.

python -m tests.fuzz.rationed    a line of JSON on stdin for each file, a line on stdout for each

What loads slowly is loaded before the first, so that a child begins at once. One that takes more
than SECONDS of processor time is killed, and none gets more memory than ROOM.
"""

import json
import os
import resource
import sys
import traceback
from pathlib import Path

from eideploy.errors import EideployError
from tests.fuzz.kinds import KINDS

SECONDS = 10
ROOM = 3 << 30
READERS = {kind.name: kind.read for kind in KINDS}
LOADED = ("torch", "onnx", "onnxruntime", "tonic.datasets", "eideploy.model.authors")


def held():
    """Return how many bytes of memory are in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def child(request, told):
    """Read a file, write to `told` what was in use before and what was said, and end."""
    code = 70
    told.write(held().to_bytes(8, "little"))
    told.flush()
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        resource.setrlimit(resource.RLIMIT_DATA, (ROOM, ROOM))
        os.chdir(request["folder"])
        READERS[request["kind"]](Path(request["path"]))
        code = 0
    except EideployError as error:
        code = error.exit_code
        told.write(f"error: {error}".encode())
    except BaseException:  # the parent tells
        told.write(traceback.format_exc().encode())
    finally:
        told.flush()
        os._exit(code)


def outcome(request):
    """Let a child read a file; return how it ended, what it said, and its memory at most."""
    reading, writing = os.pipe()
    if not (number := os.fork()):
        os.close(reading)
        child(request, os.fdopen(writing, "wb"))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        before = int.from_bytes(told.read(8), "little")
        said = told.read().decode("utf-8", "replace")
    _, status, used = os.wait4(number, 0)
    most = max(0, used.ru_maxrss * 1024 - before)
    return {"code": os.waitstatus_to_exitcode(status), "told": said[:2000], "bytes": most,
            "seconds": used.ru_utime + used.ru_stime}  # fmt: skip


if __name__ == "__main__":
    for name in LOADED:
        __import__(name)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(outcome(json.loads(line))) + "\n")
        sys.stdout.flush()
