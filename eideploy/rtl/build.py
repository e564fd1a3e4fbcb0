"""Simulators of a core, built once for each shape and kept (cache of the user)."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eideploy.backends.digital.bundle import MAKEFILE, RTL, TESTBENCH
from eideploy.errors import DataError
from eideploy.rtl import tools

try:
    import fcntl
except ImportError:  # not a POSIX system: two processes may build the same there
    fcntl = None  # type: ignore[assignment]

OBJ, TESTBENCH_FILE, LOCK = "obj", "testbench", "lock"


def testbench(bundle: Path) -> Path:
    """Return the Verilator simulator of the core in `bundle`, built if it is not in the cache.

    It is named after the hash of all that it is made of: SystemVerilog, testbench, flags (in the
    Makefile), and the versions of Verilator and the compiler. It appears when it is whole, and
    two processes that want it make it once.

    Raises:
        UsageError: Verilator, make or g++ is not installed.
        DataError: it cannot be built, with the first line of what the tools said.
    """
    tools.require(tools.VERILATE, where="--executor rtl")
    path = _place(bundle)
    if path.exists():
        return path
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(path.parent), tempfile.TemporaryDirectory(dir=path.parent) as aside:
        if not path.exists():
            _made(bundle, Path(aside)).replace(path)
    return path


def is_kept(bundle: Path) -> bool:
    """Return whether the simulator of the core in `bundle` has been built before."""
    return not tools.missing(tools.VERILATE) and _place(bundle).exists()


def cache() -> Path:
    """Return the folder in which simulators are kept."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "eideploy" / "rtl"


def _place(bundle: Path) -> Path:
    return cache() / f"core-{_fingerprint(bundle)}" / TESTBENCH_FILE


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process builds in `folder`; on systems without locks, do not."""
    with (folder / LOCK).open("w") as lock:
        if fcntl:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fingerprint(bundle: Path) -> str:
    parts = hashlib.sha256()
    for path in _sources(bundle):
        parts.update(f"{path.relative_to(bundle)}\0".encode() + path.read_bytes() + b"\0")
    for tool in ("verilator", "g++"):
        parts.update(tools.version(tool).encode())
    parts.update(os.environ.get("CXX", "").encode())
    return parts.hexdigest()[:24]


def _sources(bundle: Path) -> Iterable[Path]:
    yield bundle / MAKEFILE
    for place in (RTL, TESTBENCH):
        yield from sorted((bundle / place).iterdir())


def _made(bundle: Path, aside: Path) -> Path:
    for place in (RTL, TESTBENCH):
        shutil.copytree(bundle / place, aside / place)
    shutil.copyfile(bundle / MAKEFILE, aside / MAKEFILE)
    try:
        tools.run(["make", "build"], folder=aside)
    except subprocess.CalledProcessError as error:
        raise DataError(
            f"the core cannot be built: {first_complaint(error)}",
            where=str(bundle / RTL),
            fix="run make lint in the folder of the build; the shipped core is free of warnings",
        ) from error
    return aside / OBJ / TESTBENCH_FILE


def first_complaint(error: subprocess.CalledProcessError) -> str:
    """Return the first line that says what is wrong."""
    said = f"{error.stderr or ''}\n{error.stdout or ''}"
    lines = [line for line in said.splitlines() if line.strip()]
    marked = [line for line in lines if "rror" in line or line.startswith("testbench:")]
    return (marked or lines or [f"exit code {error.returncode}"])[0].strip()
