"""Compile `fused.cpp` once a machine, cached, and load it; without a compiler there is plain torch.

Its OpenMP threads are torch's, as the runtime that torch has loaded serves both.
"""

import ctypes
import functools
from pathlib import Path

import torch

from eideploy import native

SOURCE = Path(__file__).with_name("fused.cpp")
HEADERS = tuple(SOURCE.with_name(name) for name in ("products.h", "surrogate.h"))
VECTORS = {
    "AVX512": [f"-mavx512{part}" for part in ("f", "dq", "bw", "vl")]
    + ["-mfma", "-mprefer-vector-width=512"],
    "AVX2": ["-mavx2", "-mfma"],
}


class FusedCall(ctypes.Structure):
    """The sizes that every call takes; `fused.cpp` says what they mean."""

    _fields_ = (
        *((n, ctypes.c_int64) for n in ("steps", "batch", "height", "width", "channels")),
        *((n, ctypes.c_int64) for n in ("row", "repeat", "pool", "threads", "maps")),
        ("decay", ctypes.c_double),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled library, or None, after one line on stderr, where there can be none."""
    instead = "training by plain torch, slower"
    return native.load(SOURCE, HEADERS, _flags(), name="fused kernel", instead=instead)


def compiled_by() -> str:
    """Return the compiler that made the library, "" without one."""
    kernel = library()
    if kernel is None:
        return ""
    kernel.compiler.restype = ctypes.c_char_p
    return str(kernel.compiler().decode())


def available() -> bool:
    """Return whether the library is compiled already, or a compiler is at hand."""
    return compiler() is not None or native.is_compiled(SOURCE, HEADERS, _flags())


@functools.cache
def is_at_hand() -> bool:
    """Return what `available` found when it was first asked."""
    return available()


def compiler() -> str | None:
    """Return the path of the C++ compiler, if any."""
    return native.compiler()


def _flags() -> tuple[str, ...]:
    vectors = VECTORS.get(torch.backends.cpu.get_cpu_capability(), [])
    return (*native.FLAGS, "-fopenmp", *vectors)
