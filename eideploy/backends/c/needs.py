"""The compilers and emulators that C is tried with, for doctor."""

import shutil
from collections.abc import Iterator

from eideploy.backends.c.qemu import MACHINES, version
from eideploy.flow.finding import MISSING, OK, Finding


def needs() -> Iterator[Finding]:
    """Look for every program, and say which packages of Debian have it."""
    names = set()
    for machine in MACHINES.values():
        for name in (machine.compiler, machine.emulator):
            if name in names:
                continue
            names.add(name)
            here = shutil.which(name)
            yield Finding(
                what=name,
                found=version(name) if here else "",
                state=OK if here else MISSING,
                enables="" if here else f"simulate --executor {machine.executor}, make test-c",
                fix="" if here else f"apt install {machine.packages}",
            )
