"""Compile C++ that stands beside Python, once a machine, and load it; without a compiler, None.

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
import tempfile
from collections.abc import Sequence
from pathlib import Path

TIMEOUT_S = 120
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
    try:
        return ctypes.CDLL(str(_built(source, headers, flags)))
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        reason = said.strip().splitlines()[0] if said.strip() else type(error).__name__
        sys.stderr.write(f"{name}: {reason}; {instead}\n")
        return None


def library_path(source: Path, headers: Sequence[Path], flags: Sequence[str]) -> Path:
    """Return where the compiled file lies, another for other flags, text or kind of machine."""
    texts = [path.read_bytes() for path in (source, *headers)]
    content = b"".join([*texts, " ".join([*flags, platform.machine()]).encode()])
    return _cache() / f"{source.stem}-{hashlib.sha256(content).hexdigest()[:16]}.so"


def compiler() -> str | None:
    """Return the path of the C++ compiler, `$CXX` or the first of the usual ones, if any."""
    names = (os.environ.get("CXX"), "g++", "clang++", "c++")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def compile_to(path: Path, source: Path, flags: Sequence[str]) -> None:
    """Compile `source`; `path` is there in one step, so that others see a whole file or none.

    Raises:
        OSError: there is no compiler.
        subprocess.SubprocessError: it failed.
    """
    command = compiler()
    if command is None:
        raise OSError("there is no C++ compiler (g++, clang++, or $CXX)")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, path.name)
        subprocess.run(
            [command, *flags, str(source), "-o", str(made)],
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        made.replace(path)


def native_flags() -> tuple[str, ...]:
    """Return flags for this very machine's vectors, which the name of the file has to tell."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return ()
    known = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(known):
        parts = [f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")]
        return (*parts, "-mprefer-vector-width=512")
    return ("-mavx2",) if "avx2" in known else ()


def _built(source: Path, headers: Sequence[Path], flags: Sequence[str]) -> Path:
    path = library_path(source, headers, flags)
    if not path.exists():
        compile_to(path, source, flags)
    return path


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "eideploy"
