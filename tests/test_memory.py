"""Freed memory is kept where the C library can."""

import resource
import subprocess
import sys

PROGRAM = """
import resource, sys
import torch
from eideploy.memory import keep_freed_memory
if sys.argv[1] == "keep" and not keep_freed_memory():
    sys.exit("not kept")
def use():
    torch.ones(16 << 20)
for _ in range(10):  # glibc aligns arrays, and needs some room to do so
    use()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    use()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_pages_of_freed_arrays_are_used_again():
    pages = 5 * (64 << 20) // resource.getpagesize()
    assert faults("keep") < pages / 20 < faults("drop")
