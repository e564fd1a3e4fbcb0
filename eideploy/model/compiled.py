"""Compile `fused.cpp` once a machine, cached, and load it; without a compiler there is plain torch.

The file needs no torch headers, hence neither ninja nor pybind11: it compiles in seconds, and one
build serves every version of torch and Python. Its OpenMP threads are torch's, as the runtime that
torch has loaded serves both.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

SOURCE = Path(__file__).with_name("fused.cpp")
HEADERS = ("products.h", "surrogate.h")  # that it includes
# no contraction, so that every operation rounds as torch's does
FLAGS = [
    *("-std=c++17", "-O3", "-fPIC", "-shared", "-fopenmp"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
]
VECTORS = {
    "AVX512": [f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")]
    + ["-mfma", "-mprefer-vector-width=512"],
    "AVX2": ["-mavx2", "-mfma"],
}
TIMEOUT_S = 120


class Job(ctypes.Structure):
    """The sizes that every call takes; `fused.cpp` says what they mean."""

    _fields_ = (
        *((n, ctypes.c_int64) for n in ("steps", "batch", "height", "width", "channels")),
        *((n, ctypes.c_int64) for n in ("row", "repeat", "pool", "threads", "maps")),
        ("decay", ctypes.c_double),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library, or None, after one line on stderr, where there can be none."""
    try:
        return ctypes.CDLL(str(_built()))
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        reason = said.strip().splitlines()[0] if said.strip() else type(error).__name__
        sys.stderr.write(f"fused kernel: {reason}; training by plain torch, slower\n")
        return None


def available() -> bool:
    """Return whether the library is compiled already, or a compiler is at hand."""
    return compiler() is not None or _target()[0].exists()


def compiler() -> str | None:
    """Return the path of the C++ compiler, `$CXX` or the first of the usual ones, if any."""
    names = (os.environ.get("CXX"), "g++", "clang++", "c++")
    return next((found for name in names if name and (found := shutil.which(name))), None)


def _built() -> Path:
    path, flags = _target()
    if not path.exists():
        _compile(path, flags)
    return path


def _target() -> tuple[Path, list[str]]:
    """Return where the library lies and the flags that make it, one file per kind of machine."""
    flags = [*FLAGS, *VECTORS.get(torch.backends.cpu.get_cpu_capability(), [])]
    texts = [SOURCE.read_bytes(), *(SOURCE.with_name(name).read_bytes() for name in HEADERS)]
    content = b"".join([*texts, " ".join([*flags, platform.machine()]).encode()])
    return _cache() / f"fused-{hashlib.sha256(content).hexdigest()[:16]}.so", flags


def _compile(path: Path, flags: list[str]) -> None:
    command = compiler()
    if command is None:
        raise OSError("there is no C++ compiler (g++, clang++, or $CXX)")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, path.name)
        subprocess.run(
            [command, *flags, str(SOURCE), "-o", str(made)],
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        made.replace(path)  # in one step: another process sees a whole file or none


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "eideploy"
