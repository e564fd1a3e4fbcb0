"""Compile C++ that stands beside Python, once a user, and load it; without a compiler, None.

The files need no headers but their own, hence neither ninja nor pybind11: they compile in seconds,
and one build serves every version of Python.
"""

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache as once
from pathlib import Path

from eideploy import cache

TIMEOUT_S = 600
# no contraction, so that every operation rounds as in Python
FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-shared"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
)


def load(
    source: Path, headers: Sequence[Path], flags: Sequence[str], *, name: str, instead: str
) -> ctypes.CDLL | None:
    """Return the compiled file, or None, after one line on stderr that says what happens instead.

    `headers` are all that it includes; a change in any compiles anew.
    """

    def make(folder: Path) -> Path:
        library = folder / f"{source.stem}.so"
        compile_to(library, source, flags)
        return library

    try:
        return ctypes.CDLL(str(cache.kept(_kept_name(source, headers, flags), make, what=name)))
    except (OSError, subprocess.SubprocessError) as error:
        message = getattr(error, "stderr", None) or str(error)
        reason = message.strip().splitlines()[0] if message.strip() else type(error).__name__
        sys.stderr.write(f"{name}: {reason}; {instead}\n")
        return None


def is_compiled(source: Path, headers: Sequence[Path], flags: Sequence[str]) -> bool:
    """Return whether `load` would find the file compiled."""
    return cache.find(_kept_name(source, headers, flags)) is not None


def compiler() -> str | None:
    """Return the path of the C++ compiler, `$CXX` or the first of the usual ones, if any."""
    return program("CXX", "g++", "clang++", "c++")


def program(variable: str, *usual: str) -> str | None:
    """Return the path of what a variable of the environment names, or the first of the usual.

    A line on stderr, once, says that the variable names no program.
    """
    named = os.environ.get(variable, "")
    names = (named, *usual)
    path = next((path for name in names if name and (path := shutil.which(name))), None)
    if named and shutil.which(named) is None:
        _say_passed_over(variable, named, path)
    return path


@once
def _say_passed_over(variable: str, named: str, path: str | None) -> None:
    instead = f"{path} is taken" if path else "there is no other either"
    sys.stderr.write(f"${variable} is {named!r}, which is the path of no program; {instead}\n")


def compile_to(path: Path, source: Path, flags: Sequence[str]) -> None:
    """Compile `source` to `path`.

    Raises:
        OSError: there is no compiler.
        subprocess.SubprocessError: it failed.
    """
    command = compiler()
    if command is None:
        raise OSError("there is no C++ compiler (g++, clang++, or $CXX)")
    subprocess.run(
        [command, *flags, str(source), "-o", str(path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


def native_flags() -> tuple[str, ...]:
    """Return flags for this very machine's vectors, which the name of the file has to tell."""
    known = processor()
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(known):
        parts = [f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")]
        return (*parts, "-mprefer-vector-width=512")
    return ("-mavx2",) if "avx2" in known else ()


def processor() -> tuple[str, ...]:
    """Return what Linux says an x86 processor has, as "avx2"; nothing elsewhere."""
    return tuple(_cpuinfo("flags").split())


def processor_name() -> str:
    """Return what the processor calls itself, or its kind."""
    return _cpuinfo("model name") or platform.machine()


def _kept_name(source: Path, headers: Sequence[Path], flags: Sequence[str]) -> str:
    """Return the name in the cache, another for other flags, text or kind of machine."""
    texts = [path.read_bytes() for path in (source, *headers)]
    content = b"".join([*texts, " ".join([*flags, platform.machine()]).encode()])
    return f"{source.stem}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def _cpuinfo(key: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except (OSError, ValueError):
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")
