"""Let numpy and torch compute the same bits on every x86-64 processor with AVX2.

Both choose their loops by the processor: another width of vectors sums in another order, another
maker's processor gets other matrix products, and a training ends elsewhere. They ask environment
variables once, when they are loaded.
"""

import os
import sys
from collections.abc import Iterator
from importlib.metadata import version

from eideploy.native import processor

ALIKE = {"avx2", "fma"}  # what a processor has to have
TORCH = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own loops
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # its convolutions
    "MKL_CBWR": "COMPATIBLE",  # its matrix products; MKL's AVX2 is for one maker's processors alone
}
NUMPY = "NPY_DISABLE_CPU_FEATURES"  # exp, log, sin and cos round by the width of vectors


def pin() -> None:
    """Set what is not set yet, for libraries that are not loaded yet; elsewhere do nothing."""
    for package, name, value in _pins(set(processor())):
        if package not in sys.modules:
            os.environ.setdefault(name, value)


def _pins(has: set[str]) -> Iterator[tuple[str, str, str]]:
    if not has >= ALIKE:
        return
    for name, value in TORCH.items():
        yield "torch", name, value
    if "avx512f" in has:
        newer = tuple(map(int, version("numpy").split(".")[:2])) >= (2, 4)
        yield "numpy", NUMPY, "X86_V4" if newer else "AVX512F AVX512CD AVX512_SKX"
