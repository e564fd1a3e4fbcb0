"""Job: compare what a target offers over runs, by the backend that serves it."""

import os

from eideploy.flow.requests.sweep import Sweep
from eideploy.flow.result import Result
from eideploy.target import family_of, spec_of


def sweep(request: Sweep) -> Result:
    """Measure every cell that the folder does not hold yet, and write tables and a plot.

    Raises:
        UsageError: an unknown name, no run, no baseline, or another process at work in the folder.
        CapacityError, DataError: as of compiling and simulating.
    """
    path = spec_of(os.fspath(request.target))
    family = family_of(path)
    return family.sweep(request, family.read_spec(path))
