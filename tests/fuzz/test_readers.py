"""Every file that the tool reads, changed at random: read or refused with a stated error.

EIDEPLOY_FUZZ files of every kind are changed (50 unless set), from the seed EIDEPLOY_FUZZ_SEED;
`make fuzz` changes more from a seed of its own, and prints it.
"""

import os
import random
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from eideploy.errors import EideployError
from tests.fuzz.kinds import KINDS
from tests.helpers.sparing import traced_at_first

ROUNDS = int(os.environ.get("EIDEPLOY_FUZZ", "50"))
SEED = os.environ.get("EIDEPLOY_FUZZ_SEED", "0")
PATIENCE_S = 10  # of processor time
WAIT_S = 300  # for what takes none, as a pipe does
MOST_BYTES = 1 << 30


class HangError(BaseException):
    """A reader took longer than anyone waits."""


@contextmanager
def in_time():
    def stop(*_):
        raise HangError

    timers = (
        (signal.ITIMER_PROF, signal.SIGPROF, PATIENCE_S),
        (signal.ITIMER_REAL, signal.SIGALRM, WAIT_S),
    )
    before = [signal.signal(number, stop) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for (timer, number, _), handler in zip(timers, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def memory(field):
    """Return a number of bytes of /proc/self/status: VmRSS held now, VmHWM at most so far."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) << 10
    pytest.fail(f"no {field}")


def listing(folder):
    """Return when every file and link under `folder` was changed; no link is followed."""
    found, folders = {}, [str(folder)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    found[entry.path] = entry.stat(follow_symlinks=False).st_mtime_ns
    return found


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_changed_file_is_read_or_refused_with_nothing_else_to_show(kind, workplace, monkeypatch):
    path = kind.make()
    (workplace / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(workplace / "tmp"))
    (workplace / "loop").symlink_to("loop")
    whole, rng = path.read_bytes(), random.Random(f"{kind.name} {SEED}")
    kind.read(path)
    beside = {p: p.read_bytes() for p in workplace.rglob("manifest.json") if p != path.absolute()}
    refused, cache = 0, str(workplace / "eideploy-cache")
    Path("/proc/self/clear_refs").write_text("5")
    held = memory("VmRSS")
    rounds = round(ROUNDS * kind.share)
    with traced_at_first() as again:
        for number in range(rounds):
            again()
            change = rng.choice(kind.changes)
            changed, told = change(whole, rng), f"{kind.name}, change {number}: {change.__name__}"
            path.write_bytes(changed)
            kind.then(path)
            before = listing(workplace)
            try:
                with in_time():
                    kind.read(path)
            except EideployError as error:
                refused += bool(error.what and error.where and error.fix)
            except BaseException as error:
                kept = Path(os.environ.get("EIDEPLOY_FUZZ_KEEP", tempfile.gettempdir())) / path.name
                kept.write_bytes(changed)
                error.add_note(f"{told}; seed {SEED}, {kept}")
                raise
            after = {k: v for k, v in listing(workplace).items() if not k.startswith(cache)}
            assert after.items() <= before.items(), told
            for file, content in beside.items():
                file.write_bytes(content)
    assert memory("VmHWM") - held < MOST_BYTES
    assert refused * 100 >= rounds * kind.least
