"""Simulators of a core, built once for each shape and kept (cache of the user)."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from eideploy import cache
from eideploy.backends.digital.bundle import MAKEFILE, RTL, TESTBENCH
from eideploy.backends.digital.rtl import tools
from eideploy.errors import DataError
from eideploy.files import unwritable

OBJ, TESTBENCH_FILE = "obj", "testbench"
MOST_COMPLAINTS = 3


def testbench(bundle: Path) -> Path:
    """Return the Verilator simulator of the core in `bundle`, built if it is not in the cache.

    It is named after the hash of all that it is made of: SystemVerilog, testbench, flags (in the
    Makefile), and the versions of Verilator and the compiler.

    Args:
        bundle: a folder that `write_bundle` has just filled. Its Makefile and sources are run, so
            it is never that of a build, which anybody may have changed.

    Raises:
        UsageError: Verilator, make or g++ is not installed.
        DataError: it cannot be built, with the first line of what the tools said.
    """
    tools.require(tools.VERILATE, where="--executor rtl")
    try:
        return cache.kept(_name(bundle), partial(_made, bundle), what="simulator of the core")
    except OSError as error:
        raise unwritable(Path(error.filename or bundle), error) from error


def is_kept(bundle: Path) -> bool:
    """Return whether the simulator of the core in `bundle` has been built before."""
    return not tools.missing(tools.VERILATE) and cache.find(_name(bundle)) is not None


def _name(bundle: Path) -> str:
    return f"rtl/core-{_fingerprint(bundle)}/{TESTBENCH_FILE}"


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
            f"the core cannot be built: {'; '.join(complaints(error)[:MOST_COMPLAINTS])}",
            where=str(bundle / RTL),
            fix="run make lint in the folder of the build; the shipped core is free of warnings",
        ) from error
    return aside / OBJ / TESTBENCH_FILE


def first_complaint(error: subprocess.CalledProcessError) -> str:
    """Return the first line that says what is wrong."""
    return complaints(error)[0]


def complaints(error: subprocess.CalledProcessError) -> list[str]:
    """Return the lines that say what is wrong, at least one; not those that count them."""
    said = f"{error.stderr or ''}\n{error.stdout or ''}"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    marked = [line for line in lines if "error" in line.lower() or line.startswith("testbench:")]
    own = [line for line in marked if not line.startswith(("make", "%Error: Exiting due to"))]
    return own or marked or lines or [f"exit code {error.returncode}"]
