"""The tools that simulate and synthesise SystemVerilog: found, named, or asked for."""

import functools
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
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


@functools.cache
def version(tool: str) -> str:
    """Return the first line of what `tool` says of its version."""
    option = "-V" if tool in ("iverilog", "vvp", "yosys") else "--version"
    said = subprocess.run([tool, option], capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).strip().partition("\n")[0]


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
