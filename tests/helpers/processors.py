"""Programs that run as if on other processors, where this one can be told to hide itself."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eideploy import native

SOURCE = Path(__file__).with_name("processor.c")
CANNOT = 86  # its exit code on a processor that cannot be told
NEEDS = {"2": "avx512_vbmi", "1": "avx512f", "0": "avx2"}  # of this one, by the last number
PROCESSORS = {
    "haswell": "0,6,60,256,8192,0",
    "skylake-x": "0,6,85,1024,22528,1",
    "zen2": "1,23,49,512,16384,0",
    "zen4": "1,25,17,1024,32768,2",
}


def on(processor, code, folder, **environment):
    """Return what Python prints for `code` on a processor of that name; skip where none can be.

    What pins the libraries is left out of the environment, but for what is given.
    """
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or NEEDS[PROCESSORS[processor][-1]] not in native.processor():
        pytest.skip(f"no C compiler, or a processor that cannot do what {processor} does")
    library = folder / "processor.so"
    subprocess.run([compiler, "-O1", "-fPIC", "-shared", SOURCE, "-o", library], check=True)
    preloaded = {"LD_PRELOAD": str(library), "PROCESSOR": PROCESSORS[processor]}
    done = python(code, **preloaded, **environment)
    if done.returncode == CANNOT:
        pytest.skip("this processor cannot be told to hide itself")
    assert done.returncode == 0, done.stderr
    return done.stdout


def python(code, **environment):
    """Run code in a fresh Python whose libraries nothing pins but `environment`."""
    from eideploy import portable

    kept = {k: v for k, v in os.environ.items() if k not in (*portable.TORCH, portable.NUMPY)}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True
    )
