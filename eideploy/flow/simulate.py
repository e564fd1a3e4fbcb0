"""Job: simulate a build in one of the executors that its backend offers."""

from itertools import chain
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends import families
from eideploy.backends.protocol import Family
from eideploy.errors import UsageError
from eideploy.flow.builds import takes
from eideploy.flow.requests.simulate import Simulate
from eideploy.flow.result import Result
from eideploy.options import Request, as_path, refuse_others


def simulate(request: Simulate) -> Result:
    """Run samples in an executor, and compare it with what else is known of the network.

    Raises:
        UsageError: nothing to simulate, options that contradict each other or have no effect.
        FormatError: a damaged run or build.
        DataError: samples that do not fit the network.
        CapacityError: a network or a division that the target does not offer.
    """
    family = family_of(as_path(request.build), request.executor, request, "simulate")
    executor = request.executor or next(iter(family.executors))
    own = family.options.get("simulate")
    refuse_others(request, own, here=f"with --executor {executor}")
    return family.simulate(request, executor)


def family_of(
    folder: Path | None, executor: str | None, request: Request, command: str
) -> Family[Any]:
    """Return the family of the build that is named, else the first that has the executor.

    Of neither it is that of the latest build, unless another one alone has the options given.

    Raises:
        UsageError: the build's family has no such executor.
    """
    if folder is None and executor is None:
        return _family_of_latest(request, command)
    if folder is None or folders.kind_of(folder) == folders.RUN:
        return families.default() if executor is None else families.of_executor(executor)
    family = families.of_build(folder)
    if executor is not None and executor not in family.executors:
        raise UsageError(
            f"the build is for the backend {family.name}, which {executor} does not run",
            where=f"--executor {executor}, {folder}",
            fix=f"choose one of {', '.join(family.executors)}",
        )
    return family


def _family_of_latest(request: Request, command: str) -> Family[Any]:
    latest = folders.latest_build()
    first = families.default() if latest is None else families.of_build(latest)
    # one by one, so that families behind the one that takes them are not loaded
    taking = (one for one in chain((first,), families.every()) if takes(one, request, command))
    return next(taking, first)
