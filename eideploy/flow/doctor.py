"""Job: what is installed, of which version, what is missing, and what it would enable."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache as once
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from eideploy import cache, packages, shipped
from eideploy.backends import families, formats
from eideploy.backends.catalogue import FAMILIES, FORMATS
from eideploy.divisions.methods import GROUP as DIVISIONS
from eideploy.divisions.methods import of_package as division_of
from eideploy.errors import PackageError
from eideploy.flow.finding import BROKEN, MISSING, NEW, NOTE, OK, OLD, Finding
from eideploy.flow.requests.doctor import Doctor
from eideploy.flow.result import Result
from eideploy.neurons.models import GROUP as NEURONS
from eideploy.neurons.models import of_package as neuron_of
from eideploy.report.text import listing, table
from eideploy.version import __version__

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

LEAST_PYTHON = 3, 11
LEAST_DISK = 1 << 30
ENABLES = {
    "data": "CIFAR, Tiny ImageNet, event camera sets",
    "tensorboard": "train --tensorboard",
}
OFFERED: Mapping[str, tuple[str, Callable[["EntryPoint"], object]]] = {
    **{one.what: (one.group, one.of_package) for one in (FAMILIES, FORMATS)},
    "division": (DIVISIONS, division_of),
    "neuron": (NEURONS, neuron_of),
}


def doctor(_: Doctor) -> Result:
    """Look at everything; the exit code is 1 where something needed is missing or too old."""
    by_family = (row for one in families.every() for row in one.needs())
    findings = [*_python(), *_packages(), *_offered(), *_machine(), _compiler(), *by_family]
    findings += [*_disk(), _cache()]
    ill = [f for f in findings if f.needed and f.state in (MISSING, OLD)]
    rows = [[f.what, _short(f.found) or "-", f.state] for f in findings]
    advice = {f.what: f"{f.enables}{' - ' if f.enables else ''}{f.fix}" for f in findings if f.fix}
    verdict = (
        f"{', '.join(f.what for f in ill)}: needed, and not as it should be"
        if ill
        else "all that is needed is here"
    )
    parts = [f"eideploy {__version__}", "", table(["what", "found", "state"], rows)]
    if advice:
        parts += ["", "what is missing would enable, and is installed by", listing(advice)]
    content = {"eideploy": __version__, "well": not ill, "findings": [asdict(f) for f in findings]}
    return Result(text="\n".join([*parts, "", verdict]), content=content, exit_code=bool(ill))


def _python() -> Iterator[Finding]:
    has = sys.version_info[:2] >= LEAST_PYTHON
    yield Finding(
        what="python",
        found=sys.version.split()[0],
        state=OK if has else OLD,
        needed=True,
        fix="" if has else "install Python 3.11 or newer",
    )


def _packages() -> Iterator[Finding]:
    from packaging.requirements import Requirement

    tested, (lines, state) = _tested(), _asked()
    yield Finding(
        what="eideploy",
        found=__version__,
        state=state,
        enables="" if state == OK else "eideploy as a command, and in every folder",
        fix="" if state == OK else "pip install -c constraints.txt . in the checkout",
    )
    known = set()
    for need in map(Requirement, lines):
        extra = next((e for e in _enabled() if need.marker and f'"{e}"' in str(need.marker)), "")
        if need.name not in known and (need.marker is None or extra):
            known.add(need.name)
            yield _package(need.name, str(need.specifier), tested.get(need.name, ""), extra)
    for name, runs in _verifying().items():
        if known and name not in known:  # without a list of them they may be optional ones
            finding = _package(name, "", tested.get(name, ""), "")
            yield replace(finding, needed=False, enables=f"verify of the {runs} files of a build")


def _verifying() -> dict[str, str]:
    """Return the packages that formats run their files in, with the names of the formats."""
    return {
        package: format_.name
        for format_ in formats.every()
        for executor in format_.checks()
        for package in executor.packages
    }


@once
def _enabled() -> dict[str, str]:
    """Return what each optional dependency enables."""
    enables = dict(ENABLES)
    for format_ in formats.every():
        enables |= format_.enables
    for family in families.every():
        enables |= family.enables
    return enables


def _asked() -> tuple[list[str], str]:
    """Return the packages that this tool asks for, and whether it was installed or only found.

    A checkout on PYTHONPATH has no metadata of an installation; its pyproject.toml says the same.
    """
    try:
        return requires("eideploy") or [], OK
    except PackageNotFoundError:
        path = shipped.folder("pyproject.toml")
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
    except (OSError, ValueError, KeyError):
        return [], NOTE
    extras = project.get("optional-dependencies", {})
    more = [f'{line}; extra == "{name}"' for name in _enabled() for line in extras.get(name, ())]
    return [*project.get("dependencies", ()), *more], NOTE


def _package(name: str, least: str, tested: str, extra: str) -> Finding:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    installed, state = _version(name), OK
    if not installed:
        state = MISSING
    elif not SpecifierSet(least).contains(installed, prereleases=True):
        state = OLD
    elif tested and Version(installed).release > Version(tested).release:
        state = NEW
    install = f"pip install 'eideploy[{extra}]'" if extra else f"pip install '{name}{least}'"
    return Finding(
        what=name,
        found=installed,
        state=state,
        needed=not extra,
        enables=_enabled().get(extra, ""),
        fix=install if state in (MISSING, OLD) else "",
    )


def _offered() -> Iterator[Finding]:
    """Tell of every backend, division and neuron of another package whether it can be used."""
    for what, (group, load) in OFFERED.items():
        for point in packages.offered(group):
            fault = _fault(load, point)
            yield Finding(
                what=f"{what} {point.name}",
                found=point.dist.name if point.dist else point.value,
                state=BROKEN if fault else OK,
                enables=fault.what if fault else "",
                fix=fault.fix if fault else "",
            )


def _fault(load: Callable[["EntryPoint"], object], point: "EntryPoint") -> PackageError | None:
    try:
        load(point)
    except PackageError as error:
        return error
    return None


def _short(version: str) -> str:
    """Return what a tool says of its version without what distributions add in parentheses."""
    return " ".join(re.sub(r"\([^)]*\)", "", version).split())


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _tested() -> dict[str, str]:
    """Return the versions that were tested together."""
    path = shipped.folder("constraints.txt")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = (line.partition("==") for line in lines if "==" in line and line[0] != "#")
    return {name.strip(): number.strip() for name, _, number in pairs}


def _machine() -> Iterator[Finding]:
    own = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    limit = os.environ.get("OMP_NUM_THREADS")
    description = f"{len(own)} processors" + (f", OMP_NUM_THREADS={limit}" if limit else "")
    yield Finding(what="threads", found=description, state=OK)
    gpu = _said("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    yield Finding(
        what="gpu",
        found=gpu,
        state=OK if gpu else MISSING,
        enables="" if gpu else "faster training of large networks",
        fix="" if gpu else "an NVIDIA driver, and a torch with CUDA",
    )


def _compiler() -> Finding:
    version = _said("g++", "--version")
    return Finding(
        what="g++",
        found=version,
        state=OK if version else MISSING,
        enables=""
        if version
        else "compiled kernels: faster training and simulation; simulators of the core",
        fix="" if version else "apt install g++",
    )


def _disk() -> Iterator[Finding]:
    places = {"disk, here": Path.cwd(), "disk, temporary": Path(tempfile.gettempdir())}
    for name, folder in places.items():
        free = shutil.disk_usage(folder).free
        writes = os.access(folder, os.W_OK)
        well = writes and free > LEAST_DISK
        yield Finding(
            what=name,
            found=f"{free / (1 << 30):.1f} GiB free" + ("" if writes else ", read-only"),
            state=OK if well else NOTE,
            fix="" if well else "work in a folder that can be written, with 1 GiB free",
        )


def _cache() -> Finding:
    """Tell whether compiled files can be kept from one command to the next."""
    fault = cache.fault()
    return Finding(
        what="cache",
        found=fault or str(cache.folder()),
        state=NOTE if fault else OK,
        enables="compiling kernels and simulators once, not in every process" if fault else "",
        fix="name a folder of your own with XDG_CACHE_HOME" if fault else "",
    )


def _said(*command: str) -> str:
    """Return the first line that a program says, "" where it is missing or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip().partition("\n")[0]
