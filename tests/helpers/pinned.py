"""Imported before numpy and torch, so that this process computes as those do that tests start."""

import os

from eideploy.portable import pin

pin()
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores, and threads that have none wait actively for each other.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
