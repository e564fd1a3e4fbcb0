"""What the processes of a test run share: the first that asks makes it, the others wait for it."""

import fcntl
import os
import shutil


def common(tmp_path_factory):
    """Return the folder that is of the whole test run, in all its processes."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(tmp_path_factory, name, make):
    """Return a folder that `make` has filled, given the empty folder, in this process or another.

    It is of the whole test run, so nobody may change what is in it.
    """
    base = common(tmp_path_factory)
    folder, whole = base / name, base / f"{name}.whole"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
